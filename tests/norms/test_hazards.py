"""Tables of hazards."""

from __future__ import annotations

from pathlib import Path

import pytest

from guard import Guard
from guard.errors import PackError
from guard.norms.hazards import HAZARDS, gaps, read_hazards
from tests.norms.samples import write


def test_the_tables_that_come_along_have_no_gap(guard: Guard) -> None:
    tables = read_hazards()
    assert set(tables) <= set(guard.library.packs)
    assert {"QA", "KW", "TW"} <= set(tables)
    for table in tables.values():
        assert list(gaps(table, guard.library.norms)) == []


def test_gaps_are_told(guard: Guard, tmp_path: Path) -> None:
    said = "{none: nothing that would surprise, read_on: 2026-11-26}"
    lines = [f"{hazard}: {said}" for hazard in HAZARDS if hazard not in ("vapes", "drones")]
    write(tmp_path, "\n".join([*lines, "drones: jp.no.such", f"dragons: {said}"]), "jp.yaml")
    found = dict(gaps(read_hazards(tmp_path)["JP"], guard.library.norms))
    assert set(found) == {"vapes", "drones", "dragons"}
    assert "no norm 'jp.no.such'" in found["drones"]
    write(tmp_path, "drugs: {none: nothing}", "jp.yaml")
    with pytest.raises(PackError, match=r"jp\.yaml: drugs.*read_on"):
        read_hazards(tmp_path)
