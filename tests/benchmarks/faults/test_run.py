"""A short play of the fault suite."""

from __future__ import annotations

import pytest

from benchmarks.faults.run import ALL, play
from benchmarks.faults.services import Missing

QUICK = ("dead-upstream", "resets", "sigterm", "sigkill", "full-disk", "hostile-bodies")


def test_a_scenario_for_each_fault() -> None:
    assert set(QUICK) < set(ALL)
    assert all((scenario.__doc__ or "").strip() for scenario in ALL.values())


@pytest.mark.parametrize("name", QUICK)
def test_nothing_is_wrongly_changed_lost_or_leaked(name: str) -> None:
    try:
        counts = play(ALL[name], 0.05)
    except Missing as missing:
        pytest.skip(f"not on this machine: {missing}")
    assert counts.sent > 0
    assert counts.clean, counts.row()
    assert counts.succeeded > 0
