"""Block: an educating answer in place of the model's."""

from __future__ import annotations

from collections.abc import Sequence

from guard.actions.phrases import phrase, places, tell
from guard.norms.model import Norm

_MOST = 2


def block(norms: Sequence[Norm], language: str | None) -> str:
    """What the user is told about the weightiest of `norms` (best first): a word of explanation and an alternative."""
    severest = max(norm.severity for norm in norms)
    told = [norm for norm in norms if norm.severity == severest][:_MOST]
    opening = phrase("opening", language).format(places=places(told, language))
    return "\n\n".join([opening, *(tell(norm, language) for norm in told), phrase("closing", language)])
