"""What an action is: what is done with a request, and with its answer, once it is decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from guard.actions.steps import Steps
from guard.api import WireFormat
from guard.files import Strict
from guard.norms.model import Norm
from guard.types import Decision

if TYPE_CHECKING:
    from guard.actions.verify import Checker, Verification


@dataclass(frozen=True, slots=True)
class Case:
    """What an action goes by.

    Attributes:
        query: what the user asked.
        language: of the user (ISO 639-1), or None.
        norms: those of the decision, best first.
        options: what the policy says of the action (an instance of its `options`), or None.
        checker: gives the local check of answers, loaded when it is needed; None where it cannot be.
    """

    query: str
    language: str | None
    norms: tuple[Norm, ...]
    options: Any = None
    checker: Callable[[], Checker | None] = lambda: None


class Handler:
    """One action. What it does not override leaves request and answer as they are.

    Attributes:
        name: as policies, headers and records have it.
        acts: whether the caller gets anything else than without the guard; what does not is never shadowed.
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

    def check(self, case: Case) -> Verification | None:
        """The check that the model's answer is to pass."""
        return None
