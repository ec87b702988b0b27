"""LangChain and LangGraph: middleware for ``create_agent`` (langchain 1.x)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, convert_to_openai_messages

from guard.actions.steps import Again, Wanted, arun, run
from guard.flow.request import Handling
from guard.integrations.base import Conversations, OnDecision
from guard.pipeline import Guard
from guard.types import Action, Hints


class NormGuardMiddleware(AgentMiddleware[Any, Any, Any]):
    """Guards every model call of an agent.

    Guidance goes into the system message of that one call and never into the agent's state, so it is not repeated from
    turn to turn. Under ``block`` the model is not called and the educating message is its answer; under ``verify`` its
    answer is checked and, where it is in breach, asked for once more. A judge is not asked here.

    Args:
        guard: what decides; one for the whole process by default.
        policy: deployment policy; the guard's own where None.
        hints: what is known of all conversations (``Hints(country="JP")``).
        on_decision: told of every decision.
    """

    def __init__(
        self,
        guard: Guard | None = None,
        *,
        policy: str | None = None,
        hints: Hints | None = None,
        on_decision: OnDecision | None = None,
    ) -> None:
        super().__init__()
        self._conversations = Conversations(guard, policy=policy, hints=hints, on_decision=on_decision)

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any] | AIMessage:
        handling = self._handle(request)
        if handling is None:
            return handler(request)
        if handling.decision.message is not None:
            return AIMessage(content=handling.decision.message)
        sent = _told(request, handling)
        response = handler(sent)
        if handling.verification is None or not (text := _text(response)):
            return response

        def ask(wanted: Wanted) -> str | None:
            return _text(handler(_again(sent, wanted))) if isinstance(wanted, Again) else None

        return _with_text(response, text, run(handling.verification.whole(text), ask))

    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]
    ) -> ModelResponse[Any] | AIMessage:
        handling = await asyncio.to_thread(self._handle, request)
        if handling is None:
            return await handler(request)
        if handling.decision.message is not None:
            return AIMessage(content=handling.decision.message)
        sent = _told(request, handling)
        response = await handler(sent)
        if handling.verification is None or not (text := _text(response)):
            return response

        async def ask(wanted: Wanted) -> str | None:
            return _text(await handler(_again(sent, wanted))) if isinstance(wanted, Again) else None

        return _with_text(response, text, await arun(handling.verification.whole(text), ask))

    def _handle(self, request: ModelRequest[Any]) -> Handling | None:
        messages = [*([request.system_message] if request.system_message else []), *request.messages]
        return self._conversations.handle("chat", {"messages": convert_to_openai_messages(messages)})


def _told(request: ModelRequest[Any], handling: Handling) -> ModelRequest[Any]:
    decision = handling.decision
    if decision.action is Action.REWRITE and decision.rewritten:
        return request.override(messages=_asking(list(request.messages), decision.rewritten))
    if decision.action in {Action.ADVISE, Action.VERIFY} and decision.guidance:
        own = request.system_message.content if request.system_message else ""
        if isinstance(own, list):
            content: Any = [*own, {"type": "text", "text": decision.guidance}]
        else:
            content = f"{own}\n\n{decision.guidance}" if own else decision.guidance
        return request.override(system_message=SystemMessage(content=content))
    return request


def _asking(messages: list[Any], query: str) -> list[Any]:
    """The messages with other words in the user's last one; its pictures stay."""
    for i in range(len(messages) - 1, -1, -1):
        if isinstance(messages[i], HumanMessage):
            content = messages[i].content
            if isinstance(content, list):
                others = [part for part in content if not (isinstance(part, dict) and part.get("type") == "text")]
                content = [{"type": "text", "text": query}, *(part for part in others if not isinstance(part, str))]
            else:
                content = query
            messages[i] = messages[i].model_copy(update={"content": content})
            break
    return messages


def _again(request: ModelRequest[Any], wanted: Again) -> ModelRequest[Any]:
    added = [AIMessage(content=wanted.answer), HumanMessage(content=wanted.instruction)]
    return request.override(messages=[*request.messages, *added])


def _text(response: ModelResponse[Any]) -> str:
    """The prose of an answer; nothing where the model calls tools or answers in a structure."""
    last = response.result[-1] if response.result else None
    if not isinstance(last, AIMessage) or last.tool_calls or response.structured_response is not None:
        return ""
    return str(last.text)


def _with_text(response: ModelResponse[Any], before: str, after: str) -> ModelResponse[Any]:
    if after == before:
        return response
    last = response.result[-1].model_copy(update={"content": after})
    return ModelResponse(result=[*response.result[:-1], last], structured_response=response.structured_response)
