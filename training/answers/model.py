"""The check of answers as a network: a small one, over plain features."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from guard.answers.features import FEATURES

_HIDDEN = 24


class AnswerNet(nn.Module):
    """A linear model beside a small network over the same features.

    Attributes:
        temperature, shift: by which logits are divided and moved, fitted on the dev part (Platt, 1999).
    """

    def __init__(self) -> None:
        super().__init__()
        self.plain = nn.Linear(len(FEATURES), 1)
        self.mix = nn.Sequential(nn.Linear(len(FEATURES), _HIDDEN), nn.GELU(), nn.Dropout(0.2), nn.Linear(_HIDDEN, 1))
        self.temperature = nn.Parameter(torch.ones(()), requires_grad=False)
        self.shift = nn.Parameter(torch.zeros(()), requires_grad=False)

    def forward(self, features: Tensor) -> Tensor:
        """P(breach), ``(n,)``, of features ``(n, len(FEATURES))``."""
        return torch.sigmoid(self.logits(features) / self.temperature + self.shift)

    def logits(self, features: Tensor) -> Tensor:
        out: Tensor = (self.plain(features) + self.mix(features)).squeeze(1)
        return out
