"""Answers that are checked."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from guard import Guard
from guard.actions.verify import Outcome
from guard.api import FORMATS
from guard.flow import run
from tests.actions.asking import post, streamed, text_of
from tests.actions.checking import verification
from tests.conftest import FakeUpstream
from tests.policies import BAD, GOOD, POLICIES, AsPolicies, Scripted, same


@pytest.mark.parametrize("api", FORMATS)
def test_a_good_answer_comes_through_untouched(address: str, upstream: FakeUpstream, api: str) -> None:
    upstream.says = lambda _: GOOD
    response = post(address, api, "verify")
    assert response.headers["x-normguard-verify"] == "cleared"
    assert text_of(api, response.json()) == GOOD
    assert "Cultural note" in json.dumps(upstream.last)
    assert len(upstream.bodies) == 1
    assert streamed(address, api, "verify") == (GOOD, GOOD)


@pytest.mark.parametrize("api", FORMATS)
def test_an_answer_in_breach_is_revised_by_one_more_call(address: str, upstream: FakeUpstream, api: str) -> None:
    def says(request: dict[str, Any]) -> str:
        again = "recommends what people there expect" in FORMATS[api].read(request).query
        return "Tea would be better: clocks recall farewells." if again else GOOD + BAD + "Wrap it in red."

    upstream.says = says
    response = post(address, api, "verify")
    assert response.headers["x-normguard-verify"] == "revised"
    assert text_of(api, response.json()) == "Tea would be better: clocks recall farewells."
    assert len(upstream.bodies) == 2
    assert FORMATS[api].read(upstream.last).turns[-2].text.strip() == (GOOD + BAD + "Wrap it in red.").strip()
    assert not upstream.last.get("stream")
    expected = GOOD + "Tea would be better: clocks recall farewells."
    assert streamed(address, api, "verify") == (expected, expected)


@pytest.mark.parametrize("api", FORMATS)
def test_an_answer_in_breach_gets_a_note(address: str, upstream: FakeUpstream, api: str) -> None:
    upstream.says = lambda _: GOOD + BAD + "Wrap it in red."
    response = post(address, api, "verify-note")
    assert response.headers["x-normguard-verify"] == "noted"
    text = text_of(api, response.json())
    assert text.startswith(GOOD + BAD + "Wrap it in red.\n\nA word about local customs: Clocks are not given")
    assert len(upstream.bodies) == 1
    pieces, final = streamed(address, api, "verify-note")
    assert pieces == final
    before, note, after = final.partition("A word about local customs: ")
    assert before.strip() == GOOD.strip()
    assert note
    assert after.endswith(BAD + "Wrap it in red."), "in a stream the note comes before what it is about"


@pytest.mark.parametrize("api", FORMATS)
def test_a_revision_that_fails_leaves_a_note(address: str, upstream: FakeUpstream, api: str) -> None:
    def says(request: dict[str, Any]) -> str | None:
        return None if "people there expect" in FORMATS[api].read(request).query else BAD

    upstream.says = says
    assert post(address, api, "verify").headers["x-normguard-verify"] == "noted"
    pieces, final = streamed(address, api, "verify")
    assert pieces == final
    assert final.startswith("A word about local customs")
    upstream.says = lambda _: BAD  # the revision is no better
    assert post(address, api, "verify").headers["x-normguard-verify"] == "noted"


@pytest.mark.parametrize("api", FORMATS)
def test_a_judge_is_asked_where_the_check_is_unsure(address: str, upstream: FakeUpstream, api: str) -> None:
    verdict = '{"breach": [1]}'

    def says(request: dict[str, Any]) -> str:
        if request["model"] == "judge":
            return verdict
        again = "people there expect" in FORMATS[api].read(request).query
        return GOOD if again else "An hourglass would do. "

    upstream.says = says
    assert text_of(api, post(address, api, "verify-judge").json()) == GOOD
    assert len(upstream.bodies) == 3
    verdict = 'Well: {"breach": []}'
    response = post(address, api, "verify-judge")
    assert response.headers["x-normguard-verify"] == "cleared"
    verdict = "I would rather not say."
    response = post(address, api, "verify-judge")
    assert response.headers["x-normguard-verify"] == "unsure"
    assert text_of(api, response.json()) == "An hourglass would do. "
    assert post(address, api, "verify").headers["x-normguard-verify"] == "unsure", "without a judge nobody is asked"


def test_json_is_not_checked_and_that_is_said(address: str, upstream: FakeUpstream) -> None:
    upstream.says = lambda _: json.dumps({"answer": BAD})
    response = post(address, "chat", "verify", response_format={"type": "json_object"})
    assert response.headers["x-normguard-verify"] == "skipped (structured)"
    assert text_of("chat", response.json()) == json.dumps({"answer": BAD})


def test_several_choices_are_checked_each(address: str, upstream: FakeUpstream) -> None:
    upstream.says = lambda request: GOOD if "n" not in request else BAD
    answer = post(address, "chat", "verify", n=2).json()
    assert [choice["message"]["content"] for choice in answer["choices"]] == [GOOD, GOOD]


def test_a_fault_of_the_checker_lets_the_answer_through(
    start_proxy: Callable[..., str], guard: Guard, upstream: FakeUpstream
) -> None:
    class Broken(Scripted):
        def __call__(self, *_: Any) -> tuple[float, ...]:
            raise ZeroDivisionError

    policies = AsPolicies(**POLICIES, closed={"actions": same("verify"), "on_fault": "closed"})
    broken = start_proxy(
        Guard(library=guard.library, scorer=guard.scorer, policies=policies, checker=Broken()), upstream=upstream.base
    )
    upstream.says = lambda _: GOOD + BAD
    response = post(broken, "chat", "verify")
    assert text_of("chat", response.json()) == GOOD + BAD
    assert response.headers["x-normguard-verify"] == "failed"
    assert streamed(broken, "responses", "verify")[1] == GOOD + BAD
    closed = post(broken, "chat", "closed")
    assert (closed.status_code, closed.json()["error"]["code"]) == (500, "guard_fault")
    last = post(broken, "messages", "closed", stream=True, max_tokens=9).text.strip().splitlines()[-1]
    assert '"type":"error"' in last


def test_the_outcome_is_the_worst_of_all_texts(guard: Guard) -> None:
    check = verification(guard, on_breach="note")
    answer = {"choices": [{"message": {"content": text}} for text in (GOOD, BAD, GOOD)]}
    changed = run(check.answer(FORMATS["chat"], answer), lambda _: None)
    assert check.outcome is Outcome.NOTED
    assert changed is not None
    assert [len(c["message"]["content"]) > len(BAD) for c in changed["choices"]] == [False, True, False]
