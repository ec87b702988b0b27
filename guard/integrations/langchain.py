"""LangChain and LangGraph: middleware for ``create_agent`` (langchain 1.x)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, convert_to_openai_messages

from guard.api import FORMATS
from guard.api.base import Key, PartialFormat, one_text
from guard.flow import Call, Read, RequestFlow, Send, Step, arun, run
from guard.integrations.base import Conversations, OnDecision
from guard.pipeline import Guard
from guard.types import Exchange, Hints


class NormGuardMiddleware(AgentMiddleware[Any, Any, Any]):
    """Guards every model call of an agent.

    Guidance goes into the system message of that one call and never into the agent's state, so it is not repeated from
    turn to turn. Under ``block`` the model is not called and the educating message is its answer; under ``verify`` its
    answer is checked and, where it is in breach, asked for once more. Other models than the agent's are not asked here:
    no judge, and questions are rewritten by template.

    Args:
        guard: what decides; one for the whole process by default, as the settings found here say.
        settings: a settings file that describes the guard, in its place.
        policy: deployment policy; the guard's own where None.
        hints: what is known of all conversations (``Hints(country="JP")``).
        on_decision: told of every decision.
    """

    def __init__(
        self,
        guard: Guard | None = None,
        *,
        settings: Path | str | None = None,
        policy: str | None = None,
        hints: Hints | None = None,
        on_decision: OnDecision | None = None,
    ) -> None:
        super().__init__()
        self._conversations = Conversations(
            guard, settings=settings, policy=policy, hints=hints, on_decision=on_decision
        )

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any] | AIMessage:
        def perform(step: Step) -> Any:
            match step:
                case Send(body):
                    return _Sent(handler(body))
                case Read(sent):
                    return sent.response
                case Call(_, body):
                    try:
                        return handler(body)
                    except Exception:  # whatever the model's client raises: there is no answer
                        return None
            return self._conversations.perform(step)

        flow = self._conversations.flow(CALLS, request)
        run(flow(), perform)
        return _answer(flow)

    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]
    ) -> ModelResponse[Any] | AIMessage:
        async def perform(step: Step) -> Any:
            match step:
                case Send(body):
                    return _Sent(await handler(body))
                case Read(sent):
                    return sent.response
                case Call(_, body):
                    try:
                        return await handler(body)
                    except Exception:
                        return None
            return await self._conversations.aperform(step)

        flow = self._conversations.flow(CALLS, request)
        await arun(flow(), perform)
        return _answer(flow)


@dataclass(frozen=True, slots=True)
class _Sent:
    response: ModelResponse[Any]
    ok: bool = True
    streams: bool = False


def _answer(flow: RequestFlow) -> Any:
    flow.record(200)
    if flow.own is not None:
        return flow.own
    return flow.changed if flow.changed is not None else flow.sent.response  # type: ignore[union-attr]


class ModelCalls(PartialFormat):
    """Model calls of an agent as an API: a request is a ``ModelRequest``, an answer a ``ModelResponse``."""

    name = "langchain"

    def model(self, body: Any) -> str | None:
        return getattr(body.model, "model_name", None)

    def read(self, body: Any, hints: Hints | None = None) -> Exchange:
        messages = [*([body.system_message] if body.system_message else []), *body.messages]
        return FORMATS["chat"].read({"messages": convert_to_openai_messages(messages)}, hints)

    def with_guidance(self, body: Any, guidance: str) -> Any:
        own = body.system_message.content if body.system_message else ""
        if isinstance(own, list):
            content: Any = [*own, {"type": "text", "text": guidance}]
        else:
            content = f"{own}\n\n{guidance}" if own else guidance
        return body.override(system_message=SystemMessage(content=content))

    def with_query(self, body: Any, query: str) -> Any:
        messages = list(body.messages)
        for i in range(len(messages) - 1, -1, -1):
            if isinstance(messages[i], HumanMessage):
                content = messages[i].content
                if isinstance(content, list):
                    # A part that is a bare string is text too.
                    parts = [{"type": "text", "text": part} if isinstance(part, str) else part for part in content]
                    content = one_text(parts, query, type_="text")
                else:
                    content = query
                messages[i] = messages[i].model_copy(update={"content": content})
                break
        return body.override(messages=messages)

    def follow_up(self, body: Any, answer: str, instruction: str) -> Any:
        added = [AIMessage(content=answer), HumanMessage(content=instruction)]
        return body.override(messages=[*body.messages, *added])

    def answer(self, body: Any, text: str, *, id_: str) -> Any:
        return AIMessage(content=text)

    def parsed(self, data: Any) -> Any:
        return data

    def texts(self, answer: Any) -> dict[Key, str]:
        """The prose of an answer; nothing where the model calls tools or answers in a structure."""
        last = answer.result[-1] if answer.result else None
        if not isinstance(last, AIMessage) or last.tool_calls or answer.structured_response is not None:
            return {}
        text = str(last.text)
        return {len(answer.result) - 1: text} if text else {}

    def with_texts(self, answer: Any, texts: Mapping[Key, str]) -> Any:
        result = [
            message.model_copy(update={"content": texts[i]}) if i in texts else message
            for i, message in enumerate(answer.result)
        ]
        return ModelResponse(result=result, structured_response=answer.structured_response)


CALLS = ModelCalls()
