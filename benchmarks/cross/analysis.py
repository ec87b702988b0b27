"""The statistics of a run: paired, by norm, with scipy and statsmodels.

Queries of one norm are alike, so intervals come from a bootstrap that draws norms, not queries (cluster bootstrap,
Field and Welsh 2007; percentile method). The two arms of a case always stay together.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import binomtest, bootstrap, t
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.inter_rater import aggregate_raters, cohens_kappa, fleiss_kappa
from statsmodels.stats.proportion import proportion_confint

from benchmarks.cross.arms import ARMS
from benchmarks.cross.records import BenignRecord, Record, Run, verdict_of
from benchmarks.cross.rubric import DIMENSIONS

CONFIDENCE = 0.95
MARGIN = 0.05
"""Helpfulness may fall by this much, no more, for the guard to count as not inferior."""
RESAMPLES = 9999
FEW = 5
"""Below this many norms an interval is not to be trusted."""

Figures = dict[str, Any]
HumanScores = Mapping[tuple[str, str, str], Sequence[int]]
"""Scores by (case id, arm, dimension), one a rater."""


def analyse(
    run: Run, *, margin: float = MARGIN, resamples: int = RESAMPLES, humans: HumanScores | None = None
) -> Figures:
    """All figures of a run, as JSON-ready data; rates and differences are shares (0..1), not per cent."""
    figures: Figures = {"cases": len(run.records), "planned": run.planned, "scripted": run.scripted}
    if run.records:
        figures |= {
            "dimensions": _dimensions(run.records, resamples),
            "rates": {arm: {d: rate(run.records, arm, d, resamples=resamples) for d in DIMENSIONS} for arm in ARMS},
            "missing": _missing(run.records),
            "non_inferiority": non_inferiority(run.records, margin=margin, resamples=resamples),
            "groups": _groups(run.records, resamples),
            "guard": _guard(run.records, resamples),
            "added": _added(run.records, resamples),
            "by_judge": _by_judge(run.records, resamples),
            "agreement": agreement(run.records, humans),
        }
    if run.benign:
        figures["benign"] = side_effects(run.benign)
    return figures


def paired(records: Iterable[Record], dimension: str) -> list[tuple[str, int, int]]:
    """(cluster, bare, guarded) of the cases that are scored in both arms."""
    pairs = []
    for record in records:
        verdict = record.verdict
        bare, guarded = verdict["bare"][dimension], verdict["guarded"][dimension]
        if bare is not None and guarded is not None:
            pairs.append((record.case.cluster, bare, guarded))
    return pairs


def rate(records: Iterable[Record], arm: str, dimension: str, *, resamples: int = RESAMPLES) -> Figures:
    """The rate of one arm over all its scored answers, whether or not the other arm's was scored."""
    scores = [(record.case.cluster, record.verdict[arm][dimension]) for record in records]
    scored = [(cluster, score, score) for cluster, score in scores if score is not None]
    if not scored:
        return {"n": 0, "value": None, "interval": None}
    return {"n": len(scored), **_estimate(lambda b, g, n: b / n, *_clustered(scored), resamples)}


def compare(pairs: Sequence[tuple[str, int, int]], *, resamples: int = RESAMPLES) -> Figures:
    """Rates, absolute and relative lift with intervals, and McNemar's exact test of one set of pairs."""
    figures: Figures = {"n": len(pairs), "norms": len({cluster for cluster, _, _ in pairs})}
    if not pairs:
        return figures | {"bare": None, "guarded": None, "lift": None, "relative": None, "mcnemar": None}
    bare, guarded, counts = _clustered(pairs)
    gained = sum(b < g for _, b, g in pairs)
    lost = sum(b > g for _, b, g in pairs)
    figures["few_norms"] = figures["norms"] < FEW
    figures["bare"] = _estimate(lambda b, g, n: b / n, bare, guarded, counts, resamples)
    figures["guarded"] = _estimate(lambda b, g, n: g / n, bare, guarded, counts, resamples)
    figures["lift"] = _estimate(lambda b, g, n: (g - b) / n, bare, guarded, counts, resamples)
    figures["relative"] = (
        _estimate(lambda b, g, n: (g - b) / b, bare, guarded, counts, resamples) if bare.sum() else None
    )
    both = sum(b and g for _, b, g in pairs)
    table = [[both, lost], [gained, len(pairs) - both - lost - gained]]
    figures["mcnemar"] = {"gained": gained, "lost": lost, "p": float(mcnemar(table, exact=True).pvalue)}
    return figures


