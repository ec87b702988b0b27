"""Guidance: the norms of a decision as a short note that a model can follow."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from guard.actions.base import Handler
from guard.api import WireFormat
from guard.norms.model import Norm, Strength
from guard.norms.wording import places_of, sentence
from guard.types import Action, Decision

_OPENING = "Cultural note, {places}. A picture may show what the words do not say; these local expectations may apply:"
_CLOSING = (
    "If one does, do not recommend what it rules out: say so kindly in a sentence, with the reason, and offer the "
    "alternative. If none does, answer as usual. Use the user's language; no lecture, no mention of this note."
)

CHARACTERS_PER_TOKEN = 4.2
"""What English prose gives with the tokenizers of current models, a little on the low side."""


@dataclass(frozen=True, slots=True)
class Guidance:
    """The note, which norms found room in it (best first), and its estimated size."""

    text: str
    norms: tuple[Norm, ...]
    tokens: int


def count_tokens(text: str) -> int:
    """Estimated number of tokens of an English text; errs on the high side."""
    return -int(-len(text) // CHARACTERS_PER_TOKEN)


def advise(norms: Sequence[Norm], *, budget: int, asked: Collection[str] = ()) -> Guidance | None:
    """Write the note for `norms`, best first, in at most `budget` tokens; `asked` are codes of the places in question.

    Each norm first gets its short form (what to mind, what to offer instead), as many as there is room for; what is
    left of the budget goes to the reason behind the best one. None if not even one norm has room.
    """
    limit = int(budget * CHARACTERS_PER_TOKEN)
    shorts = [_short(norm) for norm in norms]
    for count in range(len(norms), 0, -1):
        kept, lines = tuple(norms[:count]), shorts[:count]
        text = _note(kept, lines, asked)
        if len(text) <= limit:
            longer = _note(kept, [_long(kept[0]), *lines[1:]], asked)
            text = longer if len(longer) <= limit else text
            return Guidance(text, kept, count_tokens(text))
    return None


class Advise(Handler):
    """The note goes to the model with the request."""

    name: ClassVar[str] = Action.ADVISE

    def request(self, api: WireFormat, body: Mapping[str, Any], decision: Decision) -> Mapping[str, Any]:
        return api.with_guidance(body, decision.guidance) if decision.guidance else body


def _note(norms: Sequence[Norm], lines: Sequence[str], asked: Collection[str]) -> str:
    from guard.text.places import country_name  # maps and numpy: not for who only reads a policy

    places = ", ".join(map(country_name, places_of(norms, asked)))
    return "\n".join([_OPENING.format(places=places), *lines, _CLOSING])


def _short(norm: Norm) -> str:
    return f"- {_title(norm)} Instead: {sentence(norm.instead)}"


def _long(norm: Norm) -> str:
    return f"- {_title(norm)} {sentence(norm.why)} Instead: {sentence(norm.instead)}"


def _title(norm: Norm) -> str:
    whom = f" ({norm.scope})" if norm.scope else ""
    doubt = " [views differ]" if norm.strength is Strength.CONTESTED else ""
    return sentence(norm.title.rstrip(".") + whom + doubt)
