"""What can get a visitor into trouble, country by country: which norm says so, or that there is no rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

from pydantic import Field, TypeAdapter

from guard.errors import PackError
from guard.files import Strict, folder, read_as
from guard.norms.model import NormId

HAZARDS = (
    "medicines",
    "vapes",
    "drugs",
    "drones",
    "alcohol",
    "photography",
    "dress",
    "same-sex",
    "unmarried",
    "insults",
    "gambling",
    "swearing",
    "wildlife",
    "religion",
    "currency",
    "telecom",
    "food",
)
"""What every country that has a table says something of."""


class NoRule(Strict):
    """That nothing was found which would surprise a visitor, what was looked at, and when."""

    none: str = Field(min_length=3, max_length=400)
    read_on: date


Table = Mapping[str, NormId | NoRule]
_TABLE: TypeAdapter[Table] = TypeAdapter(Table)


def read_hazards(directory: Path | None = None) -> dict[str, Table]:
    """The tables of a folder, by country code; raises `PackError` if one is faulty."""
    directory = directory or folder("policies") / "hazards"
    return {path.stem.upper(): read_as(path, _TABLE, PackError) for path in sorted(directory.glob("*.yaml"))}


def gaps(table: Table, norms: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """What is missing in a table, or names a norm that there is not: the hazard, and what is wrong."""
    for hazard in HAZARDS:
        if hazard not in table:
            yield hazard, "nothing is said of it: name the norm, or say that there is no rule"
    for hazard, said in table.items():
        if hazard not in HAZARDS:
            yield hazard, f"is none of {', '.join(HAZARDS)}"
        elif isinstance(said, str) and said not in norms:
            yield hazard, f"there is no norm {said!r}"