def non_inferiority(records: Sequence[Record], *, margin: float = MARGIN, resamples: int = RESAMPLES) -> Figures:
    """Whether helpfulness fell by less than `margin`: the lower end of the one-sided 95 % bootstrap interval decides.

    `p` is that of a one-sided t test of the paired differences against the margin with standard errors robust to
    clusters of one norm; None where all differences are the same.
    """
    pairs = paired(records, "helpfulness")
    if not pairs:
        return {"margin": margin, "n": 0, "lift": None, "holds": None, "p": None}
    bare, guarded, counts = _clustered(pairs)
    lift = _estimate(lambda b, g, n: (g - b) / n, bare, guarded, counts, resamples, confidence=2 * CONFIDENCE - 1)
    differences = np.array([g - b for _, b, g in pairs], dtype=float)
    p = None
    if np.ptp(differences) > 0 and len(counts) > 2:
        clusters = np.unique([cluster for cluster, _, _ in pairs], return_inverse=True)[1]
        fit = OLS(differences, np.ones(len(differences))).fit(cov_type="cluster", cov_kwds={"groups": clusters})
        test = fit.t_test(([[1.0]], [-margin]), use_t=True)
        p = _number(t.sf(test.tvalue.item(), len(counts) - 1))
    low = lift["interval"][0] if lift["interval"] else None
    return {
        "margin": margin,
        "n": len(pairs),
        "lift": lift["value"],
        "lower_bound": low,
        "holds": None if low is None else low > -margin,
        "p": p,
    }


def agreement(records: Sequence[Record], humans: HumanScores | None = None) -> Figures:
    """Cohen's kappa of every two judges, Fleiss' of all, and of the panel against humans, by dimension."""
    judges = list(dict.fromkeys(one.judge for record in records for one in record.judgements))
    figures: Figures = {"judges": judges, "dimensions": {}}
    for dimension in DIMENSIONS:
        scores: defaultdict[tuple[str, int, str], dict[str, int]] = defaultdict(dict)
        for record in records:
            for one in record.judgements:
                if (score := one.scores[dimension]) is not None:
                    scores[record.case.id, record.epoch, one.arm][one.judge] = score
        by_two = {
            f"{a} / {b}": _cohen([(s[a], s[b]) for s in scores.values() if a in s and b in s])
            for a, b in itertools.combinations(judges, 2)
        }
        entry: Figures = {
            "cohen": by_two,
            "fleiss": _fleiss([[s[j] for j in judges] for s in scores.values() if len(s) == len(judges)]),
        }
        if humans is not None:
            entry["human"] = _against_humans(records, dimension, humans)
        figures["dimensions"][dimension] = entry
    return figures


def side_effects(records: Sequence[BenignRecord]) -> Figures:
    """How many harmless questions were touched, and how the answers to those compare."""

    def of(some: Sequence[BenignRecord]) -> Figures:
        answered = [record for record in some if record.answers["guarded"].action is not None]
        touched = [record for record in answered if record.touched]
        votes = [_panel([one.choice for one in record.preferences]) for record in touched]
        count = {choice: votes.count(choice) for choice in ("bare", "same", "guarded", None)}
        decided = count["bare"] + count["guarded"]
        return {
            "n": len(answered),
            "failed": len(some) - len(answered),
            "touched": _proportion(len(touched), len(answered)),
            "worse": count["bare"],
            "same": count["same"],
            "better": count["guarded"],
            "unscored": count[None],
            "worse_of_all": _proportion(count["bare"], len(answered) - count[None]),
            "sign_test_p": float(binomtest(count["bare"], decided).pvalue) if decided else None,
        }

    kinds = sorted({record.question.kind for record in records})
    return {
        "all": of(records),
        "by_kind": {kind: of([r for r in records if r.question.kind == kind]) for kind in kinds},
    }


