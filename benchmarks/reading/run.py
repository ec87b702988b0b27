"""How well texts are read: languages, places and their roles, acts, things; countries in sentences that name none."""

from __future__ import annotations

import json
import platform
import statistics
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from scipy.stats import binomtest

from benchmarks.reading.cases import DEVELOPMENT, ROLES, Case, by, read_cases, read_sentences
from benchmarks.reading.readers import CaseReader, GuardReader, LookUp, OffTheShelf, Understood
from guard.norms.library import Library
from guard.types import Exchange, Turn

_TOLD = 20  # characters from which a text should be told by its language
_WORDS = range(30, 51)
Results = list[tuple[Case, Understood]]


def main(
    library: Library, *, out: Path | None = None, writers: Sequence[str] = (), missed: bool = False
) -> dict[str, Any]:
    """Read every case, print the tables, write the figures to `out`.

    Args:
        library: whose names and words are read by.
        writers: those whose cases are read; by default all whose texts nobody looked at while the reader was made.
        missed: print every case of which the destination was not found first.
    """
    cases = [case for case in read_cases() if (case.writer in writers if writers else case.writer not in DEVELOPMENT)]
    guard, look_up = GuardReader(library), LookUp(library.gazetteer)
    read: Results = [(case, guard(case)) for case in cases]
    plain: Results = [(case, look_up(case)) for case in cases]
    figures: dict[str, Any] = {
        "machine": f"{platform.processor() or platform.machine()}, Python {platform.python_version()}",
        "cases": len(cases),
        "writers": sorted({case.writer for case in cases}),
        "destination": _places(read),
        "destination_look_up": _places(plain),
        "language": _languages(read),
        "roles": _roles(read),
        "acts": _sets(read, "acts"),
        "things": _sets(read, "things"),
        "absent": _sets(read, "absent"),
        "sentences": _sentences(guard),
        "sentences_look_up": _sentences(look_up),
        "ms": _speed(guard, cases),
    }
    try:
        shelf = OffTheShelf()
        figures["language_py3langid"] = _languages([(case, shelf(case)) for case in cases])
    except ModuleNotFoundError:
        figures["language_py3langid"] = None
    _show(figures, Console())
    if missed:
        _show_missed(read)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return figures


def _right(case: Case, found: Understood) -> bool:
    return next(iter(found.countries), None) == case.destination


def _places(results: Results) -> dict[str, Any]:
    hits = {case.id: _right(case, found) for case, found in results}

    def share(some: Iterable[Case]) -> dict[str, Any]:
        return _share([hits[case.id] for case in some])

    cases = [case for case, _ in results]
    return {
        "all": share(cases),
        "traps": share(case for case in cases if case.trap),
        "plain": share(case for case in cases if not case.trap),
        **{key: {name: share(some) for name, some in by(cases, key)} for key in ("kind", "language", "writer")},
    }


def _languages(results: Results) -> dict[str, Any]:
    told = [(case, found) for case, found in results if len(_last(case)) >= _TOLD]
    hits = {case.id: _same(found.language, case.languages[0]) for case, found in told}
    cases = [case for case, _ in told]
    wrong = Counter(f"{c.languages[0]} read as {f.language}" for c, f in told if not hits[c.id])
    return {
        "all": _share(list(hits.values())),
        "language": {name: _share([hits[case.id] for case in some]) for name, some in by(cases, "language")},
        "wrong": dict(wrong.most_common(25)),
    }


def _same(found: str | None, wanted: str) -> bool:
    """Urdu and Hindi in Latin letters are one language as it is typed."""
    return found == wanted or (found, wanted) == ("hi-Latn", "ur-Latn")


def _last(case: Case) -> str:
    return next(turn.text for turn in reversed(case.turns) if turn.role == "user")


def _roles(results: Results) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for role in ROLES:
        wanted = {(case.id, code) for case, _ in results for code, r in case.roles.items() if r == role}
        given = {(case.id, code) for case, f in results for code, r in f.roles.items() if r == role}
        found[role] = _agreement(len(wanted & given), len(wanted), len(given))
    return found


def _sets(results: Results, what: str) -> dict[str, Any]:
    told = [(getattr(case, what), getattr(found, what)) for case, found in results if getattr(case, what) is not None]
    both = sum(len(wanted & given) for wanted, given in told)
    return _agreement(both, sum(len(wanted) for wanted, _ in told), sum(len(given) for _, given in told))


def _agreement(both: int, wanted: int, given: int) -> dict[str, Any]:
    return {"recall": _ratio(both, wanted), "precision": _ratio(both, given), "wanted": wanted, "given": given}


