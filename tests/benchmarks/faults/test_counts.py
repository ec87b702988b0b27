"""What a scenario counts."""

from __future__ import annotations

from benchmarks.faults.counts import Counts


def test_counts_are_clean_only_if_nothing_is_listed() -> None:
    assert Counts(sent=3).clean
    for name in ("wrong", "lost", "leaked"):
        assert not Counts(**{name: ["x"]}).clean
