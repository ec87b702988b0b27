"""Decisions over HTTP: for gateways that ask a guardrail service, and for programs in any language."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, Field, ValidationError
from starlette.requests import Request

from guard.api import FORMATS
from guard.api.base import PartialFormat
from guard.api.images import image_of_url
from guard.api.options import Extra
from guard.errors import NormGuardError
from guard.files import faults
from guard.proxy.errors import error_response, response_of
from guard.proxy.guarded import Guarded
from guard.types import Exchange, Hints


def _known(api: str) -> str:
    if api not in FORMATS:
        raise ValueError(f"there is no API {api[:40]!r}; known: {', '.join(FORMATS)}")
    return api


class Apply(BaseModel):
    """A request for a model that is to be guarded.

    Attributes:
        api: whose shape `request` has.
        normguard: hints and policy, as in the proxy's ``extra_body``.
    """

    api: Annotated[str, AfterValidator(_known), Field(json_schema_extra={"enum": list(FORMATS)})] = "chat"
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


class Texts(PartialFormat):
    """What a gateway tells of a request: texts and pictures, and no system part; the note goes to the last text."""

    name = "texts"

    def read(self, body: Any, hints: Hints | None = None) -> Exchange:
        images = [image_of_url(image, f"images[{i}]") for i, image in enumerate(body["images"])]
        return Exchange.of("\n".join(body["texts"]), images=images, hints=hints)

    def with_guidance(self, body: Any, guidance: str) -> dict[str, Any]:
        return self.with_query(body, f"{body['texts'][-1]}\n\n{guidance}")

    def with_query(self, body: Any, query: str) -> dict[str, Any]:
        return {**body, "texts": [*body["texts"][:-1], query]}

    def answer(self, body: Any, text: str, *, id_: str) -> dict[str, Any]:
        return {"text": text}


def routes(guarded: Guarded) -> APIRouter:
    """The routes ``POST /normguard/apply`` and ``POST /beta/litellm_basic_guardrail_api``."""
    router = APIRouter()

    @router.post("/normguard/apply", tags=["guard"], responses=_REFUSALS)
    async def apply(given: Annotated[Apply, Field()], asking: Request) -> Any:
        """The request as it should be sent, the decision behind it, and the answer where there is to be none sent."""
        try:
            flow = await guarded.decided(asking, FORMATS[given.api], given.request, given.normguard)
        except NormGuardError as error:
            return response_of(error)
        decision = flow.decision.to_dict() if flow.decision is not None else None
        return {"request": flow.out, "decision": decision, "answer": flow.own}

    @router.post("/beta/litellm_basic_guardrail_api", tags=["guard"], responses=_REFUSALS)
    async def guardrail(question: Question, asking: Request) -> Any:
        """LiteLLM's Generic Guardrail API: advice and rewriting change the messages, a block blocks with its reason."""
        if question.input_type == "response" or not (question.structured_messages or question.texts):
            return {"action": "NONE"}
        given = question.additional_provider_specific_params or {}
        messages, texts = question.structured_messages, question.texts or []
        try:
            extra = Extra.model_validate({name: given[name] for name in Extra.model_fields if name in given})
            if messages:
                flow = await guarded.decided(asking, FORMATS["chat"], {"messages": messages}, extra)
            else:
                body = {"texts": texts, "images": question.images or []}
                flow = await guarded.decided(asking, _TEXTS, body, extra)
        except NormGuardError as error:
            return response_of(error)
        except ValidationError as error:
            return error_response(400, "; ".join(faults(error, Extra)), code="invalid_normguard_field")
        if flow.own is not None and flow.decision is not None:
            return {"action": "BLOCKED", "blocked_reason": flow.decision.message}
        if flow.out is flow.body:
            return {"action": "NONE"}
        if messages:
            return {"action": _CHANGED, "structured_messages": flow.out["messages"], "texts": question.texts}
        return {"action": _CHANGED, "texts": flow.out["texts"]}

    return router


_TEXTS = Texts()
_CHANGED = "GUARDRAIL_INTERVENED"