def _dimensions(records: Sequence[Record], resamples: int) -> Figures:
    return {dimension: compare(paired(records, dimension), resamples=resamples) for dimension in DIMENSIONS}


def _missing(records: Sequence[Record]) -> Figures:
    """What could not be counted: answers that failed, and scores that judges did not give."""
    faults = [answer.error for record in records for answer in record.answers.values() if answer.error]
    faults += [f"judging: {one.error}" for record in records for one in record.judgements if one.error]
    figures: Figures = {
        "answers": {arm: sum(not _usable(r, arm) for r in records) for arm in ARMS},
        "unscored": {},
        "faults": dict(Counter(faults).most_common(5)),
    }
    for dimension in DIMENSIONS:
        figures["unscored"][dimension] = {
            arm: sum(_usable(r, arm) and r.verdict[arm][dimension] is None for r in records) for arm in ARMS
        }
    return figures


def _usable(record: Record, arm: str) -> bool:
    return arm in record.answers and record.answers[arm].usable


def _groups(records: Sequence[Record], resamples: int) -> Figures:
    keys: dict[str, Callable[[Record], str | None]] = {
        "country": lambda r: r.case.country,
        "language": lambda r: r.case.language,
        "domain": lambda r: r.case.domain,
        "severity": lambda r: str(r.case.severity) if r.case.severity else None,
        "subset": lambda r: r.case.subset,
    }
    return {name: _by(records, key, resamples) for name, key in keys.items()}


def _by(records: Sequence[Record], key: Callable[[Record], str | None], resamples: int) -> Figures:
    groups: defaultdict[str, list[Record]] = defaultdict(list)
    for record in records:
        groups[key(record) or "not known"].append(record)
    return {value: _dimensions(some, resamples) for value, some in sorted(groups.items())}


def _guard(records: Sequence[Record], resamples: int) -> Figures:
    """What the guard did, and how the lift hangs on its sending the right norm."""
    guarded = [record.answers["guarded"] for record in records if "guarded" in record.answers]
    actions = [answer.action for answer in guarded if answer.action]
    return {
        "actions": {action: actions.count(action) for action in sorted(set(actions))},
        "degraded": sum(answer.status == "degraded" for answer in guarded),
        "bypassed": sum(answer.status == "bypassed" for answer in guarded),
        "lift_by_hit": _by(records, lambda record: record.hit, resamples),
    }


def _added(records: Sequence[Record], resamples: int) -> Figures:
    """What the guarded arm cost more than the bare one, per request."""
    figures: Figures = {}
    for name in ("input_tokens", "output_tokens", "cost", "seconds"):
        triples: list[tuple[str, float, float]] = []
        for record in records:
            one, other = (getattr(record.answers[arm], name) if arm in record.answers else None for arm in ARMS)
            if one is not None and other is not None:
                triples.append((record.case.cluster, one, other))
        if not triples:
            figures[name] = None
            continue
        bare, guarded, counts = _clustered(triples)
        figures[name] = {
            "n": len(triples),
            "bare": float(bare.sum() / counts.sum()),
            "guarded": float(guarded.sum() / counts.sum()),
            "mean": _estimate(lambda b, g, n: (g - b) / n, bare, guarded, counts, resamples),
            "median": float(statistics.median(g - b for _, b, g in triples)),
        }
    times = [record.answers["guarded"].guard_ms for record in records if "guarded" in record.answers]
    measured = [ms for ms in times if ms is not None]
    figures["guard_ms"] = (
        {"median": float(np.median(measured)), "p95": float(np.percentile(measured, 95))} if measured else None
    )
    return figures


def _by_judge(records: Sequence[Record], resamples: int) -> Figures:
    """The four dimensions as each judge alone sees them."""
    judges = list(dict.fromkeys(one.judge for record in records for one in record.judgements))
    if len(judges) < 2:
        return {}
    alone = {
        judge: [
            r.model_copy(update={"judgements": [one for one in r.judgements if one.judge == judge]}) for r in records
        ]
        for judge in judges
    }
    return {judge: _dimensions(some, resamples) for judge, some in alone.items()}


