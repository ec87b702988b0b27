"""What a scenario says, field by field."""

from __future__ import annotations

from enum import StrEnum
from functools import cache, cached_property
from typing import Annotated, Literal, Self

from babel import Locale
from pydantic import AfterValidator, Field, StringConstraints, model_validator

from guard.files import Strict
from guard.norms.model import CountryCode, NormId
from guard.types import Exchange, Hints, Image, Turn

_MORE = frozenset({"acm", "afb", "apd"})  # what CLDR has no name for: Iraqi, Gulf and Sudanese Arabic


class Form(StrEnum):
    """How a scenario comes to its norm; the first four are loaded, the last four harmless.

    ``words``: the trap is said. ``picture``: it is only shown. ``phone``: typed on the way, short and small.
    ``plan``: an act, a plan or a line of an itinerary. ``idle``: the norm's own object with nothing at stake.
    ``beside``: the same place and occasion. ``rightly``: somebody already does it right. ``topic``: a culture as such.
    """

    WORDS = "words"
    PICTURE = "picture"
    PHONE = "phone"
    PLAN = "plan"
    IDLE = "idle"
    BESIDE = "beside"
    RIGHTLY = "rightly"
    TOPIC = "topic"


LOADED = frozenset({Form.WORDS, Form.PICTURE, Form.PHONE, Form.PLAN})

Role = Literal["home", "residence", "transit", "former", "negated", "compared", "community"]


@cache
def _languages() -> frozenset[str]:
    return frozenset(str(name).replace("_", "-") for name in Locale("en").languages) | _MORE


def _known_language(code: str) -> str:
    if code.removesuffix("-Latn") not in _languages():
        raise ValueError(f"there is no language {code!r}; give its ISO 639 code (de, zh-Hant, hi-Latn)")
    return code


Language = Annotated[str, AfterValidator(_known_language)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]


class Said(Strict):
    """An earlier turn."""

    role: Literal["user", "assistant"]
    text: Text


class Scenario(Strict):
    """One request, who wrote it, what for, and what should come of it.

    Attributes:
        id: unlike any other.
        writer: whose voice it is; what a model is measured on is split by it.
        norm: the one it was written for; None for an ordinary question.
        expect: ``advise`` where an answer that does not know a norm would let it be breached, else ``pass``.
        stake: all norms that such an answer would breach; empty for ``pass``.
        form: how it comes to its norm, where that is known.
        text: what the user asks last.
        turns: what was said before, oldest first.
        caption: what the picture shows, in words.
        seen: what a vision model sees in it, with its errors: English names with scores.
        read: what is written in it.
        picture: a picture came, and nobody knows what it shows.
        language: ISO 639 code of what the user writes; ``-Latn`` where it is romanised.
        manner: ``register`` in files: a word for how it is said.
        destination: ISO 3166-1 alpha-2 code of the place it is about; None where it is about none.
        roles: of other countries that the text tells, what they are to the question.
    """

    id: str = Field(min_length=1, max_length=40)
    writer: str = Field(min_length=1, max_length=20)
    norm: NormId | None = None
    expect: Literal["advise", "pass"]
    stake: tuple[NormId, ...] = ()
    form: Form | None = None
    text: Text
    turns: tuple[Said, ...] = ()
    caption: str | None = Field(default=None, min_length=2, max_length=400)
    seen: tuple[tuple[str, Annotated[float, Field(gt=0, le=1)]], ...] = ()
    read: str | None = Field(default=None, min_length=1, max_length=600)
    picture: bool = False
    language: Language
    manner: str | None = Field(default=None, alias="register", min_length=2, max_length=24)
    destination: CountryCode | None = None
    roles: dict[CountryCode, Role] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.loaded != bool(self.stake):
            raise ValueError("stake: name the norms at stake" if self.loaded else "stake: nothing is, if it passes")
        if self.loaded and self.norm not in self.stake:
            raise ValueError("stake: the norm that it was written for is not among them")
        if self.form is not None and (self.form in LOADED) != self.loaded:
            raise ValueError(f"form: {self.form} does not go with expect: {self.expect}")
        if sum(map(bool, (self.caption, self.seen, self.read, self.picture))) > 1:
            raise ValueError("give one of caption, seen, read and picture")
        return self

    @property
    def loaded(self) -> bool:
        """Whether something should be said."""
        return self.expect == "advise"

    @property
    def norms(self) -> tuple[str, ...]:
        """Every norm that it names."""
        return tuple(dict.fromkeys((*([self.norm] if self.norm else ()), *self.stake)))

    @property
    def pictured(self) -> bool:
        """Whether a picture comes with it, known or not."""
        return bool(self.picture or self.caption or self.seen or self.read)

    @cached_property
    def said(self) -> str:
        """All that the user says, a line a turn."""
        return "\n".join([*(turn.text for turn in self.turns if turn.role == "user"), self.text])

    def exchange(self, *images: Image) -> Exchange:
        """The conversation as the guard takes it, `images` with its last turn, the caption as a hint."""
        turns = [*(Turn(turn.role, turn.text) for turn in self.turns), Turn("user", self.text, images)]
        return Exchange(tuple(turns), Hints(captions=(self.caption,) if self.caption else ()))
