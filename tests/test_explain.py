"""Why a decision is as it is."""

from __future__ import annotations

import json

import pytest

from guard import Exchange, Guard, Hints, PolicyError, Turn
from guard.classifier.base import Scores
from guard.explain import NEAREST, nearest
from guard.policy.model import DeploymentPolicy
from guard.types import Action, Decision, ScoredNorm
from tests.policy.samples import BAD, CONTESTED, MILD
from tests.samples import HARMLESS

QUESTION = "Is a wall clock a nice gift for my host in Shanghai?"
TRIP = Exchange(
    (
        Turn("user", "I'm from Berlin and fly to Shanghai, not to Tokyo."),
        Turn("assistant", "Nice."),
        Turn("user", "Is a wall clock a nice gift for my host, without a lid?"),
    ),
    Hints(captions=("a wall clock",)),
)


def test_it_explains_the_very_decision(guard: Guard) -> None:
    found = guard.explain(QUESTION)
    decided = [{**one.to_dict(), "timings_ms": None} for one in (found.decision, guard.check(QUESTION))]
    assert decided[0] == decided[1]
    assert found.policy is guard.policy
    assert guard.explain(QUESTION, policy="essential").policy.name == "essential"
    with pytest.raises(PolicyError):
        guard.explain(QUESTION, policy="nope")


def test_what_was_read_where(guard: Guard) -> None:
    found = guard.explain(TRIP)
    read = {}
    for number, turn in enumerate(TRIP.turns):
        for piece in found.marks(number):
            assert piece.at is not None
            assert piece.at[0] == number
            read[turn.text[piece.at[1] : piece.at[2]], piece.kind] = (piece.value, piece.role)
    assert read["Berlin", "culture"] == ("DE", "home")
    assert read["Shanghai", "culture"] == ("CN", "destination")
    assert read["Tokyo", "culture"] == ("JP", "negated")
    assert read["wall clock", "concept"] == ("wall-clock", None)
    assert found.marks(7) == []


def test_marks_are_in_order_the_longer_first(guard: Guard) -> None:
    places = [piece.at for piece in guard.explain(QUESTION).marks(0)]
    assert places == sorted(places, key=lambda at: (at[1], -at[2]) if at else (0, 0))


def test_what_was_noticed_elsewhere(guard: Guard) -> None:
    sources = {(piece.source, piece.value) for piece in guard.explain(TRIP).unplaced}
    assert {("caption", "wall-clock"), ("text", "en")} <= sources


def test_it_is_json(guard: Guard) -> None:
    told = guard.explain(TRIP).to_dict()
    assert json.loads(json.dumps(told)) == told
    assert list(told) == [
        "decision", "policy", "language", "roles", "absent", "turns", "evidence", "candidates", "nearest",
    ]  # fmt: skip
    assert told["language"] == "en"
    assert told["roles"]["CN"] == "destination"
    assert [turn["role"] for turn in told["turns"]] == ["user", "assistant", "user"]
    mark = next(one for one in told["turns"][0]["read"] if one["value"] == "CN")
    assert TRIP.turns[0].text[mark["start"] : mark["end"]] == "Shanghai"
    assert 0 < len(told["nearest"]) <= NEAREST
    assert told["candidates"] >= len(told["nearest"])


def test_the_nearest_norms_come_best_first_and_say_why(guard: Guard) -> None:
    found = guard.explain(QUESTION)
    scores = [norm.score for norm in found.norms]
    assert scores == sorted(scores, reverse=True)
    sent = {norm.id for norm in found.decision.norms}
    assert {norm.id for norm in found.norms if norm.sent} == sent
    assert all((norm.why == "sent") is norm.sent for norm in found.norms)


def test_a_harmless_question_has_little_to_explain(guard: Guard) -> None:
    found = guard.explain(HARMLESS)
    assert found.decision.action == Action.PASS
    assert (found.norms, found.candidates) == ((), 0)


def test_of_a_long_text_that_is_explained_which_was_read(guard: Guard) -> None:
    found = guard.explain("Fine weather. " * 4000 + QUESTION)
    (turn,) = found.exchange.turns
    assert len(turn.text) <= 16_000
    places = [piece.at for piece in found.marks(0) if piece.value == "CN"]
    assert [turn.text[at[1] : at[2]] for at in places if at] == ["Shanghai"]
    assert found.decision.degraded == ("text-limit",)


def why(
    policy: dict[str, object], sensitivity: float = 0.9, relevance: tuple[float, ...] = (0.9, 0.8, 0.7)
) -> list[str]:
    """Of a bad, a mild and a contested norm why each is sent or not; sent is what `sent` names."""
    rules = DeploymentPolicy.model_validate(policy)
    norms = [BAD, MILD, CONTESTED]
    decision = Decision("advise", sensitivity, norms=(ScoredNorm(BAD.id, relevance[0], BAD.title),))
    if sensitivity < rules.thresholds.advise:
        decision = Decision("pass", sensitivity)
    scores = Scores(sensitivity, relevance)
    return [norm.why for norm in nearest(norms, scores, rules, decision)]


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        ({"norms_off": [MILD.id]}, "norms_off"),
        ({"severity_floor": 2}, "severity 1 is below 2"),
        ({"countries": {"only": ["JP"]}}, "leaves XX out"),
        ({"thresholds": {"norm": 0.85}}, "below 0.85"),
        ({"thresholds": {"share": 0.95}}, "below 0.95 of the best"),
        ({"max_norms": 1}, "1 better ones were there"),
        ({"token_budget": 80}, "token_budget 80"),
    ],
)
def test_the_rule_that_leaves_a_norm_out_is_named(policy: dict[str, object], told: str) -> None:
    assert told in why(policy)[1]


def test_contested_norms_and_quiet_requests() -> None:
    assert "views differ" in why({"contested": "skip"})[2]
    assert all("sensitivity 0.20 is below" in reason for reason in why({}, sensitivity=0.2))
    assert why({})[0] == "sent"
