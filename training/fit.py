"""Fitting the ranker to examples, with a teacher of the same form that reads with the large encoder."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn

from guard import Exchange, Guard, Hints, Image
from guard.classifier.features import Featurizer
from guard.classifier.student import content_of
from guard.errors import NormGuardError
from guard.norms.retrieval import candidates
from guard.norms.wording import meaning_of, things_of
from training.corpus import Example
from training.encoders import DIMENSIONS
from training.ranker import Ranker

# Stands for a picture of unknown content: the research data come without theirs.
_UNSEEN = Image(url="https://pictures.invalid/unseen")
_WEIGHTS = {"cross": 2.0, "scenario": 0.2}
_SENSE = {"scenario": 2.0, "calm": 2.0, "general": 2.0}
_BATCH, _RATE, _DECAY = 16, 2e-3, 1e-3
_SOFT = 0.3  # share of the teacher's opinion where the norms at stake are known
_FALSE_ALARMS = 0.08  # of benign questions, where sensitivity is compared


@dataclass(frozen=True, slots=True)
class Case:
    """An example as the ranker takes it: features, candidates (rows of the norms' vectors) and their relevance."""

    example: Example
    content: str
    rows: Tensor
    pairs: Tensor
    request: Tensor
    wanted: Tensor | None


@dataclass(frozen=True, slots=True)
class Vectors:
    """Unit vectors of all texts by one encoder; of an empty text, zeros."""

    texts: dict[str, Tensor]
    meaning: Tensor
    things: Tensor


def prepare(examples: Sequence[Example], guard: Guard) -> list[Case]:
    """Gather evidence for each example as the guard does; those for which no norm is a candidate are left out."""
    library, featurize = guard.library, Featurizer(guard.library)
    row = {id_: i for i, id_ in enumerate(library.norms)}
    cases: list[Case] = []
    for example in examples:
        images = [_UNSEEN] if example.pictured else []
        exchange = Exchange.of(example.query, images=images, hints=Hints(captions=example.captions))
        findings = guard.gather(exchange)
        norms = candidates(findings, library)
        if not norms:
            continue
        pairs, request = featurize(exchange, findings, norms)
        wanted = example.relevant
        cases.append(
            Case(
                example,
                content_of(exchange, findings, library.vocabulary),
                torch.tensor([row[norm.id] for norm in norms]),
                torch.from_numpy(pairs),
                torch.from_numpy(request),
                None if wanted is None else torch.tensor([wanted.get(norm.id, 0.0) for norm in norms]),
            )
        )
    return cases


def vectors_of(
    cases: Sequence[Case], guard: Guard, encode: Callable[[Sequence[str]], Tensor], *, english: bool = False
) -> Vectors:
    """Vectors of all questions, contents and norms; `english` for an encoder that reads nothing else."""
    norms = list(guard.library.norms.values())
    texts = {case.example.english if english else case.example.query for case in cases}
    texts |= {case.content for case in cases}
    listed = sorted(text for text in texts if text)
    found: dict[str, Tensor] = {"": torch.zeros(DIMENSIONS)}
    for start in range(0, len(listed), 512):
        some = listed[start : start + 512]
        found.update(zip(some, encode(some), strict=True))
    if english:
        found.update({case.example.query: found[case.example.english] for case in cases})
    return Vectors(
        found,
        encode([meaning_of(norm) for norm in norms]),
        encode([things_of(norm, guard.library.vocabulary) for norm in norms]),
    )


def run(ranker: Ranker, case: Case, vectors: Vectors) -> tuple[Tensor, Tensor]:
    """Logits of the candidates and of sensitivity."""
    found: tuple[Tensor, Tensor] = ranker(
        vectors.texts[case.example.query],
        vectors.texts[case.content],
        vectors.meaning[case.rows],
        vectors.things[case.rows],
        case.pairs,
        case.request,
    )
    return found


def fit(
    cases: Sequence[Case],
    scenarios: Sequence[Case],
    vectors: Vectors,
    *,
    seed: int,
    epochs: int = 5,
    per_epoch: int = 3000,
    teacher: dict[int, Tensor] | None = None,
) -> Ranker:
    """A ranker fitted to `cases`, and in each epoch to other `per_epoch` of the `scenarios`.

    Args:
        teacher: by ``id(case)``, the teacher's distribution over the candidates; it stands in where the norms at stake
            are not known, and softens them where they are.
    """
    torch.manual_seed(seed)
    chance = random.Random(seed)
    ranker = Ranker()
    optimizer = torch.optim.AdamW(ranker.parameters(), lr=_RATE, weight_decay=_DECAY)
    count = len(cases) + min(per_epoch, len(scenarios))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, total_steps=epochs * (count // _BATCH + 1) + 1)
    queries = Counter((case.example.source, case.example.group) for case in cases)

    def weight(case: Case) -> float:
        # Queries of one norm are alike: many of them count as four.
        alone = min(1.0, 4.0 / max(queries[case.example.source, case.example.group], 1))
        return _WEIGHTS.get(case.example.source, 1.0) * alone

    for _ in range(epochs):
        turn = [*cases, *chance.sample(scenarios, min(per_epoch, len(scenarios)))]
        chance.shuffle(turn)
        ranker.train()
        for start in range(0, len(turn), _BATCH):
            some = turn[start : start + _BATCH]
            losses = [weight(case) * _loss(ranker, case, vectors, (teacher or {}).get(id(case))) for case in some]
            loss = torch.stack(losses).mean()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(ranker.parameters(), 1.0)
            optimizer.step()
            schedule.step()
    ranker.eval()
    return ranker


def _loss(ranker: Ranker, case: Case, vectors: Vectors, opinion: Tensor | None) -> Tensor:
    relevance, sensitivity = run(ranker, case, vectors)
    wanted = case.wanted
    if wanted is None:
        # A breach of a norm that no pack has: there is nothing to advise, and only the teacher's order to learn.
        return torch.zeros(()) if opinion is None else -0.5 * (opinion * torch.log_softmax(relevance, 0)).sum()
    loss = nn.functional.binary_cross_entropy_with_logits(sensitivity[0], torch.tensor(case.example.sensitive))
    loss = _SENSE.get(case.example.source, 1.0) * loss
    if float(wanted.sum()) > 0:
        target = wanted / wanted.sum()
        if opinion is not None:
            target = (1 - _SOFT) * target + _SOFT * opinion
        loss = loss - (target * torch.log_softmax(relevance, 0)).sum()
        each = nn.functional.binary_cross_entropy_with_logits(relevance, wanted, reduction="sum")
        loss = loss + 0.15 * each / float(wanted.sum().clamp(min=1.0))
    else:
        loss = loss + 1.5 * nn.functional.binary_cross_entropy_with_logits(relevance, wanted)
    return loss


@torch.no_grad()
def opinions(ranker: Ranker, cases: Sequence[Case], vectors: Vectors) -> dict[int, Tensor]:
    """A teacher's distribution over the candidates of each sensitive case, by ``id(case)``."""
    return {id(case): torch.softmax(run(ranker, case, vectors)[0], 0) for case in cases if case.example.sensitive}


@torch.no_grad()
def evaluate(ranker: Ranker, cases: Sequence[Case], vectors: Vectors) -> dict[str, Any]:
    """Recall at 5 of the norm at stake, by whether the content is known; how sensitive and benign are told apart."""
    hits: dict[bool, list[bool]] = {False: [], True: []}
    scores: list[float] = []
    labels: list[bool] = []
    for case in cases:
        relevance, sensitivity = run(ranker, case, vectors)
        scores.append(float(sensitivity))
        labels.append(case.example.sensitive > 0)
        if case.example.sensitive and case.wanted is not None and float(case.wanted.max()) >= 1:
            best = relevance.argsort(descending=True)[:5]
            hits[bool(case.content)].append(bool((case.wanted[best] >= 1).any()))
    benign = [score for score, label in zip(scores, labels, strict=True) if not label]
    line = float(np.quantile(benign, 1 - _FALSE_ALARMS)) if benign else 0.0
    return {
        "recall5_text_only": _mean(hits[False]),
        "recall5_content_known": _mean(hits[True]),
        "auc": round(float(roc_auc_score(labels, scores)), 4) if len(set(labels)) == 2 else None,
        "caught_at_8_percent_false_alarms": _mean(
            [score > line for score, label in zip(scores, labels, strict=True) if label]
        ),
    }


@torch.no_grad()
def calibration(ranker: Ranker, cases: Sequence[Case], vectors: Vectors) -> dict[str, tuple[float, float]]:
    """Scale and shift that turn each kind of logit into a probability (Platt 1999), from cases that were not fitted."""
    sensitive: list[tuple[float, bool]] = []
    relevant: list[tuple[float, bool]] = []
    for case in cases:
        relevance, sensitivity = run(ranker, case, vectors)
        if case.example.source in ("cross", "calm", "general"):
            sensitive.append((float(sensitivity), case.example.sensitive > 0))
        if case.example.source == "cross" and case.wanted is not None:
            relevant.extend(zip(relevance.tolist(), (case.wanted >= 1).tolist(), strict=True))
    return {"sensitivity": _platt(sensitive), "relevance": _platt(relevant)}


def _platt(points: Sequence[tuple[float, bool]]) -> tuple[float, float]:
    if len({label for _, label in points}) < 2:
        raise NormGuardError(
            "The development part cannot calibrate anything: it needs questions of CROSS whose norm is among the "
            "candidates, and harmless ones. Are the data sets whole?"
        )
    model = LogisticRegression(C=1.0).fit(np.array([[x] for x, _ in points]), [label for _, label in points])
    return float(model.coef_[0, 0]), float(model.intercept_[0])


def _mean(hits: Sequence[bool]) -> float | None:
    return round(float(np.mean(hits)), 4) if hits else None
