"""Is the culture found, is the right norm among those sent, is the rest left alone?"""

from __future__ import annotations

import json
import platform
import statistics
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from rich.console import Console
from rich.table import Table
from scipy.stats import bootstrap

from benchmarks.detection.data import CrossQuery, code_of, read_cross, read_general, read_safeworld
from benchmarks.detection.splits import part_of, part_of_cross
from guard import Action, Decision, Exchange, Guard, Hints, Image

LINKS = Path(__file__).with_name("links.yaml")
# The pictures of CROSS are not needed: this stands for one whose content is unknown.
UNSEEN = Image(url="https://pictures.invalid/unseen")


@dataclass(frozen=True, slots=True)
class Outcome:
    """One CROSS query and what the guard made of it, in one of the two conditions."""

    query: CrossQuery
    decision: Decision
    ms: float
    links: tuple[str, ...]

    @property
    def found(self) -> bool:
        return any(norm.id in self.links for norm in self.decision.norms)


def read_links(path: Path = LINKS) -> dict[str, tuple[str, ...]]:
    """CROSS norm id to the ids of the pack norms that express it."""
    return {str(key): tuple(ids) for key, ids in (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).items()}


def main(data: Path, *, out: Path | None = None, print_missed: bool = False) -> dict[str, Any]:
    """Run the benchmark over the data sets under `data`, print its tables, write its figures to `out`."""
    guard, links, queries = Guard(), read_links(), read_cross(data)
    text = [_ask(guard, query, links, known=False) for query in queries]
    seen = [_ask(guard, query, links, known=True) for query in queries if query.item]
    general = [_untouched(guard, query, picture) for query, picture in read_benign_general(data)]
    cultural = read_benign_cultural(data)
    covered = [(q, code) for q, code in cultural if code is not None and guard.library.of_country(code)]
    figures: dict[str, Any] = {
        "machine": f"{platform.processor() or platform.machine()}, Python {platform.python_version()}",
        "scorer": guard.scorer.name,
        "norms": len(guard.library.norms),
        "packs": sorted(guard.library.packs),
        "culture": _culture(text),
        "linked": _linked(queries, links),
        "recall_text_only": _recall(text),
        "recall_content_known": _recall(seen),
        "advised": _share(o.decision.action is not Action.PASS for o in text),
        "untouched_general": _share(general),
        "untouched_benign_cultural": _share(_untouched(guard, query, False) for query, _ in cultural),
        "untouched_benign_cultural_with_pack": _share(_untouched(guard, query, False) for query, _ in covered),
        "guidance_tokens": _spread([o.decision.tokens for o in text if o.decision.tokens]),
        "latency_ms": _spread([o.ms for o in text]),
    }
    _show(figures, Console())
    if print_missed:
        _show_missed(text, seen)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return figures


def _ask(guard: Guard, query: CrossQuery, links: dict[str, tuple[str, ...]], *, known: bool) -> Outcome:
    hints = Hints(captions=(query.item,)) if known and query.item else Hints()
    exchange = Exchange.of(query.query, images=[UNSEEN], hints=hints)
    start = time.perf_counter()
    decision = guard.check(exchange)
    return Outcome(query, decision, (time.perf_counter() - start) * 1000, links.get(query.norm, ()))


def _untouched(guard: Guard, query: str, picture: bool) -> bool:
    return guard.check(Exchange.of(query, images=[UNSEEN] if picture else [])).action is Action.PASS


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
    figure = {"share": round(float(hits.sum() / counts.sum()), 4), "n": int(counts.sum()), "norms": len(by_norm)}
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
    table = Table(title="culture found first, by language")
    table.add_column("language")
    table.add_column("share", justify="right")
    table.add_column("n", justify="right")
    for language, figure in figures["culture"].items():
        table.add_row(language, _percent(figure), str(figure["n"]))
    console.print(table)
    table = Table(title="right norm among those sent (at most 8)")
    for heading in ("country", "CROSS norms", "linked", "text only", "content known", "n"):
        table.add_column(heading, justify="left" if heading == "country" else "right")
    text, seen = figures["recall_text_only"], figures["recall_content_known"]
    for country, figure in figures["linked"].items():
        one = text["by_country"].get(country, {"share": None, "n": 0})
        other = seen["by_country"].get(country, {"share": None})
        table.add_row(
            country, str(figure["norms"]), str(figure["linked"]), _percent(one), _percent(other), str(one["n"])
        )
    table.add_section()
    for label, key in (("linked norms", "linked"), ("of these held out", "held_out"), ("all norms", "all")):
        table.add_row(label, str(text[key]["norms"]), "", _percent(text[key]), _percent(seen[key]), str(text[key]["n"]))
    console.print(table)
    table = Table(title="the rest")
    table.add_column("figure")
    table.add_column("value", justify="right")
    for label, key in (
        ("CROSS queries advised", "advised"),
        ("general questions untouched", "untouched_general"),
        ("benign cultural questions untouched", "untouched_benign_cultural"),
        ("  of these, of a country with a pack", "untouched_benign_cultural_with_pack"),
    ):
        table.add_row(f"{label} (n {figures[key]['n']})", _percent(figures[key]))
    for label, key, unit in (("guidance", "guidance_tokens", "tokens"), ("latency", "latency_ms", "ms")):
        spread = figures[key]
        if spread:
            table.add_row(
                f"{label}, median / p99 / max", f"{spread['median']} / {spread['p99']} / {spread['max']} {unit}"
            )
    console.print(table)


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
