"""Requests in users' own words: is the right norm sent, is the harmless left alone, and if not, why?"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from scipy.stats import binomtest

from benchmarks.datasets.files import json_lines
from guard import Exchange, Guard, Hints
from guard.errors import NormGuardError
from guard.explain import Explanation
from guard.scenarios.trial import CAUSES, cause
from guard.types import Action, Turn


@dataclass(frozen=True, slots=True)
class OwnCase:
    """A request: what should be done with it, and the ids of the norms of which one should be sent.

    Attributes:
        loaded: whether something should be said.
        country: whose customs matter, or None.
    """

    id: str
    kind: str
    language: str
    exchange: Exchange
    loaded: bool
    norms: tuple[str, ...]
    country: str | None


@dataclass(frozen=True, slots=True)
class Told:
    """A case and what became of it; `cause` is why the right norm was not sent."""

    case: OwnCase
    found: Explanation
    cause: str | None

    @property
    def right(self) -> bool:
        if self.case.loaded:
            return any(norm.id in self.case.norms for norm in self.found.decision.norms)
        return self.found.decision.action == Action.PASS

    @property
    def first(self) -> str | None:
        return next((str(culture["code"]) for culture in self.found.decision.cultures), None)


def read_own(path: Path) -> list[OwnCase]:
    """The cases of a file of JSON lines: ``id, kind, query, lang, expect`` (``advise`` or ``pass``), and where they are
    known ``expected_norms``, ``country``, ``caption``, ``turns`` (role and text of what was said before).

    Raises:
        NormGuardError: a line lacks one of them.
    """
    cases: list[OwnCase] = []
    for number, record in json_lines(path):
        try:
            said = [Turn(turn["role"], turn["text"]) for turn in record.get("turns") or ()]
            captions = tuple(caption for caption in [record.get("caption")] if caption)
            exchange = Exchange((*said, Turn("user", record["query"])), Hints(captions=captions))
            cases.append(
                OwnCase(
                    str(record["id"]),
                    str(record.get("kind", "-")),
                    str(record.get("lang", "-")),
                    exchange,
                    record["expect"] != "pass",
                    tuple(record.get("expected_norms") or ()),
                    record.get("country"),
                )
            )
        except (KeyError, TypeError) as error:
            raise NormGuardError(f"{path}:{number}: {error!r}: id, query and expect are needed.") from error
    return cases


def main(path: Path, *, guard: Guard, out: Path | None = None, missed: bool = False) -> dict[str, Any]:
    """Ask the guard every case of `path`, print the tables, write the figures to `out`."""
    told = [_tell(guard, case) for case in read_own(path)]
    loaded = [one for one in told if one.case.loaded]
    covered = [one for one in loaded if one.cause != "no norm"]
    harmless = [one for one in told if not one.case.loaded]
    placed = [one for one in told if one.case.country]
    figures: dict[str, Any] = {
        "scorer": guard.scorer.name,
        "cases": len(told),
        "right_norm_sent": _by(covered, lambda one: one.right),
        "right_norm_sent_of_all": _share(one.right for one in loaded),
        "harmless_left_alone": _by(harmless, lambda one: one.right),
        "country_first": _by(placed, lambda one: one.first == one.case.country),
        "country_among": _share(one.case.country in {c["code"] for c in one.found.decision.cultures} for one in placed),
        "causes": dict(Counter(one.cause for one in loaded if one.cause).most_common()),
        "missed": [
            {"id": one.case.id, "language": one.case.language, "kind": one.case.kind, "cause": one.cause}
            for one in told
            if not one.right
        ],
    }
    _show(figures, Console())
    if missed:
        _show_missed(told)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return figures


def _tell(guard: Guard, case: OwnCase) -> Told:
    found = guard.explain(case.exchange)
    return Told(case, found, cause(found, case.norms, case.country, guard.library.norms) if case.loaded else None)


def _by(told: list[Told], right: Callable[[Told], bool]) -> dict[str, Any]:
    found: dict[str, Any] = {"all": _share(map(right, told))}
    for key in ("kind", "language"):
        names = sorted({getattr(one.case, key) for one in told})
        found[key] = {name: _share(right(one) for one in told if getattr(one.case, key) == name) for name in names}
    return found


def _share(hits: Iterable[bool]) -> dict[str, Any]:
    """A share with its 95 % interval (Wilson 1927)."""
    values = list(hits)
    if not values:
        return {"share": None, "n": 0}
    interval = binomtest(sum(values), len(values)).proportion_ci(method="wilson")
    share = round(sum(values) / len(values), 4)
    return {
        "share": share,
        "n": len(values),
        "interval": [round(float(interval.low), 4), round(float(interval.high), 4)],
    }


def _show(figures: dict[str, Any], console: Console) -> None:
    console.print(f"{figures['cases']} cases, scorer {figures['scorer']}")
    for key in ("right_norm_sent", "harmless_left_alone", "country_first"):
        table = Table(title=key.replace("_", " "))
        for heading in ("", "share (95 %)", "n"):
            table.add_column(heading, justify="left" if not heading else "right")
        table.add_row("all", _percent(figures[key]["all"]), str(figures[key]["all"]["n"]))
        for part in ("kind", "language"):
            table.add_section()
            for name, figure in figures[key][part].items():
                table.add_row(name, _percent(figure), str(figure["n"]))
        console.print(table)
    table = Table("cause of a miss", "n", title="right norm not sent")
    for name, number in figures["causes"].items():
        table.add_row(f"{name}: {CAUSES[name]}", str(number))
    console.print(table)


def _percent(figure: Mapping[str, Any]) -> str:
    if figure["share"] is None:
        return "-"
    low, high = figure["interval"]
    return f"{100 * figure['share']:.1f} % ({100 * low:.0f}-{100 * high:.0f})"


def _show_missed(told: list[Told]) -> None:
    for one in told:
        if not one.right:
            decision = one.found.decision
            sent, places = [norm.id for norm in decision.norms], [culture["code"] for culture in decision.cultures]
            print(
                f"{one.case.id} {one.case.language} {one.case.kind} {one.cause or 'touched'}: "
                f"wanted {list(one.case.norms)} {one.case.country}, "
                f"got {decision.action} {decision.sensitivity:.2f} {sent} {places}\n    {one.case.exchange.query[:200]}"
            )
