"""Three designs of a student that turns a text into a unit vector; they share everything but their tokens.

All learn the same: to put a text, in any language, where the teacher puts its English.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.detection.encoder import SentenceEncoder
from guard.classifier.ngrams import BUCKETS, hashed

DIMENSIONS = 128


class Encoder(Protocol):
    """A student: texts to unit vectors, ``(texts, DIMENSIONS)``."""

    name: str

    def __call__(self, texts: Sequence[str]) -> Tensor: ...
    def parameters(self) -> object: ...


class Bag(nn.Module):
    """The normalised mean of the vectors of a text's tokens, whatever the tokens are."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.table = nn.EmbeddingBag(size, DIMENSIONS, mode="mean")
        nn.init.normal_(self.table.weight, std=0.1)

    def ids(self, text: str) -> Sequence[int]:
        raise NotImplementedError

    def forward(self, texts: Sequence[str]) -> Tensor:
        bags = [self.ids(text) for text in texts]
        device = self.table.weight.device
        flat = torch.tensor([id_ for bag in bags for id_ in bag], dtype=torch.long, device=device)
        starts = torch.tensor(np.cumsum([0, *(len(bag) for bag in bags[:-1])]), dtype=torch.long, device=device)
        return nn.functional.normalize(self.table(flat, starts), dim=1)


class HashedPieces(Bag):
    """Hashed words and letter n-grams: no vocabulary, the same tokens in every language and for slips of the pen."""

    name = "hashed-pieces"

    def __init__(self) -> None:
        super().__init__(BUCKETS)

    @staticmethod
    @lru_cache(maxsize=1 << 18)
    def _ids(text: str) -> tuple[int, ...]:
        return tuple(hashed(text))

    def ids(self, text: str) -> Sequence[int]:
        return self._ids(text)


class StaticTokens(Bag):
    """A vector for each of the teacher's tokens, begun where the teacher puts that token alone (as Model2Vec does)."""

    name = "static-tokens"

    def __init__(self, teacher: SentenceEncoder, basis: Tensor) -> None:
        super().__init__(len(teacher.tokenizer))
        self._tokenizer = teacher.tokenizer
        tokens = teacher.tokenizer.convert_ids_to_tokens(list(range(len(teacher.tokenizer))))
        vectors = torch.from_numpy(teacher.encode([token.replace("##", "") for token in tokens], batch=512)) @ basis
        # The vocabulary stands in order of frequency, roughly: rarer tokens say more (smooth inverse frequency).
        weight = torch.log1p(torch.arange(len(tokens), dtype=torch.float32)) / math.log(len(tokens))
        with torch.no_grad():
            self.table.weight.copy_(vectors * weight.unsqueeze(1))
        self._cache: dict[str, list[int]] = {}

    def ids(self, text: str) -> Sequence[int]:
        if (known := self._cache.get(text)) is None:
            known = self._tokenizer(text, add_special_tokens=False, truncation=True, max_length=128)["input_ids"] or [0]
            self._cache[text] = known
        return known


class SmallTransformer(nn.Module):
    """Two layers of self-attention over subwords (byte-pair encoding) learned from the training texts."""

    name = "small-transformer"
    SIZE, LENGTH = 12_000, 64

    def __init__(self, corpus: Sequence[str]) -> None:
        super().__init__()
        from tokenizers import ByteLevelBPETokenizer

        self._tokenizer = ByteLevelBPETokenizer(lowercase=True)
        self._tokenizer.train_from_iterator(corpus, vocab_size=self.SIZE, min_frequency=2, show_progress=False)
        self.tokens = nn.Embedding(self.SIZE + 1, DIMENSIONS, padding_idx=self.SIZE)
        self.places = nn.Embedding(self.LENGTH, DIMENSIONS)
        layer = nn.TransformerEncoderLayer(DIMENSIONS, 4, 256, dropout=0.05, batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self._cache: dict[str, list[int]] = {}

    def ids(self, text: str) -> list[int]:
        if (known := self._cache.get(text)) is None:
            known = self._tokenizer.encode(text).ids[: self.LENGTH] or [0]
            self._cache[text] = known
        return known

    def forward(self, texts: Sequence[str]) -> Tensor:
        bags = [self.ids(text) for text in texts]
        longest = max(len(bag) for bag in bags)
        padded = torch.tensor(
            [bag + [self.SIZE] * (longest - len(bag)) for bag in bags], device=self.tokens.weight.device
        )
        blank = padded == self.SIZE
        hidden = self.tokens(padded) + self.places(torch.arange(longest, device=padded.device))
        hidden = self.layers(hidden, src_key_padding_mask=blank)
        hidden = hidden.masked_fill(blank.unsqueeze(-1), 0.0).sum(1) / (~blank).sum(1, keepdim=True)
        return nn.functional.normalize(hidden, dim=1)


def basis_of(vectors: np.ndarray) -> Tensor:
    """The directions in which the teacher's vectors differ most, ``(384, DIMENSIONS)``."""
    _, _, directions = torch.linalg.svd(torch.from_numpy(vectors), full_matrices=False)
    return directions[:DIMENSIONS].T.contiguous()


def distil(
    encoder: nn.Module, pairs: Sequence[tuple[str, Tensor]], *, epochs: float, seed: int, batch: int = 256, rate: float
) -> list[float]:
    """Teach `encoder` to put each text where its target vector is; the mean loss of each twentieth of the steps.

    The loss is that of a text's similarities to all others of the batch, beside the plain cosine: what is told apart by
    the teacher shall be told apart by the student.
    """
    generator = torch.Generator().manual_seed(seed)
    device = next(encoder.parameters()).device
    targets = torch.stack([target for _, target in pairs])
    steps = max(int(epochs * len(pairs) / batch), 1)
    optimizer = torch.optim.Adam(encoder.parameters(), lr=rate)
    # Below eleven steps the schedule's tenth of warming up is none, by which it would divide.
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=max(steps + 1, 11), pct_start=0.1)
    encoder.train()
    losses: list[float] = []
    for _ in range(steps):
        chosen = torch.randint(len(pairs), (batch,), generator=generator)
        wanted = targets[chosen].to(device)
        given = encoder([pairs[i][0] for i in chosen.tolist()])
        cosine = 1 - (given * wanted).sum(1).mean()
        likeness = nn.functional.mse_loss(given @ wanted.T, wanted @ wanted.T)
        loss = cosine + 10.0 * likeness
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(float(cosine.detach()))
    encoder.eval()
    width = max(len(losses) // 20, 1)
    return [sum(losses[i : i + width]) / width for i in range(0, len(losses) - width + 1, width)]
