"""Scenarios put to a guard."""

from __future__ import annotations

import pytest

from guard import Guard
from guard.scenarios.model import Scenario
from guard.scenarios.trial import Outcome, trial
from tests.scenarios.samples import REPAIR, scenario


def tried(guard: Guard, one: Scenario) -> Outcome:
    (outcome,) = trial(guard, [one])
    return outcome


def test_a_loaded_one_that_is_said_and_a_harmless_one_that_is_left_alone(guard: Guard) -> None:
    said, left = trial(guard, [scenario(), scenario(REPAIR)])
    assert (said.right, said.fired, said.cause) == (True, True, None)
    assert (left.right, left.fired) == (True, False)


def test_one_that_comes_out_wrong_says_why(guard: Guard) -> None:
    alarm = tried(guard, scenario(REPAIR, text=scenario().text))
    assert (alarm.right, alarm.fired, alarm.cause) == (False, True, None)
    missed = tried(guard, scenario(text="Which battery does it take?", destination="CN"))
    assert (missed.right, missed.cause) == (False, "place")


@pytest.mark.parametrize(
    "shown",
    [
        {"seen": [["wall clock", 0.9], ["vase", 0.2]]},
        {"caption": "a wall clock in a box"},
        {"read": "WALL CLOCK 40 cm"},
    ],
)
def test_what_the_picture_shows_reaches_the_guard(guard: Guard, shown: dict[str, object]) -> None:
    text = "Is this a nice gift for my host in Shanghai?"
    plain = tried(guard, scenario(text=text, picture=True))
    assert "wall-clock" not in plain.found.decision.concepts
    assert not plain.found.decision.degraded
    outcome = tried(guard, scenario(text=text, **shown))
    assert "wall-clock" in outcome.found.decision.concepts
    assert outcome.right
    assert not outcome.found.decision.degraded


def test_pictures_are_not_mixed_up(guard: Guard) -> None:
    ask = "Is this a nice gift for my host in Shanghai?"
    first, second = trial(
        guard, [scenario(id="a", text=ask, seen=[["clock", 0.9]]), scenario(id="b", text=ask, seen=[["pear", 0.9]])]
    )
    assert "clock" in first.found.decision.concepts
    assert "clock" not in second.found.decision.concepts
