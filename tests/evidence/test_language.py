"""Whether a question was understood."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from guard import Exchange, Guard, Turn
from tests.conftest import FakeUpstream
from tests.evidence.test_gather import MINUTES, QUESTION
from tests.policies import AsPolicies

GEORGIAN = "რა საჩუქარი უნდა წავიღო მასპინძელთან ვახშამზე?"
ICELANDIC = "Hvað á ég að gefa gestgjafa mínum í veislunni?"


@pytest.mark.parametrize("text", [GEORGIAN, ICELANDIC, "ಆತಿಥೇಯರಿಗೆ ಯಾವ ಉಡುಗೊರೆ ತರಬೇಕು"])
def test_a_question_in_a_language_that_is_not_read(guard: Guard, text: str) -> None:
    assert guard.check(text).degraded == ("language",)


@pytest.mark.parametrize(
    "text",
    [
        "What should I bring?",
        "Was soll ich mitbringen?",
        "Tokyo",
        "Grand Hyatt Fukuoka",
        "SKU 4711-B",
        "x = [1, 2, 3]",
        "😀😀😀",
        "12:30",
        "",
    ],
)
def test_a_question_in_one_that_is_and_what_is_no_question(guard: Guard, text: str) -> None:
    assert guard.check(text).degraded == ()


def test_it_is_the_last_question_that_counts(guard: Guard) -> None:
    earlier = Exchange((Turn("user", GEORGIAN), Turn("assistant", ICELANDIC), Turn("user", QUESTION)))
    assert guard.check(earlier).degraded == ()
    last = Exchange((Turn("user", QUESTION), Turn("assistant", "Better not."), Turn("user", GEORGIAN)))
    assert guard.check(last).degraded == ("language",)


def ask(address: str, text: str, **headers: str) -> httpx.Response:
    body = {"model": "m", "messages": [{"role": "user", "content": text}]}
    return httpx.post(f"{address}/v1/chat/completions", json=body, headers=headers)


def test_a_caller_is_told_and_no_policy_refuses_it(
    guard: Guard, upstream: FakeUpstream, start_proxy: Callable[..., str]
) -> None:
    policies = AsPolicies(strict={"on_fault": {"evidence": "closed"}})
    strict = Guard(library=guard.library, scorer=guard.scorer, policies=policies)
    address = start_proxy(strict, upstream=upstream.base)
    for headers in ({}, {"x-normguard-policy": "strict"}):
        answer = ask(address, GEORGIAN, **headers)
        assert answer.status_code == 200
        assert (answer.headers["x-normguard-status"], answer.headers["x-normguard-action"]) == ("degraded", "pass")
    assert 'normguard_degraded_total{source="language"} 2.0' in httpx.get(f"{address}/metrics").text
    assert ask(address, QUESTION).headers["x-normguard-status"] == "ok"


@pytest.mark.parametrize(("size", "status"), [(8_400, "ok"), (40_000, "degraded")])
def test_the_question_at_the_end_of_a_long_text_gets_guidance(
    proxy: str, upstream: FakeUpstream, size: int, status: str
) -> None:
    answer = ask(proxy, f"{MINUTES[:size]}\n\n{QUESTION}")
    assert answer.headers["x-normguard-action"] == "advise"
    assert answer.headers["x-normguard-cultures"].startswith("CN")
    assert "cn.gift.clocks" in answer.headers["x-normguard-norms"]
    assert answer.headers["x-normguard-status"] == status
    assert "China" in upstream.last["messages"][0]["content"]
