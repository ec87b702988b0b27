"""``normguard bench answers``: the check of answers on norms that it never saw, made and handwritten answers apart."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from sklearn.metrics import average_precision_score, roc_auc_score

from benchmarks.datasets.answers import Answer, Answers, by_part, handwritten
from guard.answers.features import FEATURES, AnswerFeatures
from guard.answers.scorer import AnswerScorer
from guard.norms.library import Library
from guard.norms.packs import read_packs
from guard.norms.vocabulary import Vocabulary
from guard.text.sentences import sentences

_EACH = 2
_BINS = 10
_RESAMPLES = 1000

Scorer = Callable[[Answer], float]


def main() -> dict[str, Any]:
    """Measure the artefact that ships; print the table and give it back."""
    library = Library(read_packs(), Vocabulary())
    scorer = AnswerScorer(library)
    figures = measure(library, scorer)
    show(figures, Console())
    return figures


def measure(library: Library, scorer: AnswerScorer) -> dict[str, Any]:
    """Figures of the made answers and of the handwritten ones, beside those of a simple scorer."""
    made = list(Answers(library, scorer.features, seed=1).make(by_part(library)["test"], each=_EACH))
    sets = {"made": made, "handwritten": handwritten(library, "test")}
    figures: dict[str, Any] = {"clear": scorer.clear, "breach": scorer.breach, "sets": {}}
    for name, answers in sets.items():
        scores = np.array([whole(scorer, answer) for answer in answers])
        simple = np.array([_lexical(scorer.features, answer) for answer in answers])
        figures["sets"][name] = {
            **of(answers, scores, scorer.clear, scorer.breach),
            "lexical": of(answers, simple, 0.5, 0.5),
            "languages": {
                language: of(*some, scorer.clear, scorer.breach)
                for language in sorted({answer.language for answer in answers})
                if len((some := _where(answers, scores, language))[0]) >= 12
            },
        }
    figures["milliseconds"] = _speed(scorer, library, made)
    return figures


def whole(scorer: AnswerScorer, answer: Answer) -> float:
    """P(breach) of an answer: that of its worst sentence, as under ``verify``."""
    parts = [part for part in sentences(answer.text) if part.strip()]
    return max((scorer(answer.query, part, [answer.norm])[0] for part in parts), default=0.0)


def of(answers: Sequence[Answer], scores: NDArray[Any], clear: float, breach: float) -> dict[str, Any]:
    """Figures of one set, with 95 % intervals by resampling norms."""
    truth = np.array([answer.breach for answer in answers])
    flagged, cleared = scores >= breach, scores < clear
    norms = np.array([answer.norm.id for answer in answers])

    def figures(some: NDArray[Any]) -> dict[str, float]:
        t, s, f, c = truth[some], scores[some], flagged[some], cleared[some]
        both = 0 < t.sum() < len(t)
        return {
            "auc": float(roc_auc_score(t, s)) if both else float("nan"),
            "precision": float(t[f].mean()) if f.any() else float("nan"),
            "recall": float(f[t].mean()) if t.any() else float("nan"),
            "false alarms": float(f[~t].mean()) if (~t).any() else float("nan"),
            "missed": float(c[t].mean()) if t.any() else float("nan"),
            "unsure": float((~f & ~c).mean()),
        }

    point = figures(np.arange(len(answers)))
    draw = np.random.default_rng(0)
    ids, rows = np.unique(norms), {id_: np.flatnonzero(norms == id_) for id_ in np.unique(norms)}
    samples = [
        figures(np.concatenate([rows[id_] for id_ in draw.choice(ids, len(ids))]))
        for _ in range(_RESAMPLES if len(answers) < 2000 else 100)
    ]
    interval = {
        name: tuple(float(q) for q in np.nanpercentile([sample[name] for sample in samples], [2.5, 97.5]))
        for name in point
    }
    return {
        "answers": len(answers),
        "norms": len(ids),
        "breaches": int(truth.sum()),
        **point,
        "average precision": float(average_precision_score(truth, scores)),
        "ece": _ece(truth, scores),
        "interval": interval,
    }


def show(figures: dict[str, Any], console: Console) -> None:
    """Print the table."""
    table = Table(
        title=f"Check of answers, norms never seen (clear < {figures['clear']}, breach ≥ {figures['breach']})"
    )
    for column in ("set", "answers", "AUC", "precision", "recall", "false alarms", "missed", "unsure", "ECE"):
        table.add_column(column, justify="left" if column == "set" else "right")
    for name, found in figures["sets"].items():
        _row(table, name, found)
        _row(table, f"{name}, lexical rule", found["lexical"])
        for language, some in found["languages"].items():
            _row(table, f"  {language}", some)
    console.print(table)
    console.print(f"One sentence against 8 norms: {figures['milliseconds']:.2f} ms")


def _row(table: Table, name: str, found: dict[str, Any]) -> None:
    def cell(key: str) -> str:
        low, high = found["interval"][key]
        return f"{found[key] * 100:.1f} ({low * 100:.0f}-{high * 100:.0f})"

    keys = ("auc", "precision", "recall", "false alarms", "missed", "unsure")
    table.add_row(name, str(found["answers"]), *(cell(key) for key in keys), f"{found['ece']:.3f}")


def _where(answers: Sequence[Answer], scores: NDArray[Any], language: str) -> tuple[list[Answer], NDArray[Any]]:
    rows = [i for i, answer in enumerate(answers) if answer.language == language]
    return [answers[i] for i in rows], scores[rows]


def _lexical(features: AnswerFeatures, answer: Answer) -> float:
    """A rule: the breach's words are there, and neither a warning nor the alternative's."""
    dense = features(answer.query, answer.text, [answer.norm])
    row = dict(zip(FEATURES, dense[0].tolist(), strict=True))
    folded = f" {answer.text.lower()} "
    warned = any(f" {word} " in folded for word in ("not", "don't", "avoid", "never", "rather", "instead", "skip"))
    about = max(row["covers_breach"], row["ruled"])
    return float(about - row["covers_instead"] - warned)


def _ece(truth: NDArray[Any], scores: NDArray[Any]) -> float:
    """Expected calibration error in ten bins of equal width."""
    bins = np.clip((scores * _BINS).astype(int), 0, _BINS - 1)
    return float(
        sum(
            abs(truth[bins == b].mean() - scores[bins == b].mean()) * (bins == b).mean()
            for b in range(_BINS)
            if (bins == b).any()
        )
    )


def _speed(scorer: AnswerScorer, library: Library, answers: Sequence[Answer]) -> float:
    """Median milliseconds for one sentence against eight norms."""
    norms = list(library.packs["CN"].norms)[:8]
    scorer("", "warm up", norms)
    times: list[float] = []
    for answer in answers[:200]:
        start = time.perf_counter()
        scorer(answer.query, answer.text, norms)
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)
