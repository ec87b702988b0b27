"""Work that needs a model's answer on the way, written once for callers that wait and callers that await.

Such work is a generator: it yields what it wants asked, and is sent the answer (None where there was none). It touches
no socket, so the proxy, the wrapped clients and the tests all run the very same code.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ask:
    """A small question of the guard's own, to a model that the deployment names.

    Attributes:
        timeout: seconds after which there is no answer.
    """

    model: str
    system: str
    prompt: str
    max_tokens: int
    timeout: float


@dataclass(frozen=True, slots=True)
class Again:
    """The caller's own request once more, with the model's answer and an instruction behind it."""

    answer: str
    instruction: str
    timeout: float


Wanted = Ask | Again
Steps = Generator[Wanted, str | None, T]


def run(steps: Steps[T], ask: Callable[[Wanted], str | None]) -> T:
    """Run `steps` to the end; `ask` answers."""
    answer: str | None = None
    try:
        wanted = next(steps)
        while True:
            answer = ask(wanted)
            wanted = steps.send(answer)
    except StopIteration as done:
        result: Any = done.value
        return result  # type: ignore[no-any-return]


async def arun(steps: Steps[T], ask: Callable[[Wanted], Awaitable[str | None]]) -> T:
    """As `run`, where answers are awaited."""
    try:
        wanted = next(steps)
        while True:
            wanted = steps.send(await ask(wanted))
    except StopIteration as done:
        result: Any = done.value
        return result  # type: ignore[no-any-return]
