"""Is the culture found, is the right norm among those sent, is the rest left alone?"""

from __future__ import annotations

import json
import platform
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.stats import bootstrap
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score

from benchmarks.datasets.research import CrossQuery, code_of, read_cross, read_general, read_safeworld
from benchmarks.datasets.splits import part_of, part_of_cross, read_links
from benchmarks.detection.baselines import baselines
from benchmarks.detection.calibration import reliability
from guard import Action, Decision, Exchange, Guard, Hints, Image
from guard.classifier.base import Scorer

# The pictures of CROSS are not needed: this stands for one whose content is unknown.
UNSEEN = Image(url="https://pictures.invalid/unseen")

CONDITIONS = {
    "text_only": (False, False),
    "country_hinted": (True, False),
    "content_known": (False, True),
    "content_known_country_hinted": (True, True),
}
"""What the guard is told beside the question: the country as a hint, what the picture shows as a caption."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One CROSS query and what the guard made of it, in one of the conditions."""

    query: CrossQuery
    decision: Decision
    ms: float
    links: tuple[str, ...]

    @property
    def found(self) -> bool:
        return any(norm.id in self.links for norm in self.decision.norms)


@dataclass(frozen=True, slots=True)
class Calm:
    """A question that needs nothing, and what the guard made of it."""

    query: str
    decision: Decision
    held_out: bool
    covered: bool

    @property
    def untouched(self) -> bool:
        return self.decision.action is Action.PASS


def main(
    data: Path,
    *,
    out: Path | None = None,
    plot: Path | None = None,
    print_missed: bool = False,
    guard: Guard | None = None,
    compare: bool = True,
) -> dict[str, Any]:
    """Run the benchmark over the data sets under `data`, print its tables, write its figures to `out`.

    Args:
        data: folder with ``cross/``, ``safeworld/`` and ``benign/``.
        out: where the figures go, as JSON.
        plot: where they are drawn, as PNG.
        print_missed: print every norm that was missed.
        guard: what is measured; one as it ships by default.
        compare: run the baselines too.
    """
    guard, links, queries = guard or Guard(), read_links(), read_cross(data)
    outcomes = {
        name: [_ask(guard, query, links, hinted=hinted, known=known) for query in queries if query.item or not known]
        for name, (hinted, known) in CONDITIONS.items()
    }
    text, seen = outcomes["text_only"], outcomes["content_known"]
    general = [
        Calm(query, _calm(guard, query, picture), part_of(group) == "test", False)
        for query, picture, group in read_general(data)
    ]
    cultural = [
        Calm(q.query, _calm(guard, q.query, False), part_of(q.group) == "test", _covered(guard, q.country))
        for q in read_safeworld(data, violating=False)
    ]
    unseen = [o for o in text if part_of_cross(o.query.norm) == "test"]
    calm_unseen = [c for c in (*general, *cultural) if c.held_out]
    scores = np.array([o.decision.sensitivity for o in unseen] + [c.decision.sensitivity for c in calm_unseen])
    labels = np.array([True] * len(unseen) + [False] * len(calm_unseen))
    figures: dict[str, Any] = {
        "machine": f"{platform.processor() or platform.machine()}, Python {platform.python_version()}",
        "scorer": guard.scorer.name,
        "norms": len(guard.library.norms),
        "packs": sorted(guard.library.packs),
        "culture": _culture(text),
        "culture_confusion": _confusion(text),
        "linked": _linked(queries, links),
        "recall": {name: _recall(some) for name, some in outcomes.items()},
        "advised": _share(o.decision.action is not Action.PASS for o in text),
        "untouched_general": _untouched(general),
        "untouched_benign_cultural": _untouched(cultural),
        "untouched_benign_cultural_with_pack": _untouched([c for c in cultural if c.covered]),
        "sensitivity_held_out": _sensitivity(labels, scores),
        "guidance_tokens": _spread([o.decision.tokens for o in text if o.decision.tokens]),
        "latency_ms": _spread([o.ms for o in text]),
        "scorer_ms_200_candidates": _spread(_scorer_cost(guard, queries)),
    }
    if compare:
        figures["baselines"] = {
            name: _compared(guard, scorer, queries, links, (general, cultural), data)
            for name, scorer in baselines(guard).items()
        }
    _show(figures, Console())
    if print_missed:
        _show_missed(text, seen)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if plot is not None:
        from benchmarks.detection.plots import draw

        draw(figures, plot)
    return figures


