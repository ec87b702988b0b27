"""LiteLLM on both sides of the guard: as an upstream of ours, and as a gateway that asks us. The real package."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
litellm = pytest.importorskip("litellm", reason="litellm is not in this environment; see scripts/test-integrations")

import anthropic
import openai
from litellm.exceptions import GuardrailRaisedException
from litellm.proxy.guardrails.guardrail_hooks.generic_guardrail_api import GenericGuardrailAPI

from guard import Guard
from guard.integrations.litellm import NormGuardrail
from tests.conftest import FakeUpstream
from tests.samples import CLOCK, HARMLESS

MASTER = f"sk-{secrets.token_hex(32)}"
ASKED: Any = [{"role": "user", "content": CLOCK}]


# As an upstream


@pytest.fixture
def through(start_proxy: Callable[..., str], acting: Guard, upstream: FakeUpstream, monkeypatch: Any) -> str:
    monkeypatch.setenv("KEY_OF_ALL", "sk-secret")
    options = {"api_base": upstream.base, "max_retries": 0}
    return start_proxy(
        acting,
        upstreams={
            "open": {"kind": "litellm", "api_key_env": "KEY_OF_ALL", "options": options},
            "claude": {
                "kind": "litellm",
                "api_key_env": "KEY_OF_ALL",
                "options": {**options, "api_base": upstream.base[:-3]},
            },
        },
        routes=[
            {"model": "claude-*", "to": [{"upstream": "claude", "model": "anthropic/claude-3-5-sonnet-20240620"}]},
            {"model": "limited", "to": [{"upstream": "open", "model": "openai/rate-limited"}], "retries": 0},
            {"model": "*", "to": [{"upstream": "open", "model": "openai/gpt-4o"}]},
        ],
    )


def test_chat_through_litellm(through: str, upstream: FakeUpstream) -> None:
    upstream.says = lambda _: "Good tea would be kind."
    api = openai.OpenAI(base_url=f"{through}/v1", api_key="sk-callers", max_retries=0)
    raw = api.chat.completions.with_raw_response.create(model="m", messages=ASKED)
    assert raw.parse().choices[0].message.content == "Good tea would be kind."
    assert raw.headers["x-normguard-action"] == "advise"
    assert "Cultural note" in upstream.last["messages"][0]["content"]
    assert upstream.headers[-1]["authorization"] == "Bearer sk-secret"
    stream = api.chat.completions.create(model="m", messages=ASKED, stream=True)
    assert (
        "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices) == "Good tea would be kind."
    )


def test_responses_through_litellm(through: str, upstream: FakeUpstream) -> None:
    upstream.says = lambda _: "Good tea would be kind."
    api = openai.OpenAI(base_url=f"{through}/v1", api_key="k", max_retries=0)
    assert api.responses.create(model="m", input=CLOCK).output_text == "Good tea would be kind."
    assert "Cultural note" in upstream.last["instructions"]
    done = list(api.responses.create(model="m", input=CLOCK, stream=True))
    assert done[-1].type == "response.completed"
    assert "".join(e.delta for e in done if e.type == "response.output_text.delta") == "Good tea would be kind."


def test_messages_through_litellm(through: str, upstream: FakeUpstream) -> None:
    upstream.says = lambda _: "Good tea would be kind."
    api = anthropic.Anthropic(base_url=through, api_key="k", max_retries=0)
    answer = api.messages.create(model="claude-x", max_tokens=99, messages=ASKED)
    assert answer.content[0].text == "Good tea would be kind."  # type: ignore[union-attr]
    assert "Cultural note" in json.dumps(upstream.last["system"])
    with api.messages.stream(model="claude-x", max_tokens=99, messages=ASKED) as stream:
        assert stream.get_final_text() == "Good tea would be kind."


def test_errors_of_providers(through: str, upstream: FakeUpstream) -> None:
    api = openai.OpenAI(base_url=f"{through}/v1", api_key="k", max_retries=0)
    with pytest.raises(openai.RateLimitError) as caught:
        api.chat.completions.create(model="limited", messages=ASKED)
    assert "sk-secret" not in str(caught.value)
    upstream.says = lambda _: None
    with pytest.raises(openai.InternalServerError):
        api.chat.completions.create(model="m", messages=ASKED)
    assert httpx.post(f"{through}/v1/embeddings", json={"model": "m", "input": "x"}).status_code == 404


# As a gateway that asks our server


async def test_the_generic_guardrail_api_of_litellm(start_proxy: Callable[..., str], acting: Guard) -> None:
    asking = GenericGuardrailAPI(api_base=start_proxy(acting), guardrail_name="normguard", event_hook="pre_call")

    async def ask(messages: list[Any], policy: str = "default") -> Any:
        asking.additional_provider_specific_params = {"policy": policy}
        inputs: Any = {"texts": [messages[-1]["content"]], "structured_messages": messages}
        return await asking.apply_guardrail(inputs=inputs, request_data={}, input_type="request")

    told = (await ask(ASKED))["structured_messages"]
    assert [message["role"] for message in told] == ["system", "user"]
    assert "Cultural note, China" in told[0]["content"]
    assert told[1] == ASKED[0]
    untouched = await ask([{"role": "user", "content": HARMLESS}])
    assert untouched.get("structured_messages") is None
    with pytest.raises(GuardrailRaisedException, match="Before going on"):
        await ask(ASKED, "block")
    with pytest.raises(Exception, match="400"):
        await ask(ASKED, "nope")


# Inside LiteLLM's proxy


async def test_the_guardrail_class(acting: Guard) -> None:
    guardrail = NormGuardrail(guard=acting, guardrail_name="normguard", event_hook="pre_call", default_on=True)
    data: dict[str, Any] = {"model": "m", "messages": list(ASKED), "metadata": {"own": 1}}
    changed = await guardrail.async_pre_call_hook(None, None, data, "completion")
    assert changed["messages"][0]["role"] == "system"
    assert changed["metadata"]["normguard"]["action"] == "advise"
    assert changed["metadata"]["own"] == 1
    other = {"model": "m", "input": "x"}
    assert await guardrail.async_pre_call_hook(None, None, other, "embeddings") is other


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, _upstream: FakeUpstream) -> Iterator[str]:
    pytest.importorskip("backoff", reason="LiteLLM's proxy is not in this environment")
    folder = tmp_path_factory.mktemp("litellm")
    (folder / "norms.py").write_text("from guard.integrations.litellm import NormGuardrail\n")
    params = {"model": "openai/m", "api_base": _upstream.base, "api_key": "k"}
    settings = {
        "general_settings": {"master_key": MASTER},
        "model_list": [{"model_name": "m", "litellm_params": params}],
        "guardrails": [
            {
                "guardrail_name": "normguard",
                "litellm_params": {"guardrail": "norms.NormGuardrail", "mode": "pre_call", "default_on": True},
            }
        ],
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(settings))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).parent / "litellm"), "--config", "config.yaml", "--port", str(port)]
    log = (folder / "log").open("w")
    with subprocess.Popen([*command, "--host", "127.0.0.1"], cwd=folder, stdout=log, stderr=log) as process:
        try:
            address = f"http://127.0.0.1:{port}"
            deadline = time.monotonic() + 90
            while True:
                assert process.poll() is None, (folder / "log").read_text()[-3000:]
                assert time.monotonic() < deadline, (folder / "log").read_text()[-3000:]
                try:
                    if httpx.get(f"{address}/health/liveliness", timeout=1).status_code == 200:
                        break
                except httpx.HTTPError:
                    time.sleep(0.3)
            yield address
        finally:
            process.terminate()
            process.wait(20)


def test_litellms_own_proxy_with_our_guardrail(gateway: str, upstream: FakeUpstream) -> None:
    upstream.says = lambda _: "fine"
    api = openai.OpenAI(base_url=gateway, api_key=MASTER, max_retries=0)
    answer = api.chat.completions.create(model="m", messages=ASKED)
    assert answer.choices[0].message.content == "fine"
    assert "Cultural note, China" in upstream.last["messages"][0]["content"]
    api.chat.completions.create(model="m", messages=[{"role": "user", "content": HARMLESS}])
    assert [message["role"] for message in upstream.last["messages"]] == ["user"]
