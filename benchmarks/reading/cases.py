"""Short texts as people type them, with what a careful reader understands: written for this, by several writers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmarks.datasets.files import json_lines
from guard.errors import NormGuardError
from guard.types import Exchange, Turn

CASES = Path(__file__).with_name("cases")
DEVELOPMENT = frozenset({"r1"})
"""Writers whose texts were looked at while the reader was made; the others' were not, and give the figures."""

ROLES = ("destination", "community", "home", "transit", "former", "negated", "compared", "topic")


@dataclass(frozen=True)
class Case:
    """A text or conversation and its labels.

    Attributes:
        languages: the asker's own first.
        destination: ISO 3166-1 alpha-2 code of the country whose customs matter first, or None.
        roles: of every country that is named or clearly implied.
        acts, things, absent: ids, or None where they were not labelled.
        trap: whether a plain look-up of names would go wrong.
    """

    id: str
    turns: tuple[Turn, ...]
    languages: tuple[str, ...]
    destination: str | None
    roles: Mapping[str, str]
    acts: frozenset[str] | None
    things: frozenset[str] | None
    absent: frozenset[str]
    trap: bool
    kind: str

    @property
    def writer(self) -> str:
        return self.id.partition("-")[0]

    @cached_property
    def exchange(self) -> Exchange:
        return Exchange(self.turns)

    @property
    def text(self) -> str:
        return " // ".join(turn.text for turn in self.turns)


def read_cases(directory: Path = CASES) -> list[Case]:
    """The cases of all writers, ``<writer>.jsonl`` each; raises `NormGuardError` for a faulty line."""
    paths = sorted(path for path in directory.glob("*.jsonl") if not path.stem.endswith("-sentences"))
    return [_case(record, path, number) for path in paths for number, record in json_lines(path)]


def read_sentences(directory: Path = CASES) -> list[tuple[str, str]]:
    """Everyday sentences that name no country, each with its language."""
    paths = sorted(directory.glob("*-sentences.jsonl"))
    return [(str(record["lang"]), str(record["text"])) for path in paths for _, record in json_lines(path)]


def _case(record: Mapping[str, Any], path: Path, number: int) -> Case:
    try:
        languages = record["lang"] if isinstance(record["lang"], list) else [record["lang"]]
        turns = record.get("turns") or [{"role": "user", "text": record["text"]}]
        if unknown := set(record["roles"].values()) - set(ROLES):
            raise NormGuardError(f"{path}:{number}: there is no role {sorted(unknown)[0]!r}.")
        return Case(
            record["id"],
            tuple(Turn(turn["role"], turn["text"]) for turn in turns),
            tuple(languages),
            record["destination"],
            record["roles"],
            _ids(record.get("acts")),
            _ids(record.get("things")),
            _ids(record.get("absent")) or frozenset(),
            bool(record["trap"]),
            record["kind"],
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise NormGuardError(f"{path}:{number}: {error!r}.") from error


def _ids(given: Iterable[str] | None) -> frozenset[str] | None:
    return None if given is None else frozenset(given)


def by(cases: Iterable[Case], key: str) -> Iterator[tuple[str, list[Case]]]:
    """The cases of each kind, writer or first language, by name."""
    groups: dict[str, list[Case]] = {}
    for case in cases:
        name = case.languages[0] if key == "language" else str(getattr(case, key))
        groups.setdefault(name, []).append(case)
    yield from sorted(groups.items())
