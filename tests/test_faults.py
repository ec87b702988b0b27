"""A short play of the fault suite, and every parser against hostile bodies."""

from __future__ import annotations

import json

import pytest

from benchmarks.faults.bodies import BY_API, RAW, bodies
from benchmarks.faults.counts import Counts
from benchmarks.faults.run import ALL, play
from benchmarks.faults.services import Missing
from guard import Guard
from guard.api import FORMATS
from guard.api.options import read_options
from guard.errors import NormGuardError

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


def test_counts_are_clean_only_if_nothing_is_listed() -> None:
    assert Counts(sent=3).clean
    for name in ("wrong", "lost", "leaked"):
        assert not Counts(**{name: ["x"]}).clean


@pytest.mark.parametrize("api", FORMATS)
def test_only_errors_with_a_name_come_out_of_a_parser(guard: Guard, api: str) -> None:
    format_ = FORMATS[api]
    route = next(route for route in BY_API if route == format_.path)
    read = 0
    for raw in [*RAW, *bodies(route, 700)]:
        try:
            body = json.loads(raw)
        except (ValueError, RecursionError):
            continue
        if not isinstance(body, dict):
            continue
        try:
            asked = read_options({}, body)
            exchange = format_.read(body, asked.hints)
            decision = guard.check(exchange)
        except NormGuardError:
            continue
        read += 1
        told = format_.with_guidance(body, decision.guidance or "A note.")
        format_.structured(told)
        format_.with_query(body, "another question")
        format_.follow_up(body, "an answer", "go on")
    assert read > 30
