"""The schema of norm packs: what a culture's pack says, field by field."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from enum import IntEnum, StrEnum
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, HttpUrl, PrivateAttr, StringConstraints, model_validator

from guard.files import Strict
from guard.text.gazetteer import Name, NameKind, Rank, key_of
from guard.text.languages import READ, bits

NormId = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}\.[a-z]+(-[a-z]+)*\.[a-z0-9]+(-[a-z0-9]+)*$")]
"""``<iso2>.<topic>.<slug>``: ``jp.gift.daruma-eyes``."""

CountryCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]

_BRIEF = 12  # words

TermId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
"""Id of a concept or situation of the shared vocabulary: ``wall-clock``."""


class Domain(StrEnum):
    """Where in a traveller's day a norm matters."""

    SHOPPING = "shopping"
    MEALS = "meals"
    OUTDOORS = "outdoors"
    SOCIAL = "social"


class Severity(IntEnum):
    """What a breach costs."""

    FAUX_PAS = 1
    OFFENCE = 2
    SACRED_OR_LAW = 3


class Strength(StrEnum):
    """How widely the expectation is held where it applies."""

    NEAR_UNIVERSAL = "near-universal"
    COMMON = "common"
    CONTESTED = "contested"


class Kind(StrEnum):
    """What makes people expect it."""

    LAW = "law"
    SACRED = "sacred"
    CUSTOM = "custom"
    ETIQUETTE = "etiquette"


class SourceKind(StrEnum):
    """Who speaks in a source."""

    OFFICIAL = "official"
    EMBASSY = "embassy"
    REFERENCE = "reference"
    TOURISM = "tourism"
    PRESS = "press"
    COMMUNITY = "community"
    COMMERCIAL = "commercial"


class _Strict(Strict):
    model_config = ConfigDict(str_strip_whitespace=True)


class Scope(_Strict):
    """Whom the norm concerns, where it is not nationwide.

    Attributes:
        countries: where it holds, as ISO 3166-1 alpha-2 codes, where that is not just the pack's own country.
    """

    countries: tuple[CountryCode, ...] = ()
    region: str | None = Field(default=None, min_length=2, max_length=60)
    community: str | None = Field(default=None, min_length=2, max_length=60)
    faith: str | None = Field(default=None, min_length=2, max_length=60)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.countries or self.region or self.community or self.faith):
            raise ValueError("names no region, community or faith; leave scope out if the norm is nationwide")
        return self

    def __bool__(self) -> bool:
        """Whether it is narrower than the countries where it holds."""
        return bool(str(self))

    def __str__(self) -> str:
        return ", ".join(part for part in (self.region, self.community, self.faith) if part)


class Source(_Strict):
    """A page that bears the norm out.

    Attributes:
        kind: who speaks there.
        read: whether the page, or an excerpt of it that says so, was read; else it is known to be the place to look.
    """

    title: str = Field(min_length=3, max_length=160)
    url: HttpUrl
    kind: SourceKind | None = None
    read: bool = True


class Law(_Strict):
    """The law behind a norm; written as a date alone, the day on which it was as stated.

    Attributes:
        instrument: the statute, code or order, with number and year where that is known.
        punishable: what is, for whom, and what follows.
        where: where it holds.
        read_on: the day on which it was read, and was as stated.
        official: page of a legislator, customs, ministry or embassy.
        expires: the day by which it should be read again; the lint finds it at fault a year later.
    """

    instrument: str | None = Field(default=None, min_length=3, max_length=160)
    punishable: str | None = Field(default=None, min_length=3, max_length=200)
    where: str | None = Field(default=None, min_length=2, max_length=120)
    read_on: date
    official: HttpUrl | None = None
    expires: date | None = None

    @model_validator(mode="before")
    @classmethod
    def _date_alone(cls, value: Any) -> Any:
        return value if isinstance(value, (dict, Law)) else {"read_on": value}


