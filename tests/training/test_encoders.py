"""The students' designs, each on a handful of texts, and the encoder that they learn from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch: Any = pytest.importorskip("torch", reason="torch is not installed (extra train)")

TEXTS = ["a wall clock", "a clock on the wall", "white flowers", "una corbata roja", "時計", "tea for two"] * 4


class Known:
    """A teacher of a few tokens."""

    class Tokenizer:
        words = ("[UNK]", "wall", "clock", "white", "flowers", "##s", "tea")

        def __len__(self) -> int:
            return len(self.words)

        def convert_ids_to_tokens(self, ids: list[int]) -> list[str]:
            return [self.words[id_] for id_ in ids]

        def __call__(self, text: str, **named: Any) -> dict[str, list[int]]:
            return {"input_ids": [self.words.index(word) for word in text.split() if word in self.words]}

    tokenizer = Tokenizer()

    def encode(self, texts: list[str], batch: int = 64) -> Any:
        return np.stack([np.random.default_rng(len(text)).normal(size=384) for text in texts]).astype(np.float32)


@pytest.mark.parametrize("name", ["hashed-pieces", "static-tokens", "small-transformer"])
def test_a_student_learns_where_texts_lie(name: str) -> None:
    from training.encoders import DIMENSIONS, HashedPieces, SmallTransformer, StaticTokens, distil

    torch.manual_seed(0)
    basis = torch.nn.functional.normalize(torch.randn(384, DIMENSIONS), dim=0)
    made: dict[str, Any] = {
        "hashed-pieces": HashedPieces,
        "static-tokens": lambda: StaticTokens(Known(), basis),  # type: ignore[arg-type]
        "small-transformer": lambda: SmallTransformer(TEXTS),
    }
    student = made[name]()
    assert student.name == name
    targets = torch.nn.functional.normalize(torch.randn(len(set(TEXTS)), DIMENSIONS), dim=1)
    pairs = list(zip(dict.fromkeys(TEXTS), targets, strict=True)) * 4
    losses = distil(student, pairs, epochs=12, seed=0, batch=12, rate=1e-2)
    assert losses[-1] < losses[0]
    with torch.no_grad():
        vectors = student(TEXTS[:3])
    assert vectors.shape == (3, DIMENSIONS)
    assert torch.allclose(vectors.norm(dim=1), torch.ones(3), atol=1e-4)


@pytest.mark.parametrize("steps", [0, 1, 9, 10])
def test_however_few_steps_there_are(steps: int) -> None:
    from training.encoders import DIMENSIONS, HashedPieces, distil

    pairs = [(text, torch.nn.functional.normalize(torch.ones(DIMENSIONS), dim=0)) for text in TEXTS[:6]]
    assert len(distil(HashedPieces(), pairs, epochs=steps, seed=0, batch=6, rate=1e-2)) == max(steps, 1)
