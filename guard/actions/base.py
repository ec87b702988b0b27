"""What an action is: what is done with a request, and with its answer, once it is decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from guard.actions.steps import Steps
from guard.api import WireFormat
from guard.files import Strict
from guard.norms.model import Norm
from guard.types import Decision


class Checker(Protocol):
    """A local check of answers against norms.

    Attributes:
        clear: P(breach) below which a text is fine.
        breach: P(breach) from which it is in breach; between the two, nobody can say without asking.
    """

    name: str
    clear: float
    breach: float

    def __call__(self, query: str, answer: str, norms: Sequence[Norm]) -> tuple[float, ...]:
        """P(`answer` recommends what the norm rules out) for each of `norms`, 0..1."""
        ...


class StreamCheck(Protocol):
    """The check of an answer that comes as an event stream: what may go out once a chunk has come, or none will."""

    def feed(self, chunk: bytes) -> Steps[bytes]: ...

    def finish(self) -> Steps[bytes]: ...

    def abandon(self) -> bytes:
        """All that is held, as it came, where the check itself has failed."""
        ...


class AnswerCheck(Protocol):
    """The check that a model's answer is to pass.

    Attributes:
        outcome: what became of the answer; None until something was checked.
    """

    @property
    def outcome(self) -> str | None: ...

    def answer(self, api: WireFormat, reply: Mapping[str, Any]) -> Steps[dict[str, Any] | None]:
        """An API's answer as the user may see it; None where nothing is to be changed."""
        ...

    def stream(self, api: WireFormat) -> StreamCheck: ...


@dataclass(frozen=True, slots=True)
class Case:
    """What an action goes by.

    Attributes:
        query: what the user asked.
        language: of the user (ISO 639-1), or None.
        norms: those of the decision, best first.
        asked: codes of the countries in question, the likeliest first.
        options: what the policy says of the action (an instance of its `options`), or None.
        checker: gives the local check of answers, loaded when it is needed; None where it cannot be.
    """

    query: str
    language: str | None
    norms: tuple[Norm, ...]
    asked: tuple[str, ...] = ()
    options: Any = None
    checker: Callable[[], Checker | None] = lambda: None


class Handler:
    """One action. What it does not override leaves request and answer as they are.

    Attributes:
        name: as policies, headers and records have it.
        acts: whether the caller gets anything else than without the guard; what does not is never shadowed, and is
            asked for nothing once it is decided.
        options: what a policy may say of it, in a section of its name; None where there is nothing to say.
    """

    name: ClassVar[str]
    acts: ClassVar[bool] = True
    options: ClassVar[type[Strict] | None] = None

    def decided(self, case: Case) -> Mapping[str, str]:
        """The fields of the decision that are this action's: `rewritten`, `message`."""
        return {}

    def asked(self, case: Case, decision: Decision) -> Steps[Decision]:
        """The decision with what models were asked for before the request is sent."""
        return decision
        yield

    def request(self, api: WireFormat, body: Mapping[str, Any], decision: Decision) -> Mapping[str, Any]:
        """The request as it is sent; the very object that was given where nothing changes."""
        return body

    def answer(
        self, api: WireFormat, body: Mapping[str, Any], decision: Decision, *, id_: str
    ) -> dict[str, Any] | None:
        """The answer that is given in place of the model's, which is then not asked."""
        return None

    def check(self, case: Case) -> AnswerCheck | None:
        """The check that the model's answer is to pass."""
        return None
