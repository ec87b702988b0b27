"""What is done with a request beside advising: rewriting it, checking its answer, answering it, or only watching."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from anthropic import Anthropic
from hypothesis import given
from hypothesis import strategies as st
from openai import OpenAI

from guard import Guard
from guard.actions.phrases import languages, phrase
from guard.actions.steps import Again, Ask, Wanted
from guard.actions.verify import Outcome, Verification
from guard.actions.verify import VerifyOptions as Verify
from guard.api import FORMATS
from guard.flow.drive import run
from guard.text.sentences import SentenceSplitter, sentences
from tests.conftest import STREAMS, FakeUpstream
from tests.policies import BAD, GOOD, POLICIES, AsPolicies, Scripted, same
from tests.test_proxy import CLOCK, HARMLESS


@pytest.fixture(scope="module")
def acting(guard: Guard) -> Guard:
    return Guard(library=guard.library, scorer=guard.scorer, policies=AsPolicies(**POLICIES), checker=Scripted())


@pytest.fixture(scope="module")
def _address(start_proxy: Callable[..., str], acting: Guard, _upstream: FakeUpstream) -> str:
    return start_proxy(acting, upstream=_upstream.base)


@pytest.fixture
def address(_address: str, upstream: FakeUpstream) -> str:
    return _address


def post(address: str, api: str, policy: str, query: str = CLOCK, **more: Any) -> httpx.Response:
    body: dict[str, Any] = {"model": "m", **more}
    body |= {"input": query} if api == "responses" else {"messages": [{"role": "user", "content": query}]}
    headers = {"x-normguard-policy": policy}
    return httpx.post(f"{address}/v1/{FORMATS[api].path}", json=body, headers=headers)


def text_of(api: str, answer: dict[str, Any]) -> str:
    return "".join(FORMATS[api].texts(answer).values())


def streamed(address: str, api: str, policy: str, query: str = CLOCK) -> tuple[str, str]:
    """What the official client makes of a stream: the pieces joined, and the text of the final answer."""
    headers = {"x-normguard-policy": policy}
    open_ai = OpenAI(base_url=f"{address}/v1", api_key="k", max_retries=0, default_headers=headers)
    asked: Any = [{"role": "user", "content": query}]
    if api == "chat":
        with open_ai.chat.completions.stream(model="m", messages=asked) as stream:
            pieces = [event.delta for event in stream if event.type == "content.delta"]
            return "".join(pieces), stream.get_final_completion().choices[0].message.content or ""
    if api == "responses":
        with open_ai.responses.stream(model="m", input=query) as events:
            seen = list(events)
            numbers = [event.sequence_number for event in seen]
            assert numbers == sorted(set(numbers)), "the events' numbers rise"
            pieces = [event.delta for event in seen if event.type == "response.output_text.delta"]
            done = [event.text for event in seen if event.type == "response.output_text.done"]
            final = events.get_final_response().output_text
            assert "".join(done) == final
            return "".join(pieces), final
    claude = Anthropic(base_url=address, api_key="k", max_retries=0, default_headers=headers)
    with claude.messages.stream(model="m", max_tokens=99, messages=asked) as message:
        return "".join(message.text_stream), message.get_final_text()


# Rewrite


@pytest.mark.parametrize("api", FORMATS)
def test_a_question_is_rewritten_by_template(address: str, upstream: FakeUpstream, api: str) -> None:
    response = post(address, api, "rewrite")
    assert response.headers["x-normguard-action"] == "rewrite"
    asked = FORMATS[api].read(upstream.last).query
    assert asked.startswith(CLOCK)
    assert "customary in China" in asked
    assert "Clocks are not given as presents" in asked
    assert "Cultural note" not in json.dumps(upstream.last)


@pytest.mark.parametrize("api", FORMATS)
def test_a_small_model_rewrites_and_the_template_stands_by(address: str, upstream: FakeUpstream, api: str) -> None:
    def says(request: dict[str, Any]) -> str:
        return "Is a clock fitting in China, or what else?" if request["model"] == "small" else "fine"

    upstream.says = says
    assert post(address, api, "rewrite-model").status_code == 200
    assert len(upstream.bodies) == 2
    assert FORMATS[api].read(upstream.last).query == "Is a clock fitting in China, or what else?"
    upstream.says = lambda request: None if request["model"] == "small" else "fine"
    assert post(address, api, "rewrite-model").status_code == 200
    assert FORMATS[api].read(upstream.last).query.startswith(f"{CLOCK}\n\nPlease take into account")
    upstream.says = lambda request: "x" * 100_000 if request["model"] == "small" else "fine"
    post(address, api, "rewrite-model")
    assert FORMATS[api].read(upstream.last).query.startswith(f"{CLOCK}\n\nPlease take into account")


def test_the_original_question_stays_with_the_decision(acting: Guard) -> None:
    decision = acting.check(CLOCK, policy="rewrite")
    assert decision.rewritten is not None
    assert decision.rewritten.startswith(CLOCK)
    assert acting.check(HARMLESS, policy="rewrite").rewritten is None


# Block


@pytest.mark.parametrize("api", FORMATS)
def test_a_blocked_request_is_answered_and_not_sent(address: str, upstream: FakeUpstream, api: str) -> None:
    response = post(address, api, "block")
    assert response.status_code == 200
    assert response.headers["x-normguard-action"] == "block"
    text = text_of(api, response.json())
    assert text.startswith("Before going on, a word about what is expected in China")
    assert "Better:" in text
    assert streamed(address, api, "block") == (text, text)
    assert upstream.bodies == []


def test_a_blocked_user_is_told_in_his_language(acting: Guard) -> None:
    asked = "上海の同僚に赤ちゃんが生まれました。壁掛け時計を贈ってもいいですか？"
    decision = acting.check(asked, policy="block")
    assert decision.message is not None
    assert decision.message.startswith("その前に、中国で大切にされていること")


def test_where_json_was_asked_for_a_block_is_a_refusal(address: str) -> None:
    schema = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
    message = post(address, "chat", "block", response_format=schema).json()["choices"][0]["message"]
    assert message["content"] is None
    assert "China" in message["refusal"]
    output = post(address, "responses", "block", text={"format": {"type": "json_schema", "name": "x", "schema": {}}})
    assert output.json()["output"][0]["content"][0]["type"] == "refusal"


def test_every_language_has_every_phrase() -> None:
    assert len(languages()) == 14
    for language, name in itertools.product(languages(), ("rewrite", "opening", "instead", "closing", "note")):
        assert phrase(name, language)
    for language in languages():
        assert "{places}" in phrase("rewrite", language)
        assert "{norms}" in phrase("rewrite", language)
        assert "{places}" in phrase("opening", language)
    assert phrase("note", "xx") == phrase("note", "en")


# Monitor


@pytest.mark.parametrize(("policy", "shadow"), [("monitor", None), ("shadow", "advise")])
def test_monitoring_decides_and_changes_nothing(
    address: str, upstream: FakeUpstream, policy: str, shadow: str | None
) -> None:
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": CLOCK}]}).encode()
    headers = {"x-normguard-policy": policy}
    response = httpx.post(f"{address}/v1/chat/completions", content=body, headers=headers)
    assert response.headers["x-normguard-action"] == "monitor"
    assert response.headers.get("x-normguard-shadow") == shadow
    assert "cn.gift.clock" in response.headers["x-normguard-norms"]
    assert upstream.bodies == [body]


def test_a_share_of_conversations_is_shadowed_and_stays_so(guard: Guard) -> None:
    half = Guard(library=guard.library, scorer=guard.scorer, policies=AsPolicies(half={"shadow_percent": 50}))
    questions = [f"Is wall clock number {i} a good gift for my host in Shanghai?" for i in range(80)]
    actions = [half.check(question, policy="half").action for question in questions]
    assert 20 < actions.count("monitor") < 60
    assert actions == [half.check(question, policy="half").action for question in questions]
    first = next(question for question, action in zip(questions, actions, strict=True) if action == "monitor")
    later = {
        "messages": [
            {"role": "user", "content": first},
            {"role": "assistant", "content": "Hm."},
            {"role": "user", "content": "And the big wall clock as a gift for my host in Shanghai?"},
        ]
    }
    assert half.check(FORMATS["chat"].read(later), policy="half").action == "monitor"


# Verify


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


@pytest.mark.parametrize("api", FORMATS)
def test_a_checked_stream_is_the_same_byte_for_byte(address: str, api: str) -> None:
    response = post(address, api, "verify", stream=True, model=f"recorded:{api}")
    assert response.headers["x-normguard-verify"] == "streamed"
    assert response.content == (STREAMS / f"{api}.sse").read_bytes()


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


def verification(guard: Guard, **rules: Any) -> Verification:
    norms = [guard.library.norms["cn.gift.clocks"], guard.library.norms["cn.gift.umbrellas"]]
    return Verification(norms, CLOCK, "en", Verify(**rules), Scripted())


def through(stream: bytes, size: int, check: Verification, api: str, said: str | None = GOOD) -> bytes:
    def ask(wanted: Wanted) -> str | None:
        assert isinstance(wanted, Ask | Again)
        return said

    passing = check.stream(FORMATS[api])
    out = [run(passing.feed(stream[i : i + size]), ask) for i in range(0, len(stream), size)]
    return b"".join([*out, run(passing.finish(), ask)])


@pytest.mark.parametrize("api", FORMATS)
@pytest.mark.parametrize("size", [1, 13, 10_000])
def test_a_revised_stream_does_not_depend_on_where_the_bytes_are_cut(guard: Guard, api: str, size: int) -> None:
    format_ = FORMATS[api]
    answer = format_.answer({"model": "m"}, GOOD + BAD + "More of it.", id_="1")
    stream = b"".join(event.encode() for event in format_.events(answer))
    assert through(stream, size, verification(guard), api) == through(stream, 50, verification(guard), api)


def test_nothing_in_breach_is_out_before_it_is_checked(guard: Guard) -> None:
    """At no moment has more gone out than what was cleared, and little more is held than a sentence."""
    format_ = FORMATS["chat"]
    text = GOOD * 40 + BAD + "The end."
    stream = [event.encode() for event in format_.events(format_.answer({"model": "m"}, text, id_="1"))]
    passing = verification(guard, hold_back=60).stream(format_)
    out = seen = b""
    for event in stream:
        seen += event
        out += run(passing.feed(event), lambda _: GOOD)
        assert b"lovely" not in out
        if b"lovely" not in seen:
            assert seen.count(b"content") - out.count(b"content") < 25
    out += run(passing.finish(), lambda _: GOOD)
    assert out.endswith(b"data: [DONE]\n\n")


def test_a_stream_that_ends_too_early_is_released(guard: Guard) -> None:
    recorded = (STREAMS / "messages.sse").read_bytes()
    for end in range(0, len(recorded), 37):
        check = verification(guard)
        assert through(recorded[:end], 64, check, "messages") == recorded[:end]


def test_the_outcome_is_the_worst_of_all_texts(guard: Guard) -> None:
    check = verification(guard, on_breach="note")
    answer = {"choices": [{"message": {"content": text}} for text in (GOOD, BAD, GOOD)]}
    changed = run(check.answer(FORMATS["chat"], answer), lambda _: None)
    assert check.outcome is Outcome.NOTED
    assert changed is not None
    assert [len(c["message"]["content"]) > len(BAD) for c in changed["choices"]] == [False, True, False]


# Sentences


@given(st.text(alphabet="ab .!?。\n1។।،\"'Mr€字ก", max_size=400), st.integers(1, 30), st.integers(40, 90))
def test_sentences_joined_are_the_text(text: str, size: int, limit: int) -> None:
    splitter = SentenceSplitter(limit)
    out = [sentence for i in range(0, len(text), size) for sentence in splitter.feed(text[i : i + size])]
    out += splitter.flush()
    assert "".join(out) == text
    assert all(out)
    assert all(len(sentence) <= limit for sentence in out[:-1])


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("One. Two! Three?", 3),
        ("It costs 3.50 euros. Fine.", 2),
        ("1. Tea\n2. Fruit\n", 2),
        ("e.g. tea. Good.", 2),
        ("時計は避けます。お茶が良いです。", 2),
        ("घड़ी मत दें। चाय दें।", 2),
        ("لا تهد ساعة. اهد شايا؟ نعم", 3),
        ("ሰዓት አይስጡ። ሻይ ይስጡ።", 2),
        ("no end", 1),
        ("", 0),
    ],
)
def test_sentences(text: str, count: int) -> None:
    assert len(sentences(text)) == count
