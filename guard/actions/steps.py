"""What an action wants of a model on the way, written once for callers that wait and callers that await.

Such work is a generator: it yields what it wants asked, and is sent the answer (None where there was none). It touches
no socket; `guard.flow` carries it out.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeVar

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
