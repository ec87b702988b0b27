"""Time as a test has it."""

from __future__ import annotations

from functools import partial

import pytest

from guard.upstreams.breaker import Breaker


@pytest.fixture
def breakers_clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The one figure in it is the time for breakers that are made from now on."""
    now = [0.0]
    monkeypatch.setattr("guard.upstreams.protected.Breaker", partial(Breaker, clock=lambda: now[0]))
    return now
