"""wrap(): the providers' own clients, guarded without a server."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx
import httpx2
import openai
import pytest
from anthropic import Anthropic, AsyncAnthropic
from openai import AsyncAzureOpenAI, AsyncOpenAI, AzureOpenAI, OpenAI
from pydantic import BaseModel

from guard import Decision, Guard, decision_of, last_decision, wrap
from guard.classifier.base import Scores
from tests.conftest import FakeUpstream
from tests.policies import BAD, GOOD, POLICIES, AsPolicies, Scripted
from tests.test_proxy import CLOCK, HARMLESS, data_url, png

ASKED: Any = [{"role": "user", "content": CLOCK}]
PLAIN: Any = [{"role": "user", "content": HARMLESS}]


@pytest.fixture(scope="module")
def acting(guard: Guard) -> Guard:
    return Guard(library=guard.library, scorer=guard.scorer, policies=AsPolicies(**POLICIES), checker=Scripted())


@pytest.fixture
def api(upstream: FakeUpstream, acting: Guard) -> Iterator[OpenAI]:
    with wrap(OpenAI(base_url=upstream.base, api_key="k", max_retries=0), guard=acting) as client:
        yield client


@pytest.fixture
def claude(upstream: FakeUpstream, acting: Guard) -> Iterator[Anthropic]:
    with wrap(Anthropic(base_url=upstream.base[:-3], api_key="k", max_retries=0), guard=acting) as client:
        yield client


def test_it_is_the_same_client(api: OpenAI, upstream: FakeUpstream) -> None:
    assert isinstance(api, OpenAI)
    assert type(api).__name__ == "OpenAI"
    answer = api.chat.completions.create(model="m", messages=ASKED)
    assert isinstance(answer, openai.types.chat.ChatCompletion)
    assert answer.choices[0].message.content == "fine"
    assert "Cultural note, China" in upstream.last["messages"][0]["content"]
    assert upstream.last["messages"][1:] == ASKED


def test_the_decision_is_at_hand(api: OpenAI) -> None:
    answer = api.chat.completions.create(model="m", messages=ASKED)
    decision = decision_of(answer)
    assert isinstance(decision, Decision)
    assert answer.normguard is decision  # type: ignore[attr-defined]
    assert last_decision() is decision
    assert decision.norms[0].id == "cn.gift.clocks"
    assert "normguard" not in answer.model_dump_json()
    api.chat.completions.create(model="m", messages=PLAIN)
    assert last_decision() is not decision
    api.models.list()
    assert last_decision() is None
    assert decision_of(object()) is None


def test_every_way_to_call_chat(api: OpenAI, upstream: FakeUpstream) -> None:
    stream = api.chat.completions.create(model="m", messages=ASKED, stream=True)
    assert stream.normguard.action == "advise"  # type: ignore[attr-defined]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == "piece0 piece1 piece2 "
    with api.chat.completions.stream(model="m", messages=ASKED) as helper:
        assert helper.get_final_completion().choices[0].message.content == "piece0 piece1 piece2 "
    raw = api.chat.completions.with_raw_response.create(model="m", messages=ASKED)
    assert raw.headers["x-normguard-action"] == "advise"
    assert raw.parse().choices[0].message.content == "fine"
    with api.chat.completions.with_streaming_response.create(model="m", messages=ASKED) as response:
        assert response.parse().choices[0].message.content == "fine"

    class Pick(BaseModel):
        item: str

    upstream.says = lambda _: '{"item": "tea"}'
    parsed = api.chat.completions.parse(model="m", messages=ASKED, response_format=Pick)
    assert parsed.choices[0].message.parsed == Pick(item="tea")
    assert decision_of(parsed) is last_decision()


def test_options_and_copies_stay_guarded(api: OpenAI, upstream: FakeUpstream) -> None:
    for client in (api.with_options(timeout=9), api.copy(api_key="other"), api.with_options().with_options()):
        assert decision_of(client.chat.completions.create(model="m", messages=ASKED)) is not None
    assert upstream.headers[1]["authorization"] == "Bearer other"


def test_responses_and_their_threads(api: OpenAI, upstream: FakeUpstream) -> None:
    shown = data_url(png()).replace(";", ";name=wall-clock.png;", 1)
    first: Any = [
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "What is this? I fly to Shanghai on Monday."},
                {"type": "input_image", "image_url": shown},
            ],
        }
    ]
    asked = "Good. So shall I take it to my host as a present?"
    ids = [api.responses.create(model="m", input=first).id]
    with api.responses.stream(model="m", input=first) as stream:
        ids.append(stream.get_final_response().id)
    for id_ in ids:
        answer = api.responses.create(model="m", input=asked, previous_response_id=id_)
        decision = decision_of(answer)
        assert decision is not None
        assert decision.norms[0].id == "cn.gift.clocks"
    assert upstream.last["previous_response_id"] == ids[-1]


def test_messages(claude: Anthropic, upstream: FakeUpstream) -> None:
    answer = claude.messages.create(model="m", max_tokens=9, messages=ASKED)
    assert decision_of(answer) is not None
    assert "Cultural note" in upstream.last["system"]
    with claude.messages.stream(model="m", max_tokens=9, messages=ASKED) as stream:
        assert stream.get_final_text() == "fine"
    beta = claude.beta.messages.create(model="m", max_tokens=9, messages=ASKED)
    assert decision_of(beta) is not None


async def test_the_async_clients(upstream: FakeUpstream, acting: Guard) -> None:
    async with wrap(AsyncOpenAI(base_url=upstream.base, api_key="k"), guard=acting) as api:
        answer = await api.chat.completions.create(model="m", messages=ASKED)
        assert decision_of(answer) is last_decision() is not None
        stream = await api.chat.completions.create(model="m", messages=ASKED, stream=True)
        assert len([chunk async for chunk in stream]) == 4
        async with api.responses.stream(model="m", input=CLOCK) as events:
            assert (await events.get_final_response()).output_text == "fine"
        both = await asyncio.gather(
            api.chat.completions.create(model="m", messages=ASKED),
            api.chat.completions.create(model="m", messages=PLAIN),
        )
        assert [decision_of(one).action for one in both] == ["advise", "pass"]  # type: ignore[union-attr]
    async with (
        wrap(AsyncAnthropic(base_url=upstream.base[:-3], api_key="k"), guard=acting) as claude,
        claude.messages.stream(model="m", max_tokens=9, messages=ASKED) as message,
    ):
        assert await message.get_final_text() == "fine"


def test_azure_too(upstream: FakeUpstream, acting: Guard) -> None:
    azure = wrap(
        AzureOpenAI(base_url=upstream.base, api_key="k", api_version="2026-01-01", max_retries=0), guard=acting
    )
    assert decision_of(azure.chat.completions.create(model="m", messages=ASKED)) is not None
    wrap(AsyncAzureOpenAI(base_url=upstream.base, api_key="k", api_version="2026-01-01"), guard=acting)


@pytest.mark.parametrize("http", [httpx.Client, httpx2.Client])
def test_an_http_client_of_ones_own(upstream: FakeUpstream, acting: Guard, http: Any) -> None:
    with http(headers={"x-own": "yes"}) as mine:
        api = wrap(OpenAI(base_url=upstream.base, api_key="k", http_client=mine), guard=acting)
        upstream.says = lambda _: GOOD
        policy = {"x-normguard-policy": "verify"}
        assert api.chat.completions.create(model="m", messages=ASKED, extra_headers=policy).choices
        stream = api.chat.completions.create(model="m", messages=ASKED, stream=True, extra_headers=policy)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == GOOD
        assert upstream.headers[-1]["x-own"] == "yes"


def test_a_temporary_client_lives_as_long_as_its_wrapper(upstream: FakeUpstream, acting: Guard) -> None:
    api = wrap(OpenAI(base_url=upstream.base, api_key="k", max_retries=0), guard=acting)
    gc.collect()
    assert api.chat.completions.create(model="m", messages=PLAIN).choices
    original = OpenAI(base_url=upstream.base, api_key="k", max_retries=0)
    wrap(original, guard=acting)
    gc.collect()
    assert original.chat.completions.create(model="m", messages=PLAIN).choices


def test_closed_twice(upstream: FakeUpstream, acting: Guard) -> None:
    api = wrap(OpenAI(base_url=upstream.base, api_key="k", max_retries=0), guard=acting)
    api.close()
    api.close()
    assert api.is_closed()


@pytest.mark.parametrize("policy", ["block", "rewrite", "monitor", "verify"])
def test_every_action(upstream: FakeUpstream, acting: Guard, policy: str) -> None:
    upstream.says = lambda request: GOOD if "people there expect" in str(request) else BAD
    api = wrap(OpenAI(base_url=upstream.base, api_key="k", max_retries=0), guard=acting, policy=policy)
    answer = api.chat.completions.create(model="m", messages=ASKED).choices[0].message.content or ""
    with api.chat.completions.stream(model="m", messages=ASKED) as stream:
        streamed = stream.get_final_completion().choices[0].message.content or ""
    decision = last_decision()
    assert decision is not None
    assert decision.action == policy
    assert answer.strip() == streamed.strip()
    match policy:
        case "block":
            assert answer.startswith("Before going on")
            assert upstream.bodies == []
        case "rewrite":
            assert upstream.last["messages"][-1]["content"].startswith(CLOCK + "\n\nPlease take into account")
        case "monitor":
            assert upstream.last["messages"] == ASKED
        case "verify":
            assert answer == GOOD


async def test_verify_in_async_streams(upstream: FakeUpstream, acting: Guard) -> None:
    upstream.says = lambda request: "Rather tea." if "people there expect" in str(request) else GOOD + BAD
    async with wrap(AsyncAnthropic(base_url=upstream.base[:-3], api_key="k"), guard=acting, policy="verify") as claude:
        async with claude.messages.stream(model="m", max_tokens=9, messages=ASKED) as stream:
            assert await stream.get_final_text() == GOOD + "Rather tea."
        answer = await claude.messages.create(model="m", max_tokens=9, messages=ASKED)
        assert answer.content[0].text == "Rather tea."  # type: ignore[union-attr]


def test_hints_of_the_client_and_of_the_request(upstream: FakeUpstream, acting: Guard) -> None:
    question: Any = [{"role": "user", "content": "Is this wall clock a good gift for my host?"}]
    api = wrap(OpenAI(base_url=upstream.base, api_key="k"), guard=acting, country="cn", locale="de-DE")
    answer = api.chat.completions.create(model="m", messages=question)
    assert decision_of(answer).action == "advise"  # type: ignore[union-attr]
    elsewhere = api.chat.completions.create(model="m", messages=question, extra_body={"normguard": {"country": "FR"}})
    assert decision_of(elsewhere).cultures[0]["code"] == "FR"  # type: ignore[union-attr]
    assert "normguard" not in upstream.last
    assert not [name for name in upstream.headers[-1] if name.startswith("x-normguard")]


def test_what_cannot_be_wrapped(acting: Guard, api: OpenAI) -> None:
    with pytest.raises(TypeError, match="not dict"):
        wrap({}, guard=acting)
    with pytest.raises(TypeError, match="already"):
        wrap(api, guard=acting)
    with pytest.raises(Exception, match="no policy"):
        wrap(OpenAI(api_key="k"), guard=acting, policy="nope")
    with pytest.raises(Exception, match="no country"):
        wrap(OpenAI(api_key="k"), guard=acting, country="XQ")


def test_bad_requests_raise_what_the_provider_raises(api: OpenAI, claude: Anthropic, upstream: FakeUpstream) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        api.chat.completions.create(model="m", messages=ASKED, extra_body={"normguard": {"contry": "JP"}})
    assert caught.value.code == "invalid_normguard_field"
    broken: Any = {"type": "base64", "media_type": "image/png", "data": "@@@"}
    with pytest.raises(anthropic.BadRequestError, match="base64"):
        claude.messages.create(
            model="m",
            max_tokens=9,
            messages=[{"role": "user", "content": [{"type": "image", "source": broken}]}],
        )
    assert upstream.bodies == []


def test_errors_of_the_provider_come_as_ever(api: OpenAI) -> None:
    with pytest.raises(openai.RateLimitError):
        api.chat.completions.create(model="rate-limited", messages=ASKED)
    wrapped = api.with_options(base_url="http://127.0.0.1:9/v1")
    with pytest.raises(openai.APIConnectionError):
        wrapped.chat.completions.create(model="m", messages=ASKED)


def test_a_fault_in_the_guard_lets_the_request_through(upstream: FakeUpstream, guard: Guard) -> None:
    class Broken:
        name = "broken"

        def read(self, *_: Any) -> tuple[()]:
            return ()

        def __call__(self, *_: Any) -> Scores:
            raise ZeroDivisionError

    broken = Guard(library=guard.library, scorer=Broken())
    api = wrap(OpenAI(base_url=upstream.base, api_key="k"), guard=broken)
    assert api.chat.completions.create(model="m", messages=ASKED).choices[0].message.content == "fine"
    assert last_decision() is None
    closed = wrap(OpenAI(base_url=upstream.base, api_key="k"), guard=broken, policy="strict")
    with pytest.raises(openai.InternalServerError) as caught:
        closed.chat.completions.create(model="m", messages=ASKED)
    assert caught.value.code == "guard_fault"
    assert len(upstream.bodies) == 1


def test_importing_guard_imports_no_client() -> None:
    code = "import sys, guard; print([m for m in ('openai', 'anthropic', 'httpx', 'httpx2') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
