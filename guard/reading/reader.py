"""Reads one text: what it names, where it stands, and what for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from guard.norms.library import Library
from guard.reading.cues import Manners
from guard.reading.places import Finder
from guard.reading.roles import namesakes, roles_of
from guard.reading.writing import Place
from guard.text.gazetteer import NameKind
from guard.text.languages import languages_of, with_siblings
from guard.text.lexicon import NOTHING
from guard.text.normal import normal
from guard.text.words import Words, fold


@dataclass(frozen=True, slots=True)
class Mention:
    """Something that a text names.

    Attributes:
        start, end: characters of the text as it was given.
        kind: ``culture``, ``situation``, ``act``, ``intent``, ``concept`` or ``norm``.
        value: ISO 3166-1 alpha-2 code of a culture, id of the others.
        score: certainty, 0..1, before the role is looked at.
        role: of a culture, what it is to the question; of a thing that is said not to be there, ``absent``.
        named: of a culture, what kind of name it was.
        also: of a culture, others that have a place of that name, where another place may decide for one of them.
    """

    start: int
    end: int
    kind: str
    value: str
    score: float
    role: str | None = None
    named: NameKind | None = None
    also: tuple[str, ...] = ()


@dataclass(slots=True)
class Reading:
    """What a text says.

    Attributes:
        languages: ISO 639-1 codes, likeliest first; empty where the text has letters and they were not understood.
        mentions: in order.
        here: whether it speaks of the asker's own country without naming it.
        changes: starts of words that say that what follows takes the place of what was before.
        ordinal: ``first``, ``second`` or ``last``, where it points at one of several places; ``transit`` for a stop.
    """

    languages: list[str]
    mentions: list[Mention] = field(default_factory=list)
    here: bool = False
    changes: list[int] = field(default_factory=list)
    ordinal: str | None = None


class Reader:
    """Reads texts by the names and words of a library. Thread-safe."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._find = Finder(library.gazetteer)
        # Sources ask for the same text, and a chat repeats its turns.
        self._read = lru_cache(maxsize=256)(self._read_anew)
        self._manners = lru_cache(maxsize=64)(lambda languages: Manners.of(languages, library.vocabulary.languages))

    def __call__(self, text: str, languages: Sequence[str] | None = None) -> Reading:
        """What `text` says, read in `languages`, or in those that it seems to be written in; not to be changed."""
        return self._read(text, None if languages is None else tuple(languages))

    def _read_anew(self, text: str, languages: tuple[str, ...] | None) -> Reading:
        norm = normal(text)
        flat = norm.text
        spoken = languages_of(flat) if languages is None else list(languages)
        reading = Reading(spoken)
        if not flat.strip():
            return reading
        known = with_siblings(spoken)
        manners = self._manners(known or ("en",))
        spaced = Words.of(flat)
        found = list(self._library.lexicon.find(flat, known, also=("en",), spaced=spaced))
        fixed = [(one.start, one.end) for one in found if one.entry.kind == NOTHING]
        named = self._find(flat, spaced, known, manners)
        places = [
            place
            for place in named
            if not _inside(place.start, place.end, fixed) or (manners.lower_goods and _proper(place, spaced))
        ]
        # "Persian rug" is a rug, though no Persia; "king-size" is no king.
        goods = [span for span in fixed if any(_inside(place.start, place.end, [span]) for place in named)]
        empty = [span for span in fixed if span not in goods]
        things = {one.start for one in found if one.entry.kind == "concept"}
        mentions = [
            Mention(
                *norm.span(place.start, place.end),
                "culture",
                place.names[0].country,
                score,
                role,
                place.names[0].kind,
                namesakes(place),
            )
            for place, role, score in roles_of(flat, spaced, places, manners, things)
        ]
        # A thing that a town is called after is not there; what a sight is called, is: the Blue Mosque.
        covered = [(place.start, place.end) for place in places if place.names[0].kind in _NAMED]
        for start, end, entry in found:
            if entry.kind == NOTHING or _inside(start, end, covered) or _inside(start, end, empty):
                continue
            absent = entry.kind in ("concept", "norm") and _absent(flat, start, end, manners)
            mentions.append(
                Mention(*norm.span(start, end), entry.kind, entry.value, entry.score, "absent" if absent else None)
            )
        reading.mentions = sorted(mentions, key=lambda mention: (mention.start, -mention.end))
        _point(flat, spaced, manners, reading)
        return reading


def _proper(place: Place, spaced: Words) -> bool:
    """Whether a country's or town's name stands with its capital, which goods called so have not: "de Chile"."""
    if place.first < 0 or place.names[0].kind not in (NameKind.COUNTRY, NameKind.CITY, NameKind.REGION):
        return False
    word = spaced.lower[place.first]
    return spaced.capital[place.first] and not spaced.opens[place.first] and word.upper() != word


_NAMED = frozenset({NameKind.COUNTRY, NameKind.REGION, NameKind.CITY, NameKind.PEOPLE, NameKind.MONEY})


def _inside(start: int, end: int, spans: Iterable[tuple[int, int]]) -> bool:
    return any(a <= start and end <= b for a, b in spans)


def _absent(text: str, start: int, end: int, manners: Manners) -> bool:
    """Whether the words beside a thing say that it is not there."""
    head, tail = fold(text[max(0, start - 24) : start]), fold(text[end : end + 16])
    head = re.split(r"[.!?;,:\n。、，]", head)[-1]
    return (
        manners.without_before.ending(" ".join(head.split())) is not None
        or manners.without_before.ending(" ".join(head.split()[:-1])) is not None
        or manners.without_after.beginning(" ".join(tail.split()), inside=manners.joined) is not None
    )


def _point(text: str, spaced: Words, manners: Manners, reading: Reading) -> None:
    """What the text says of places that it does not name: here, instead, the second one."""
    found = dict[str, str]()
    for key, meaning in manners.pointers.within(fold(text), spaced.folded):
        found.setdefault(meaning, key)
    if "topic" in found:
        reading.mentions = [
            replace(mention, role="topic") if mention.role in ("destination", "mention") else mention
            for mention in reading.mentions
        ]
    reading.here = "here" in found
    if (change := found.get("change")) is not None:
        reading.changes.append(max(fold(text).find(change), 0))
    reading.ordinal = next((which for which in ("last", "second", "first", "transit") if which in found), None)
