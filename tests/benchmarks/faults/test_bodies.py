"""Every parser against hostile bodies."""

from __future__ import annotations

import json

import pytest

from benchmarks.faults.bodies import BY_API, RAW, bodies
from guard import Guard
from guard.api import FORMATS
from guard.api.options import read_options
from guard.errors import NormGuardError


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
