"""The second half of the student: from vectors and features to relevance and sensitivity."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from guard.classifier.features import PAIR, REQUEST
from guard.classifier.lexical import BIAS, WEIGHTS

SIMILARITIES = 4  # question and picture, each against what a norm says and what it can be seen in
_HIDDEN = 48


class Ranker(nn.Module):
    """Scores candidates against each other, then the request as a whole.

    A norm's logit is a linear model of the plain features, which begins as the lexical scorer, plus a small network
    over the features, the similarities of meaning, and how each of these stands among the candidates'.
    """

    def __init__(self) -> None:
        super().__init__()
        self.plain = nn.Linear(len(PAIR), 1)
        with torch.no_grad():
            self.plain.weight.copy_(torch.tensor([[WEIGHTS.get(name, 0.0) for name in PAIR]]))
            self.plain.bias.fill_(BIAS)
        wide = len(PAIR) + 2 * SIMILARITIES + len(REQUEST)
        self.pair = nn.Sequential(nn.Linear(wide, _HIDDEN), nn.GELU(), nn.Dropout(0.1), nn.Linear(_HIDDEN, 1))
        self.sharp = nn.Linear(2 * SIMILARITIES, 1)
        nn.init.zeros_(self.pair[-1].weight)
        nn.init.zeros_(self.pair[-1].bias)
        nn.init.zeros_(self.sharp.weight)
        nn.init.zeros_(self.sharp.bias)
        self.request = nn.Sequential(
            nn.Linear(len(REQUEST) + len(PAIR) + 5, 24), nn.GELU(), nn.Dropout(0.1), nn.Linear(24, 1)
        )

    def forward(
        self, query: Tensor, content: Tensor, meaning: Tensor, things: Tensor, pairs: Tensor, request: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Logits of the candidates, ``(candidates,)``, and of sensitivity, ``(1,)``.

        Args:
            query, content: unit vectors of the question and of what the picture shows (zeros if unknown), ``(d,)``.
            meaning, things: the candidates' vectors, ``(candidates, d)``.
            pairs: features of `guard.classifier.features.PAIR`, ``(candidates, n)``.
            request: those of `REQUEST`, ``(m,)``.
        """
        likeness = torch.stack([meaning @ query, things @ query, meaning @ content, things @ content], dim=1)
        mean = likeness.mean(0, keepdim=True)
        spread = ((likeness - mean) ** 2).mean(0, keepdim=True).sqrt() + 0.05
        similar = torch.cat([likeness, (likeness - mean) / spread], dim=1)
        wide = torch.cat([pairs, similar, request.unsqueeze(0).expand(pairs.shape[0], -1)], dim=1)
        relevance = (self.plain(pairs) + self.sharp(similar) + self.pair(wide)).squeeze(1)
        # Sums over candidates rather than a sort: the graph takes any number of them.
        top = relevance.max()
        weight = torch.softmax(relevance, dim=0)
        # What the likeliest norms have in common with the request, and not the question's own vector: that would learn
        # the style in which a data set asks instead of what is asked.
        best = (weight.unsqueeze(1) * torch.cat([pairs, likeness[:, :2]], dim=1)).sum(0)
        pooled = torch.stack([top, torch.logsumexp(relevance, dim=0), (weight * weight).sum()])
        sensitivity = self.request(torch.cat([request, pooled, best]))
        return relevance, sensitivity


class LexicalRanker(Ranker):
    """The lexical scorer in the same form, to compare with: a request is as sensitive as its best norm is relevant."""

    def forward(
        self, query: Tensor, content: Tensor, meaning: Tensor, things: Tensor, pairs: Tensor, request: Tensor
    ) -> tuple[Tensor, Tensor]:
        relevance = self.plain(pairs).squeeze(1)
        return relevance, relevance.max().unsqueeze(0)
