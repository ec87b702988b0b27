"""OpenAI Agents SDK: an input guardrail, and a filter of what goes to the model.

A guardrail of that SDK can stop a run and nothing else; advice needs the filter. Use both.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agents import Agent, GuardrailFunctionOutput, InputGuardrail, RunContextWrapper
from agents.run import CallModelData, ModelInputData

from guard.api import FORMATS
from guard.integrations.base import Conversations, OnDecision
from guard.pipeline import Guard
from guard.types import Hints


def norm_guardrail(
    guard: Guard | None = None,
    *,
    settings: Path | str | None = None,
    policy: str | None = None,
    hints: Hints | None = None,
    on_decision: OnDecision | None = None,
) -> InputGuardrail[Any]:
    """An input guardrail that trips where the policy says ``block``.

    The decision is the guardrail's ``output_info``; its ``message`` is what the user may be told. It runs before the
    agent starts, so that nothing is spent on a blocked request.
    """
    conversations = Conversations(guard, settings=settings, policy=policy, hints=hints, on_decision=on_decision)

    async def check(
        context: RunContextWrapper[Any], agent: Agent[Any], given: str | list[Any]
    ) -> GuardrailFunctionOutput:
        del context
        instructions = agent.instructions if isinstance(agent.instructions, str) else None
        body = {"input": given, "instructions": instructions}
        flow = await conversations.aguarded(FORMATS["responses"], body)
        return GuardrailFunctionOutput(output_info=flow.decision, tripwire_triggered=flow.own is not None)

    return InputGuardrail(guardrail_function=check, name="normguard", run_in_parallel=False)


def norm_filter(
    guard: Guard | None = None,
    *,
    settings: Path | str | None = None,
    policy: str | None = None,
    hints: Hints | None = None,
    on_decision: OnDecision | None = None,
) -> Any:
    """A ``call_model_input_filter`` (of ``RunConfig``) that advises or rewrites each model call of a run.

    What it adds goes with that call only; the run's history stays as it is.
    """
    conversations = Conversations(guard, settings=settings, policy=policy, hints=hints, on_decision=on_decision)

    async def told(data: CallModelData[Any]) -> ModelInputData:
        given = data.model_data
        body = {"input": list(given.input), "instructions": given.instructions}
        flow = await conversations.aguarded(FORMATS["responses"], body)
        if flow.out is body:
            return given
        return ModelInputData(input=flow.out["input"], instructions=flow.out["instructions"])

    return told
