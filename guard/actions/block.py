"""Block: an educating answer in place of the model's."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

from guard.actions.base import Case, Handler
from guard.actions.phrases import phrase, places, tell
from guard.api import WireFormat
from guard.norms.model import Norm
from guard.types import Action, Decision

_MOST = 2


class Block(Handler):
    """The user is told what is expected, and the model is not asked."""

    name: ClassVar[str] = Action.BLOCK

    def decided(self, case: Case) -> Mapping[str, str]:
        return {"message": block(case.norms, case.language, case.asked)}

    def answer(
        self, api: WireFormat, body: Mapping[str, Any], decision: Decision, *, id_: str
    ) -> dict[str, Any] | None:
        return api.answer(body, decision.message, id_=id_) if decision.message else None


def block(norms: Sequence[Norm], language: str | None, asked: Collection[str] = ()) -> str:
    """What the user is told about the weightiest of `norms` (best first): a word of explanation and an alternative."""
    severest = max(norm.severity for norm in norms)
    told = [norm for norm in norms if norm.severity == severest][:_MOST]
    opening = phrase("opening", language).format(places=places(told, language, asked))
    return "\n\n".join([opening, *(tell(norm, language) for norm in told), phrase("closing", language)])