class Norm(_Strict):
    """What many people somewhere expect, how a well-meant answer would breach it, and what to offer instead.

    Texts are our own words, in English. Lengths are limits of the guidance that is built from them: a norm must fit
    next to seven others in 350 tokens.

    Attributes:
        id: ``<iso2>.<topic>.<slug>``.
        title: the norm in a phrase that a model can act on ("Clocks are not given as gifts: they evoke a funeral").
        brief: its trap in at most twelve words.
        expectation: what people there expect, concretely.
        breach: what an assistant would wrongly suggest, as it would phrase it.
        why: meaning or history, and what a breach leads to.
        instead: what to offer in its place.
        kind: law, sacred, custom or etiquette.
        when: what makes it apply, as a condition that a model can check ("if the picture shows …").
        situations: situations of the shared vocabulary in which it matters.
        domains: parts of a trip in which it matters.
        visual: concepts of the shared vocabulary that make it apply when a picture shows one of them.
        terms: words or phrases, in any language, that name this norm's own object or rite ("Guelaguetza", "だるま").
        scope: region, community or faith, where it is not nationwide.
        severity: 1 faux pas, 2 offence, 3 sacred or against the law.
        strength: near-universal, common or contested.
        differs: who sees it differently; required when contested.
        law: the law behind it; only for norms that rest on one.
        sources: pages that bear it out; two for severity 3.
    """

    id: NormId
    title: str = Field(min_length=3, max_length=90)
    brief: str | None = Field(default=None, min_length=3, max_length=90)
    expectation: str = Field(min_length=3, max_length=260)
    breach: str = Field(min_length=3, max_length=260)
    why: str = Field(min_length=3, max_length=300)
    instead: str = Field(min_length=3, max_length=130)
    kind: Kind | None = None
    when: str | None = Field(default=None, min_length=5, max_length=140)
    situations: tuple[TermId, ...] = Field(min_length=1)
    domains: tuple[Domain, ...] = Field(min_length=1)
    visual: tuple[TermId, ...] = ()
    terms: tuple[str, ...] = ()
    scope: Scope | None = None
    severity: Severity
    strength: Strength
    differs: str | None = Field(default=None, min_length=2, max_length=200)
    law: Law | None = None
    sources: tuple[Source, ...] = Field(min_length=1)

    _files: tuple[Path, ...] = PrivateAttr(default=())

    @property
    def files(self) -> tuple[Path, ...]:
        """The pack files that it was read from: the one that states it, then those that changed it."""
        return self._files

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.strength is Strength.CONTESTED and not self.differs:
            raise ValueError("strength is contested: 'differs' must say who sees it differently")
        if self.severity is Severity.SACRED_OR_LAW and len(self.sources) < 2:
            raise ValueError("severity 3 needs two sources")
        if self.kind is Kind.LAW and self.law is None:
            raise ValueError("kind is law: 'law' must say which")
        if self.brief and len(self.brief.split()) > _BRIEF:
            raise ValueError(f"brief has {len(self.brief.split())} words; at most {_BRIEF}")
        return self

    @cached_property
    def country(self) -> str:
        """Code of the pack that it stands in: ISO 3166-1 alpha-2, upper case."""
        return self.id[:2].upper()

    @cached_property
    def countries(self) -> tuple[str, ...]:
        """Codes of the countries where it holds."""
        return (self.scope.countries if self.scope is not None else ()) or (self.country,)

    @property
    def topic(self) -> str:
        return self.id.split(".")[1]


Names = dict[str, tuple[str, ...]]
"""Language code (or ``any``: the same in every language) to names, the usual one first."""


# How surely a word of each kind points to its culture. Dishes and festivals travel; a people's name seldom does.
_CUES = {
    "demonyms": (NameKind.PEOPLE, 0.9),
    "festivals": (NameKind.FESTIVAL, 0.8),
    "dishes": (NameKind.LIFE, 0.55),
    "customs": (NameKind.LIFE, 0.7),
    "communities": (NameKind.PEOPLE, 0.8),
    "places": (NameKind.SIGHT, 0.85),
}


class Cues(_Strict):
    """What in a text points to this culture although the country is not named.

    Country, city and currency names are not kept here: they come from CLDR and GeoNames.
    """

    demonyms: Names = Field(default_factory=dict)
    festivals: Names = Field(default_factory=dict)
    dishes: Names = Field(default_factory=dict)
    customs: Names = Field(default_factory=dict)
    communities: Names = Field(default_factory=dict)
    places: Names = Field(default_factory=dict)

    @model_validator(mode="after")
    def _known_languages(self) -> Self:
        for kind in type(self).model_fields:
            for language in getattr(self, kind):
                if language != "any" and language not in READ:
                    raise ValueError(f"{kind}: unknown language {language!r}; use any, {', '.join(READ)}")
        return self

    def each(self) -> Iterator[tuple[str, str, str]]:
        """Kind, language and name, of all of them."""
        for kind in type(self).model_fields:
            for language, names in getattr(self, kind).items():
                yield from ((kind, language, name) for name in names)

    def named(self, code: str) -> Iterator[tuple[str, Name]]:
        """The names for a `Gazetteer`, as pointing to the country `code`."""
        for kind, language, name in self.each():
            what, score = _CUES[kind]
            own = 0 if language in {"any", "en"} else bits([language])
            yield key_of(name), Name(code, what, score, Rank.SURE, own)


class Pack(_Strict):
    """One culture's norms: the file ``policies/norms/<iso2>.yaml``.

    Attributes:
        country: ISO 3166-1 alpha-2 code.
        reviewed: date of the last review of the whole file.
        cues: what in a text points to the culture.
        off: ids of norms of packs read before that are switched off.
        replaces: whether this file stands in place of packs read before, rather than adding to and changing them.
    """

    country: CountryCode
    reviewed: date
    cues: Cues = Field(default_factory=Cues)
    off: tuple[NormId, ...] = ()
    replaces: bool = False
    norms: tuple[Norm, ...] = ()

    _switched_off: dict[str, Path] = PrivateAttr(default_factory=dict)

    @property
    def switched_off(self) -> dict[str, Path]:
        """Norms that an operator's pack switched off, by id, with the file that did."""
        return self._switched_off

    @model_validator(mode="before")
    @classmethod
    def _no_other_country(cls, data: Any) -> Any:
        if isinstance(data, dict) and "also" in data:
            raise ValueError("also: no pack speaks for another country; give its norms scope: {countries: […]}")
        return data

    @model_validator(mode="after")
    def _ids_belong(self) -> Self:
        seen: set[str] = set()
        for norm in self.norms:
            if norm.country != self.country:
                raise ValueError(f"norm {norm.id}: its id must begin with {self.country.lower()}.")
            if norm.id in seen:
                raise ValueError(f"norm {norm.id}: the id is given twice")
            seen.add(norm.id)
        return self