def _ask(
    guard: Guard, query: CrossQuery, links: dict[str, tuple[str, ...]], *, hinted: bool = False, known: bool = False
) -> Outcome:
    captions = (query.item,) if known and query.item else ()
    hints = Hints(country=query.country if hinted else None, captions=captions)
    exchange = Exchange.of(query.query, images=[UNSEEN], hints=hints)
    start = time.perf_counter()
    decision = guard.check(exchange)
    return Outcome(query, decision, (time.perf_counter() - start) * 1000, links.get(query.norm, ()))


def _calm(guard: Guard, query: str, picture: bool) -> Decision:
    return guard.check(Exchange.of(query, images=[UNSEEN] if picture else []))


def _scorer_cost(guard: Guard, queries: Sequence[CrossQuery]) -> list[float]:
    """Milliseconds to score 200 candidates for each of 200 questions that were not scored before."""
    norms = list(guard.library.norms.values())[:200]
    taken = []
    for number, query in enumerate(queries[:200]):
        exchange = Exchange.of(f"{query.query} {number}", images=[UNSEEN])
        findings = guard.gather(exchange)
        start = time.perf_counter()
        guard.scorer(exchange, findings, norms)
        taken.append((time.perf_counter() - start) * 1000)
    return taken


def _covered(guard: Guard, country: str) -> bool:
    code = code_of(country)
    return code is not None and bool(guard.library.of_country(code))


def _compared(
    guard: Guard,
    scorer: Scorer,
    queries: Sequence[CrossQuery],
    links: dict[str, tuple[str, ...]],
    calm: tuple[Sequence[Calm], Sequence[Calm]],
    data: Path,
) -> dict[str, Any]:
    """The same evidence, candidates, policy and budget with another scorer, on what was held out."""
    other = Guard(library=guard.library, policies=guard.policies, scorer=scorer)
    other.policy = getattr(scorer, "policy", guard.policy)
    unseen = [query for query in queries if part_of_cross(query.norm) == "test"]
    figures: dict[str, Any] = {
        name: _clustered([_ask(other, query, links, known=known) for query in unseen if query.item or not known])
        for name, known in (("text_only", False), ("content_known", True))
    }
    if getattr(scorer, "decides", True):
        pictured = {query: picture for query, picture, _ in read_general(data)}
        for name, some in zip(("untouched_general", "untouched_benign_cultural"), calm, strict=True):
            figures[name] = _share(
                _calm(other, c.query, pictured.get(c.query, False)).action is Action.PASS for c in some if c.held_out
            )
    return figures


def _untouched(calm: Sequence[Calm]) -> dict[str, Any]:
    return _interval([c.untouched for c in calm]) | {"held_out": _interval([c.untouched for c in calm if c.held_out])}


def _interval(hits: Sequence[bool]) -> dict[str, Any]:
    """A share with its 95 % bootstrap interval."""
    figure = _share(hits)
    if 0 < sum(hits) < len(hits):
        result = bootstrap(
            (np.array(hits, dtype=float),), np.mean, method="percentile", rng=np.random.default_rng(0), n_resamples=2000
        )
        figure["interval"] = [round(float(edge), 4) for edge in result.confidence_interval]
    return figure


def _sensitivity(labels: np.ndarray, scores: np.ndarray) -> dict[str, Any]:
    """How well sensitive questions of unseen norms are told from unseen benign ones, and whether the score means what
    it says."""
    precision, recall, thresholds = precision_recall_curve(labels, scores)
    picked = np.unique(np.linspace(0, len(thresholds) - 1, 60).astype(int))
    return {
        "n": len(labels),
        "sensitive": int(labels.sum()),
        "roc_auc": round(float(roc_auc_score(labels, scores)), 4),
        "average_precision": round(float(average_precision_score(labels, scores)), 4),
        "curve": [
            {"threshold": round(float(t), 4), "precision": round(float(p), 4), "recall": round(float(r), 4)}
            for t, p, r in zip(thresholds[picked], precision[picked], recall[picked], strict=True)
        ],
        **reliability(labels, scores),
    }