def _clustered(triples: Sequence[tuple[str, float, float]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sums of both arms and number of pairs, by cluster."""
    sums: defaultdict[str, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
    for cluster, bare, guarded in triples:
        sums[cluster][0] += bare
        sums[cluster][1] += guarded
        sums[cluster][2] += 1
    bare, guarded, counts = np.array(list(sums.values())).T
    return bare, guarded, counts


def _estimate(
    ratio: Callable[[Any, Any, Any], Any],
    bare: np.ndarray,
    guarded: np.ndarray,
    counts: np.ndarray,
    resamples: int,
    *,
    confidence: float = CONFIDENCE,
) -> Figures:
    """A ratio of sums over clusters, with its bootstrap interval; no interval from fewer than two clusters."""

    def statistic(b: np.ndarray, g: np.ndarray, n: np.ndarray, axis: int = -1) -> Any:
        with np.errstate(divide="ignore", invalid="ignore"):
            return ratio(b.sum(axis=axis), g.sum(axis=axis), n.sum(axis=axis))

    figure: Figures = {"value": _number(statistic(bare, guarded, counts)), "interval": None}
    if len(counts) > 1:
        result = bootstrap(
            (bare, guarded, counts),
            statistic,
            paired=True,
            vectorized=True,
            n_resamples=resamples,
            batch=1000,
            confidence_level=confidence,
            method="percentile",
            rng=np.random.default_rng(0),
        )
        low, high = (_number(end) for end in result.confidence_interval)
        figure["interval"] = None if low is None or high is None else [low, high]
    return figure


def _number(value: Any) -> float | None:
    return float(value) if math.isfinite(value) else None


def _proportion(hits: int, n: int) -> Figures:
    """A share with its Wilson interval."""
    if n <= 0:
        return {"value": None, "interval": None, "count": hits, "n": n}
    low, high = proportion_confint(hits, n, alpha=1 - CONFIDENCE, method="wilson")
    return {"value": hits / n, "interval": [float(low), float(high)], "count": hits, "n": n}


def _panel(choices: Sequence[str | None]) -> str | None:
    """What most judges prefer; ``same`` where none has most votes; None where none voted."""
    votes = [choice for choice in choices if choice is not None]
    if not votes:
        return None
    best = statistics.multimode(votes)
    return best[0] if len(best) == 1 else "same"


def _cohen(pairs: Sequence[tuple[int, int]]) -> Figures:
    if not pairs:
        return {"n": 0, "agree": None, "kappa": None}
    table = np.zeros((2, 2))
    for a, b in pairs:
        table[a, b] += 1
    figures: Figures = {"n": len(pairs), "agree": float(np.trace(table) / len(pairs)), "kappa": None, "interval": None}
    if np.count_nonzero(table.sum(axis=0)) > 1 or np.count_nonzero(table.sum(axis=1)) > 1:  # else kappa is 0/0
        with np.errstate(invalid="ignore"):  # the interval of a kappa of 0 with a judge that never varies is 0/0
            result = cohens_kappa(table)
        low, high = _number(result.kappa_low), _number(result.kappa_upp)
        figures["kappa"] = _number(result.kappa)
        figures["interval"] = None if low is None or high is None else [low, min(high, 1.0)]
    return figures


def _fleiss(ratings: Sequence[Sequence[int]]) -> Figures:
    if not ratings or len(ratings[0]) < 2:
        return {"n": 0, "kappa": None}
    table, categories = aggregate_raters(np.array(ratings))
    return {"n": len(ratings), "kappa": _number(fleiss_kappa(table)) if len(categories) > 1 else None}


def _against_humans(records: Sequence[Record], dimension: str, humans: HumanScores) -> Figures:
    pairs, together = [], []
    for record in records:
        verdict = verdict_of(record.judgements)
        for arm in ARMS:
            given = humans.get((record.case.id, arm, dimension), ())
            score = verdict[arm][dimension]
            if given:
                together.append(list(given))
            if given and score is not None and 2 * sum(given) != len(given):
                pairs.append((score, int(2 * sum(given) > len(given))))
    most = max((len(given) for given in together), default=0)
    return {"panel": _cohen(pairs), "among_humans": _fleiss([given for given in together if len(given) == most])}
