"""The input guardrail and the filter in real runs, with a model that notes what it is given."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

pytest.importorskip("agents", reason="openai-agents is not in this environment; see scripts/test-integrations")

from agents import Agent, InputGuardrailTripwireTriggered, Model, ModelResponse, RunConfig, Runner, Usage
from openai.types.responses import ResponseOutputMessage, ResponseOutputText

from guard import Decision, Guard
from guard.integrations.openai_agents import norm_filter, norm_guardrail
from tests.samples import CLOCK, HARMLESS


class Noting(Model):
    """Says "fine" and notes what it is given."""

    def __init__(self) -> None:
        self.given: list[tuple[str | None, Any]] = []

    async def get_response(self, system_instructions: str | None, input: Any, *_: Any, **__: Any) -> ModelResponse:
        self.given.append((system_instructions, input))
        text = ResponseOutputText(type="output_text", text="fine", annotations=[])
        said = ResponseOutputMessage(id="1", type="message", role="assistant", status="completed", content=[text])
        return ModelResponse(output=[said], usage=Usage(), response_id=None)

    def stream_response(self, *_: Any, **__: Any) -> AsyncIterator[Any]:
        raise NotImplementedError


def agent(model: Model, **more: Any) -> Agent[Any]:
    return Agent(name="guide", instructions="Be brief.", model=model, **more)


def config(guard: Guard, **more: Any) -> RunConfig:
    return RunConfig(call_model_input_filter=norm_filter(guard, **more), tracing_disabled=True)


async def test_the_filter_advises_each_call_and_leaves_the_history_alone(acting: Guard) -> None:
    model = Noting()
    seen: list[Decision] = []
    run = config(acting, on_decision=seen.append)
    first = await Runner.run(agent(model), CLOCK, run_config=run)
    again = [*first.to_input_list(), {"role": "user", "content": CLOCK}]
    second = await Runner.run(agent(model), again, run_config=run)
    for instructions, _ in model.given:
        assert instructions is not None
        assert instructions.startswith("Be brief.\n\nCultural note, China")
        assert instructions.count("Cultural note") == 1
    assert "Cultural note" not in str(second.to_input_list())
    assert [decision.action for decision in seen] == ["advise", "advise"]
    await Runner.run(agent(model), HARMLESS, run_config=run)
    assert model.given[-1][0] == "Be brief."


async def test_the_filter_rewrites(acting: Guard) -> None:
    model = Noting()
    await Runner.run(agent(model), CLOCK, run_config=config(acting, policy="rewrite"))
    assert model.given[0][1][-1]["content"].startswith(f"{CLOCK}\n\nPlease take into account")


async def test_the_guardrail_stops_what_is_blocked_and_nothing_else(acting: Guard) -> None:
    model = Noting()
    blocking = agent(model, input_guardrails=[norm_guardrail(acting, policy="block")])
    with pytest.raises(InputGuardrailTripwireTriggered) as caught:
        await Runner.run(blocking, CLOCK, run_config=RunConfig(tracing_disabled=True))
    told = caught.value.guardrail_result.output.output_info
    assert told.message.startswith("Before going on")
    assert model.given == []
    advising = agent(model, input_guardrails=[norm_guardrail(acting)])
    result = await Runner.run(advising, CLOCK, run_config=RunConfig(tracing_disabled=True))
    assert result.final_output == "fine"
    assert result.input_guardrail_results[0].output.output_info.action == "advise"
