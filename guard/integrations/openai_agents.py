"""OpenAI Agents SDK: an input guardrail, and a filter of what goes to the model.

A guardrail of that SDK can stop a run and nothing else; advice needs the filter. Use both.
"""

from __future__ import annotations

import asyncio
from typing import Any

from agents import Agent, GuardrailFunctionOutput, InputGuardrail, RunContextWrapper
from agents.run import CallModelData, ModelInputData

from guard.integrations.base import Conversations, OnDecision
from guard.pipeline import Guard
from guard.types import Action, Hints


def norm_guardrail(
    guard: Guard | None = None,
    *,
    policy: str | None = None,
    hints: Hints | None = None,
    on_decision: OnDecision | None = None,
) -> InputGuardrail[Any]:
    """An input guardrail that trips where the policy says ``block``.

    The decision is the guardrail's ``output_info``; its ``message`` is what the user may be told. It runs before the
    agent starts, so that nothing is spent on a blocked request.
    """
    conversations = Conversations(guard, policy=policy, hints=hints, on_decision=on_decision)

    async def check(
        context: RunContextWrapper[Any], agent: Agent[Any], given: str | list[Any]
    ) -> GuardrailFunctionOutput:
        del context
        instructions = agent.instructions if isinstance(agent.instructions, str) else None
        body = {"input": given, "instructions": instructions}
        handling = await asyncio.to_thread(conversations.handle, "responses", body)
        decision = handling.decision if handling is not None else None
        return GuardrailFunctionOutput(
            output_info=decision, tripwire_triggered=decision is not None and decision.action is Action.BLOCK
        )

    return InputGuardrail(guardrail_function=check, name="normguard", run_in_parallel=False)


def norm_filter(
    guard: Guard | None = None,
    *,
    policy: str | None = None,
    hints: Hints | None = None,
    on_decision: OnDecision | None = None,
) -> Any:
    """A ``call_model_input_filter`` (of ``RunConfig``) that advises or rewrites each model call of a run.

    What it adds goes with that call only; the run's history stays as it is.
    """
    conversations = Conversations(guard, policy=policy, hints=hints, on_decision=on_decision)

    async def told(data: CallModelData[Any]) -> ModelInputData:
        given = data.model_data
        body = {"input": list(given.input), "instructions": given.instructions}
        handling = await asyncio.to_thread(conversations.handle, "responses", body)
        if handling is None or handling.body is body:
            return given
        return ModelInputData(input=handling.body["input"], instructions=handling.body["instructions"])

    return told
