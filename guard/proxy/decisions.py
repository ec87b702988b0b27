"""Decisions over HTTP: for gateways that ask a guardrail service, and for programs in any language."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse

from guard.api import FORMATS
from guard.api.images import image_of_url
from guard.api.options import Extra, hints_of
from guard.errors import AccessError, NormGuardError, PolicyError, RequestError
from guard.integrations.base import Conversations
from guard.pipeline import Guard
from guard.types import Action, Exchange, Image


class Apply(BaseModel):
    """A request for a model that is to be guarded.

    Attributes:
        api: whose shape `request` has.
        normguard: hints and policy, as in the proxy's ``extra_body``.
    """

    api: Literal["chat", "responses", "messages"] = "chat"
    request: dict[str, Any]
    normguard: Extra = Extra()


class Question(BaseModel):
    """What LiteLLM's Generic Guardrail API asks (its ``GenericGuardrailAPIRequest``); other fields are left unread."""

    input_type: Literal["request", "response"] = "request"
    texts: list[str] | None = None
    images: list[str] | None = None
    structured_messages: list[dict[str, Any]] | None = None
    additional_provider_specific_params: dict[str, Any] | None = None


_REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"description": "What was sent cannot be used; the error says what and where."},
    401: {"description": "The proxy key is missing, wrong, or has ended."},
    403: {"description": "The key has another policy."},
    411: {"description": "The body does not say how large it is."},
    413: {"description": "The body is too large."},
    429: {"description": "The key's limits are reached."},
    503: {"description": "Too much to do."},
}


def routes(current: Callable[[], Guard]) -> APIRouter:
    """The routes ``POST /normguard/apply`` and ``POST /beta/litellm_basic_guardrail_api``, by the current guard."""
    router = APIRouter()

    @router.post("/normguard/apply", tags=["guard"], responses=_REFUSALS)
    async def apply(given: Annotated[Apply, Field()], asking: Request) -> Any:
        """The request as it should be sent, the decision behind it, and the answer where there is to be none sent."""
        try:
            hints = hints_of(given.normguard)
            conversations = Conversations(current(), policy=_policy(asking, given.normguard.policy))
            handling = await asyncio.to_thread(conversations.handle, given.api, given.request, hints=hints)
        except (NormGuardError, RequestError, PolicyError) as error:
            return _error(error)
        if handling is None:
            return {"request": given.request, "decision": None, "answer": None}
        return {
            "request": handling.body,
            "decision": handling.decision.to_dict(),
            "answer": handling.answer,
        }

    @router.post("/beta/litellm_basic_guardrail_api", tags=["guard"], responses=_REFUSALS)
    async def guardrail(question: Question, asking: Request) -> Any:
        """LiteLLM's Generic Guardrail API: advice and rewriting change the messages, a block blocks with its reason."""
        if question.input_type == "response":
            return {"action": "NONE"}
        given = question.additional_provider_specific_params or {}
        try:
            extra = Extra.model_validate({name: given[name] for name in Extra.model_fields if name in given})
            extra = extra.model_copy(update={"policy": _policy(asking, extra.policy)})
            conversations = Conversations(current(), policy=extra.policy)
            if question.structured_messages:
                body = {"messages": question.structured_messages}
                handling = await asyncio.to_thread(conversations.handle, "chat", body, hints=hints_of(extra))
                if handling is None or (handling.body is body and handling.answer is None):
                    return {"action": "NONE"}
                if handling.decision.message is not None:
                    return {"action": "BLOCKED", "blocked_reason": handling.decision.message}
                return {
                    "action": "GUARDRAIL_INTERVENED",
                    "structured_messages": handling.body["messages"],
                    "texts": question.texts,
                }
            return await asyncio.to_thread(_of_texts, current(), question, extra)
        except (NormGuardError, ValueError) as error:
            return _error(error)

    return router


def _of_texts(guard: Guard, question: Question, extra: Extra) -> dict[str, Any]:
    """Where a gateway tells only texts and pictures there is no system part: the note goes to the last text."""
    texts = question.texts or []
    if not texts:
        return {"action": "NONE"}
    images: list[Image] = [image_of_url(image, f"images[{i}]") for i, image in enumerate(question.images or [])]
    exchange = Exchange.of("\n".join(texts), images=images, hints=hints_of(extra))
    decision = guard.check(exchange, policy=extra.policy)
    if decision.action is Action.BLOCK:
        return {"action": "BLOCKED", "blocked_reason": decision.message}
    if decision.action in {Action.PASS, Action.MONITOR} or decision.guidance is None:
        return {"action": "NONE"}
    return {"action": "GUARDRAIL_INTERVENED", "texts": [*texts[:-1], f"{texts[-1]}\n\n{decision.guidance}"]}


def _policy(asking: Request, asked: str | None) -> str | None:
    """The policy that the caller's key has, or else the one asked for."""
    grant = asking.scope.get("normguard.grant")
    return grant.policy(asked) if grant is not None else asked


def _error(error: Exception) -> JSONResponse:
    if isinstance(error, AccessError):
        return JSONResponse(FORMATS["chat"].error(error.status, str(error), code=error.code), error.status)
    known = isinstance(error, RequestError | PolicyError | ValueError)
    status = 400 if known else 500
    code = error.code if isinstance(error, RequestError) else "unknown_policy" if known else "guard_fault"
    message = str(error) if known else "The guard failed."
    param = error.param if isinstance(error, RequestError) else None
    return JSONResponse(FORMATS["chat"].error(status, message, code=code, param=param), status)
