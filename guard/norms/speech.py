"""How a language says where somebody goes, comes from and is at home, and what it calls peoples, places and things.

One file a language in ``policies/vocabulary/languages``: whoever speaks it can review it without looking at any other.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, TypeAdapter

from guard.errors import PackError
from guard.files import Strict, read_as
from guard.norms.model import CountryCode, TermId
from guard.text.gazetteer import Name, NameKind, Rank, key_of
from guard.text.languages import bits
from guard.text.words import phrase_of

Said = Annotated[tuple[str, ...], BeforeValidator(lambda given: given or ())]
"""Words and phrases."""

RoleName = Literal["destination", "origin", "residence", "transit", "former", "negated", "compared", "topic"]
"""What a word beside a place can tell of it."""


class Around(Strict):
    """Words that stand before, or after, what they speak of."""

    before: Said = ()
    after: Said = ()


class Ordinals(Strict):
    """Words that point to one of several places named before: "at the second one"."""

    first: Said = ()
    second: Said = ()
    last: Said = ()


_PHRASES = ("change", "people", "occasions", "here", "myself", "topics")


class Speech(Strict):
    """One language's words.

    Attributes:
        name: of the language, in English.
        countries: where those who write it are mostly at home, likeliest first.
        endings, beginnings: what is written onto a place's name, by the role that it tells; ``any`` tells none.
        changes: the end of a place's name, and what it may become when the name is inflected.
        roles: words near a place that tell its role.
        change: words after which the next place takes the place of those before it.
        people, occasions: whom one meets, and what is held with them: a people's name beside one is a community.
        here: what says that the asker's own country is meant.
        myself: what says that the people named next are the asker's own: "I am", "as a".
        without: words beside a thing that say it is not there.
        demonyms, places: of countries, as this language writes them.
        topics: what says that a place is the subject of schoolwork, fiction, history or news, and no plan.
        fixed: expressions whose words mean something else: "French fries", "king-size".
        acts, situations, intents, concepts: names of the vocabulary's terms.
        commonest: everyday words, where there is no list of them elsewhere.
        sentences: everyday sentences, to tell the language by.
        compared: whether its phrases are as texts are compared with them.
    """

    name: str
    countries: tuple[CountryCode, ...] = ()
    endings: dict[RoleName | Literal["any"], Said] = Field(default_factory=dict)
    beginnings: dict[RoleName | Literal["any"], Said] = Field(default_factory=dict)
    changes: dict[str, Said] = Field(default_factory=dict)
    roles: dict[RoleName, Around] = Field(default_factory=dict)
    change: Said = ()
    ordinals: Ordinals = Ordinals()
    people: Said = ()
    occasions: Said = ()
    here: Said = ()
    myself: Said = ()
    without: Around = Around()
    demonyms: dict[CountryCode, Said] = Field(default_factory=dict)
    places: dict[CountryCode, Said] = Field(default_factory=dict)
    topics: Said = ()
    fixed: Said = ()
    acts: dict[TermId, Said] = Field(default_factory=dict)
    situations: dict[TermId, Said] = Field(default_factory=dict)
    intents: dict[TermId, Said] = Field(default_factory=dict)
    concepts: dict[TermId, Said] = Field(default_factory=dict)
    commonest: Said = ()
    sentences: Said = ()
    compared: bool = False

    def as_compared(self) -> Speech:
        """The same, its phrases as texts are compared with them."""
        if self.compared:
            return self

        def those(some: Said) -> Said:
            return tuple(dict.fromkeys(map(phrase_of, some)))

        def around(given: Around) -> Around:
            return Around(before=those(given.before), after=those(given.after))

        return self.model_copy(
            update={
                **{name: those(getattr(self, name)) for name in _PHRASES},
                "roles": {role: around(given) for role, given in self.roles.items()},
                "without": around(self.without),
                "ordinals": Ordinals(
                    **{which: those(getattr(self.ordinals, which)) for which in Ordinals.model_fields}
                ),
                "compared": True,
            }
        )

    def names(self, language: str) -> Iterator[tuple[str, Name]]:
        """What its file calls places and peoples, for the gazetteer, in the cases that it has."""
        own = 0 if language == "en" else bits([language])
        for code, some in self.places.items():
            for name in some:
                yield from self._inflected(name, Name(code, NameKind.SIGHT, 0.85, Rank.SURE, own))
        for code, some in self.demonyms.items():
            for name in some:
                if not name.endswith(("の", "的")):  # of the place, which is found without it
                    yield key_of(name), Name(code, NameKind.PEOPLE, 0.9, Rank.SURE, own)

    def _inflected(self, written: str, name: Name) -> Iterator[tuple[str, Name]]:
        yield key_of(written), name
        for end, others in self.changes.items():
            if end and written.endswith(end) and len(written) - len(end) >= 3:
                for other in others:
                    yield key_of(written[: len(written) - len(end)] + other), name


_SPEECH: TypeAdapter[Speech] = TypeAdapter(Speech)


def read_speech(directory: Path) -> dict[str, Speech]:
    """The languages of a folder by code, each from a file of that name; raises `PackError` for a faulty one."""
    return {path.stem: read_as(path, _SPEECH, PackError) for path in sorted(directory.glob("*.yaml"))}


class Places(Strict):
    """Names of one country that travellers use, whatever their language."""

    place: Said = ()
    people: Said = ()
    festival: Said = ()
    life: Said = ()
    dish: Said = ()
    airport: Said = ()
    money: Said = ()

    def names(self, code: str) -> Iterator[tuple[str, Name]]:
        """For the gazetteer."""
        for kind, score, some in (
            (NameKind.SIGHT, 0.85, self.place),
            (NameKind.PEOPLE, 0.8, self.people),
            (NameKind.FESTIVAL, 0.8, self.festival),
            (NameKind.LIFE, 0.65, self.life),
            (NameKind.LIFE, 0.55, self.dish),
            (NameKind.AIRPORT, 0.8, self.airport),
            (NameKind.MONEY, 0.7, self.money),
        ):
            for name in some:
                rank = Rank.CAPITAL if kind is NameKind.AIRPORT and name.isupper() else Rank.SURE
                yield key_of(name), Name(code, kind, score, rank)