def _ratio(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _sentences(reader: CaseReader) -> dict[str, Any]:
    """Everyday sentences in which a country was seen, though they name none."""
    seen: Counter[str] = Counter()
    all_: Counter[str] = Counter()
    examples: list[str] = []
    for language, text in read_sentences():
        case = Case("", (Turn("user", text),), (language,), None, {}, None, None, frozenset(), False, "")
        all_[language] += 1
        if found := reader(case).countries:
            seen[language] += 1
            examples.append(f"{language} {found[0]}: {text}")
    return {
        "n": all_.total(),
        "languages": len(all_),
        "false": seen.total(),
        "by_language": {language: f"{seen[language]} of {n}" for language, n in sorted(all_.items())},
        "examples": examples,
    }


def _speed(reader: GuardReader, cases: Sequence[Case]) -> dict[str, Any]:
    """Milliseconds to read a text of about forty words that was not read before."""
    taken: list[float] = []
    for case in cases:
        text = _last(case)
        if len(text.split()) in _WORDS:
            for number in range(3):
                exchange = Exchange((Turn("user", f"{text} {number}"),))
                start = time.perf_counter()
                reader.gather(exchange)
                taken.append((time.perf_counter() - start) * 1000)
    return {"median": round(statistics.median(taken), 3), "n": len(taken)} if taken else {"median": None, "n": 0}


def _share(hits: Sequence[bool]) -> dict[str, Any]:
    """A share with its 95 % interval (Wilson 1927)."""
    if not hits:
        return {"share": None, "n": 0}
    interval = binomtest(sum(hits), len(hits)).proportion_ci(method="wilson")
    return {
        "share": round(sum(hits) / len(hits), 4),
        "n": len(hits),
        "interval": [round(float(interval.low), 4), round(float(interval.high), 4)],
    }


def _show(figures: dict[str, Any], console: Console) -> None:
    console.print(f"{figures['cases']} cases of {', '.join(figures['writers'])}; {figures['machine']}")
    own, plain = figures["destination"], figures["destination_look_up"]
    table = _table("destination first", "", "guard", "plain look-up", "n")
    for name in ("all", "traps", "plain"):
        table.add_row(name, _percent(own[name]), _percent(plain[name]), str(own[name]["n"]))
    for key in ("kind", "language", "writer"):
        table.add_section()
        for name, figure in own[key].items():
            table.add_row(name, _percent(figure), _percent(plain[key][name]), str(figure["n"]))
    console.print(table)
    table = _table(f"language of texts of {_TOLD} characters and more", "", "guard", "py3langid", "n")
    shelf = figures["language_py3langid"]
    none = {"share": None}
    table.add_row(
        "all",
        _percent(figures["language"]["all"]),
        _percent(shelf["all"] if shelf else none),
        str(figures["language"]["all"]["n"]),
    )
    for name, figure in figures["language"]["language"].items():
        table.add_row(name, _percent(figure), _percent(shelf["language"][name] if shelf else none), str(figure["n"]))
    console.print(table)
    table = _table("roles, acts, things", "", "recall", "precision", "wanted", "given")
    for name, figure in {**figures["roles"], **{key: figures[key] for key in ("acts", "things", "absent")}}.items():
        table.add_row(
            name, _part(figure["recall"]), _part(figure["precision"]), str(figure["wanted"]), str(figure["given"])
        )
    console.print(table)
    for name in ("sentences", "sentences_look_up"):
        figure = figures[name]
        console.print(
            f"{name}: a country seen in {figure['false']} of {figure['n']} in {figure['languages']} languages"
        )
    for example in figures["sentences"]["examples"]:
        console.print(f"  {example}", markup=False)
    console.print(f"reading 30 to 50 words: {figures['ms']['median']} ms (median of {figures['ms']['n']})")


def _table(title: str, first: str, *others: str) -> Table:
    table = Table(title=title)
    table.add_column(first)
    for heading in others:
        table.add_column(heading, justify="right")
    return table


def _part(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def _percent(figure: dict[str, Any]) -> str:
    interval = figure.get("interval")
    return _part(figure["share"]) + (f" ({100 * interval[0]:.0f}-{100 * interval[1]:.0f})" if interval else "")


def _show_missed(results: Results) -> None:
    for case, found in results:
        if not _right(case, found):
            print(
                f"{case.id} {'/'.join(case.languages)} {case.kind}: wanted {case.destination}, "
                f"got {found.countries[:3]} {found.roles} (read as {found.language})\n    {case.text[:300]}"
            )
