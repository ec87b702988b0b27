"""What the encoder's vector alone tells: the destination's culture, and the situations."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from guard import Exchange, Guard
from training.corpus import Example
from training.encoders import DIMENSIONS


class Heads(nn.Module):
    """Two linear models over a unit vector; probabilities, each by itself, for a text may speak of several or none."""

    def __init__(self, cultures: Sequence[str], situations: Sequence[str]) -> None:
        super().__init__()
        self.cultures, self.situations = list(cultures), list(situations)
        self.culture = nn.Linear(DIMENSIONS, len(cultures))
        self.situation = nn.Linear(DIMENSIONS, len(situations))

    def forward(self, vector: Tensor) -> tuple[Tensor, Tensor]:
        return self.culture(vector), self.situation(vector)


def fit_heads(examples: Sequence[Example], vectors: Tensor, guard: Guard, *, seed: int, steps: int = 1500) -> Heads:
    """Heads fitted to vectors of the examples' questions.

    Cultures are those that the data sets name. Situations are those that the lexicon finds in a question's English, so
    that the student learns to find them in any language and in words that the lexicon lacks.
    """
    torch.manual_seed(seed)
    heads = Heads(sorted(guard.library.packs), sorted(guard.library.vocabulary.situations))
    culture = torch.zeros(len(examples), len(heads.cultures))
    situation = torch.zeros(len(examples), len(heads.situations))
    column = {id_: i for i, id_ in enumerate(heads.situations)}
    row = {code: i for i, code in enumerate(heads.cultures)}
    for i, example in enumerate(examples):
        if example.country in row:
            culture[i, row[example.country]] = 1.0
        for id_, score in guard.gather(Exchange.of(example.english)).situations.items():
            if id_ in column and score >= 0.8:
                situation[i, column[id_]] = 1.0
    optimizer = torch.optim.Adam(heads.parameters(), lr=0.05, weight_decay=1e-5)
    for _ in range(steps):
        some = torch.randint(len(examples), (1024,))
        by_culture, by_situation = heads(vectors[some])
        loss = nn.functional.binary_cross_entropy_with_logits(by_culture, culture[some])
        loss = loss + nn.functional.binary_cross_entropy_with_logits(by_situation, situation[some])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    heads.eval()
    return heads