def _confusion(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Where the first culture was not the right one: right, found (or none), language, how often."""
    wrong = Counter(
        (o.query.country, first, o.query.language)
        for o in outcomes
        if (first := next((c["code"] for c in o.decision.cultures), "none")) != o.query.country
    )
    return [
        {"country": country, "found": found, "language": language, "n": n}
        for (country, found, language), n in wrong.most_common()
    ]


def _culture(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    by_language: defaultdict[str, list[bool]] = defaultdict(list)
    for outcome in outcomes:
        codes = [culture["code"] for culture in outcome.decision.cultures]
        by_language[outcome.query.language].append(codes[:1] == [outcome.query.country])
    return {language: _share(hits) for language, hits in sorted(by_language.items())}


def _linked(queries: Sequence[CrossQuery], links: dict[str, tuple[str, ...]]) -> dict[str, dict[str, int]]:
    norms: defaultdict[str, set[str]] = defaultdict(set)
    for query in queries:
        norms[query.country].add(query.norm)
    return {
        country: {"norms": len(ids), "linked": sum(bool(links.get(id_)) for id_ in ids)}
        for country, ids in sorted(norms.items())
    }


def _recall(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Share of queries whose norm is among those sent: linked norms, and all (one without a link counts as missed)."""
    linked = [outcome for outcome in outcomes if outcome.links]
    by_country: defaultdict[str, list[Outcome]] = defaultdict(list)
    by_language: defaultdict[str, list[Outcome]] = defaultdict(list)
    for outcome in linked:
        by_country[outcome.query.country].append(outcome)
        by_language[outcome.query.language].append(outcome)
    return {
        "linked": _clustered(linked),
        "held_out": _clustered([o for o in linked if part_of_cross(o.query.norm) == "test"]),
        "all": _clustered(outcomes),
        "by_country": {key: _share(o.found for o in some) for key, some in sorted(by_country.items())},
        "by_language": {key: _share(o.found for o in some) for key, some in sorted(by_language.items())},
    }


def _clustered(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Share found, with a 95 % bootstrap interval that resamples norms, since queries of one norm stand together."""
    by_norm: defaultdict[str, list[bool]] = defaultdict(list)
    for outcome in outcomes:
        by_norm[outcome.query.norm].append(outcome.found)
    if not by_norm:
        return {"share": None, "n": 0, "norms": 0}
    hits = np.array([sum(found) for found in by_norm.values()])
    counts = np.array([len(found) for found in by_norm.values()])
    figure: dict[str, Any] = {
        "share": round(float(hits.sum() / counts.sum()), 4),
        "n": int(counts.sum()),
        "norms": len(by_norm),
    }
    if len(by_norm) > 2 and 0 < hits.sum() < counts.sum():
        result = bootstrap(
            (hits, counts),
            lambda h, c, axis: h.sum(axis=axis) / c.sum(axis=axis),
            paired=True,
            vectorized=True,
            method="percentile",
            rng=np.random.default_rng(0),
        )
        interval = result.confidence_interval
        figure["interval"] = [round(float(interval.low), 4), round(float(interval.high), 4)]
    return figure


def _share(hits: Iterable[bool]) -> dict[str, Any]:
    values = list(hits)
    return {"share": round(sum(values) / len(values), 4) if values else None, "n": len(values)}


def _spread(values: Sequence[float]) -> dict[str, float]:
    if not values:
        return {}
    cuts = statistics.quantiles(values, n=100) if len(values) > 1 else [values[0]] * 99
    return {
        "median": round(statistics.median(values), 3),
        "p95": round(cuts[94], 3),
        "p99": round(cuts[98], 3),
        "max": round(max(values), 3),
    }


def _show(figures: dict[str, Any], console: Console) -> None:
    console.print(
        f"{figures['norms']} norms, {len(figures['packs'])} packs, scorer {figures['scorer']}, {figures['machine']}"
    )
    table = _table("culture found first, by language", "language", "share", "n")
    for language, figure in figures["culture"].items():
        table.add_row(language, _percent(figure), str(figure["n"]))
    console.print(table)
    table = _table("culture not found first", "country", "found", "language", "n")
    for row in figures["culture_confusion"][:12]:
        table.add_row(row["country"], row["found"], row["language"], str(row["n"]))
    console.print(table)
    text, seen = figures["recall"]["text_only"], figures["recall"]["content_known"]
    table = _table("right norm among those sent", "country", "CROSS norms", "linked", "text only", "content known", "n")
    for country, figure in figures["linked"].items():
        one = text["by_country"].get(country, {"share": None, "n": 0})
        other = seen["by_country"].get(country, {"share": None})
        table.add_row(
            country, str(figure["norms"]), str(figure["linked"]), _percent(one), _percent(other), str(one["n"])
        )
    console.print(table)
    table = _table("right norm among those sent, by what is known", "", "held-out norms", "all norms", "n")
    for name, recall in figures["recall"].items():
        held = recall["held_out"]
        table.add_row(
            name.replace("_", " "), _percent(held), _percent(recall["all"]), f"{held['n']} / {recall['all']['n']}"
        )
    console.print(table)
    if "baselines" in figures:
        table = _table(
            "held out, by scorer",
            "scorer",
            "text only",
            "content known",
            "general untouched",
            "benign cultural untouched",
        )
        held = {name: figures["recall"][name]["held_out"] for name in ("text_only", "content_known")}
        own = held | {name: figures[name]["held_out"] for name in ("untouched_general", "untouched_benign_cultural")}
        for name, row in {figures["scorer"]: own, **figures["baselines"]}.items():
            nothing = {"share": None}
            table.add_row(
                name,
                _percent(row["text_only"]),
                _percent(row["content_known"]),
                _percent(row.get("untouched_general", nothing)),
                _percent(row.get("untouched_benign_cultural", nothing)),
            )
        console.print(table)
    table = _table("the rest", "figure", "held out", "all")
    table.add_row(f"CROSS queries advised (n {figures['advised']['n']})", "", _percent(figures["advised"]))
    for label, key in (
        ("general questions untouched", "untouched_general"),
        ("benign cultural questions untouched", "untouched_benign_cultural"),
        ("  of these, of a country with a pack", "untouched_benign_cultural_with_pack"),
    ):
        figure = figures[key]
        table.add_row(
            f"{label} (n {figure['held_out']['n']} / {figure['n']})", _percent(figure["held_out"]), _percent(figure)
        )
    sense = figures["sensitivity_held_out"]
    table.add_row("sensitivity: area under the ROC curve", f"{sense['roc_auc']:.3f}", "")
    table.add_row("sensitivity: average precision", f"{sense['average_precision']:.3f}", "")
    table.add_row("sensitivity: expected calibration error", f"{sense['expected_calibration_error']:.3f}", "")
    for label, key, unit in (
        ("guidance", "guidance_tokens", "tokens"),
        ("latency", "latency_ms", "ms"),
        ("scoring 200 candidates", "scorer_ms_200_candidates", "ms"),
    ):
        spread = figures[key]
        if spread:
            row = f"{spread['median']} / {spread['p99']} / {spread['max']} {unit}"
            table.add_row(f"{label}, median / p99 / max", "", row)
    console.print(table)


def _table(title: str, first: str, *others: str) -> Table:
    table = Table(title=title)
    table.add_column(first)
    for heading in others:
        table.add_column(heading, justify="right")
    return table


def _percent(figure: dict[str, Any]) -> str:
    if figure["share"] is None:
        return "-"
    interval = figure.get("interval")
    between = f" ({100 * interval[0]:.0f}-{100 * interval[1]:.0f})" if interval else ""
    return f"{100 * figure['share']:.1f} %{between}"


def _show_missed(text: Sequence[Outcome], seen: Sequence[Outcome]) -> None:
    for label, outcomes in (("text only", text), ("content known", seen)):
        print(f"\nMissed, {label}:")
        for outcome in outcomes:
            if not outcome.found:
                sent = [norm.id for norm in outcome.decision.norms]
                codes = [culture["code"] for culture in outcome.decision.cultures][:2]
                wanted = list(outcome.links) or "no link"
                query = outcome.query
                print(
                    f"  {query.norm} {query.country} {query.language} wanted {wanted} item {query.item!r} "
                    f"cultures {codes} situations {list(outcome.decision.situations)[:5]} sent {sent}\n"
                    f"    {query.query[:200]}"
                )
