"""wrap(): the providers' own clients, guarded without a server."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
from typing import Any

import openai
import pytest
from anthropic import AsyncAnthropic
from openai import AsyncAzureOpenAI, AsyncOpenAI, AzureOpenAI, OpenAI

from guard import Decision, Guard, decision_of, last_decision, wrap
from tests.conftest import FakeUpstream
from tests.samples import CLOCK
from tests.sdk.samples import ASKED, PLAIN


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


def test_options_and_copies_stay_guarded(api: OpenAI, upstream: FakeUpstream) -> None:
    for client in (api.with_options(timeout=9), api.copy(api_key="other"), api.with_options().with_options()):
        assert decision_of(client.chat.completions.create(model="m", messages=ASKED)) is not None
    assert upstream.headers[1]["authorization"] == "Bearer other"


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


def test_importing_guard_imports_no_client() -> None:
    code = "import sys, guard; print([m for m in ('openai', 'anthropic', 'httpx', 'httpx2') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
