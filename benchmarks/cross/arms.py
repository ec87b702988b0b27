"""The two arms: the same request to the same model, without the guard and through the real proxy.

What both share, and the bare one; the guarded one is in `local_proxy` and `remote_proxy`. A request that the guard lets
pass is the bare one: the cache answers it, and one answer stands for both arms.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import Any

from inspect_ai.model import CachePolicy, GenerateConfig, Model, ModelOutput, messages_from_openai
from pydantic import BaseModel
from tenacity import RetryError

from benchmarks.cross.ledger import Stopped, ledger

ARMS = ("bare", "guarded")

Request = dict[str, Any]


class Answer(BaseModel):
    """What one arm answered.

    Attributes:
        text: the answer; None where there is none.
        error: why there is none.
        model: the model that served it, in its own words.
        input_tokens, output_tokens: as the provider counted them, cached ones included.
        cost: US dollars; None where the model has no price.
        seconds: how long the model took, and in the guarded arm the guard.
        action, norms, cultures, status, guard_ms: what the proxy said it did; None and empty in the bare arm.
    """

    text: str | None = None
    error: str | None = None
    model: str = ""
    stop_reason: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: float | None = None
    seconds: float | None = None
    action: str | None = None
    norms: tuple[str, ...] = ()
    cultures: tuple[str, ...] = ()
    status: str | None = None
    guard_ms: float | None = None

    @property
    def usable(self) -> bool:
        return bool(self.text and self.text.strip())


def policy_of(cache: bool, **scopes: str) -> CachePolicy | bool:
    """How answers are kept: for ever, so that a run that was interrupted pays for none of them twice."""
    return CachePolicy(expiry=None, scopes=scopes) if cache else False


async def bare_answer(model: Model, request: Request, *, config: GenerateConfig, cache: bool) -> Answer:
    """The model's own answer."""
    output = await generated(model, request, config, cache)
    return answer_of([output], text=output.completion)


async def generated(model: Model, request: Mapping[str, Any], config: GenerateConfig, cache: bool) -> ModelOutput:
    """What the model says to a request of the chat completions API; raises `Stopped` where nothing may be paid for."""
    ledger.check()
    messages = await messages_from_openai(list(request["messages"]))
    return await model.generate(messages, config=config, cache=policy_of(cache))


def wire_name(model: str) -> str:
    """A model's name without Inspect's provider ("openai/gpt-4o" gives "gpt-4o")."""
    provider, _, name = model.partition("/")
    return name.partition("/")[2] if provider == "openai-api" else name or provider


async def failing_soft(answer: Awaitable[Answer]) -> Answer:
    """What the coroutine `answer` gives; an answer without text where the model or the proxy failed.

    Raises:
        Stopped: nothing more may be paid for.
    """
    try:
        return await answer
    except Stopped:
        raise
    except Exception as error:  # whatever a provider raises: one bad sample must not end the run
        return Answer(error=fault_of(error))


def fault_of(error: BaseException) -> str:
    """An error in one line, the cause where Inspect gave up trying again."""
    cause = error.last_attempt.exception() if isinstance(error, RetryError) else error
    lines = str(cause).strip().splitlines()
    return f"{type(cause).__name__}: {lines[-1][:500] if lines else ''}"


def answer_of(outputs: Sequence[ModelOutput], *, text: str | None, headers: Mapping[str, str] | None = None) -> Answer:
    """The answer `text` that came of calls to the model; in the guarded arm with what the proxy's `headers` say."""
    usages = [output.usage for output in outputs if output.usage]
    costs = [usage.total_cost for usage in usages]
    seconds = sum(output.time or 0.0 for output in outputs)
    answer = Answer(
        text=text or None,
        error=None if text else "the answer is empty",
        model=outputs[-1].model if outputs else "",
        stop_reason=outputs[-1].stop_reason if outputs and outputs[-1].choices else None,
        input_tokens=sum(
            u.input_tokens + (u.input_tokens_cache_read or 0) + (u.input_tokens_cache_write or 0) for u in usages
        )
        if usages
        else None,
        output_tokens=sum(u.output_tokens for u in usages) if usages else None,
        cost=sum(c for c in costs if c is not None) if costs and None not in costs else None,
        seconds=seconds if outputs else None,
    )
    if headers is None:
        return answer
    guard_ms = headers.get("x-normguard-latency-ms")
    return answer.model_copy(
        update={
            "action": headers.get("x-normguard-action"),
            "norms": _split(headers.get("x-normguard-norms")),
            "cultures": _split(headers.get("x-normguard-cultures")),
            "status": headers.get("x-normguard-status"),
            "guard_ms": float(guard_ms) if guard_ms else None,
            "seconds": seconds + float(guard_ms or 0) / 1000,
        }
    )


def _split(value: str | None) -> tuple[str, ...]:
    return tuple(part for part in (value or "").split(",") if part)
