"""The series: larger packs."""

from __future__ import annotations

from pathlib import Path

from benchmarks.overhead.series import write_larger
from guard.norms.packs import read_packs
from tests.paths import ROOT


def test_larger_packs_are_sound(tmp_path: Path) -> None:
    before = sum(len(pack.norms) for pack in read_packs().values())
    assert write_larger(tmp_path) == 2 * before
    shipped = ROOT / "policies" / "norms"
    packs = read_packs([shipped, tmp_path])
    assert sum(len(pack.norms) for pack in packs.values()) == 3 * before
