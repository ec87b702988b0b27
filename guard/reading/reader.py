"""Reads one text: what it names, where it stands, and what for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal

from guard.norms.library import Library
from guard.reading.cues import Manners
from guard.reading.places import Finder, Place, role_words
from guard.text.gazetteer import Name, NameKind, Rank
from guard.text.languages import languages_of, with_siblings
from guard.text.lexicon import NOTHING
from guard.text.normal import normal
from guard.text.words import Words, fold

Role = Literal[
    "destination", "community", "mention", "home", "residence", "transit", "former", "negated", "compared", "topic", "goods", "language"
]
"""What a country is to a question. ``residence`` is where the asker lives, ``home`` where he comes from; ``goods`` are
things that only carry its name, ``language`` is what the answer is to be said in."""

WEIGHTS: dict[str, float] = {
    "destination": 1.0,
    "community": 1.0,
    "mention": 0.95,
    "residence": 0.5,
    "home": 0.35,
    "transit": 0.4,
    "goods": 0.33,
    "language": 0.33,
    "compared": 0.28,
    "topic": 0.3,
    "former": 0.22,
    "negated": 0.0,
}
"""How much of a name's certainty is left where it stands in a role, beside a destination."""


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
        self._find = Finder(library.gazetteer, frozenset(fold(name) for name in _PERSONS.split()))
        self._read = lru_cache(maxsize=256)(self._read_anew)  # sources ask for the same text, and a chat repeats its turns
        self._manners = lru_cache(maxsize=64)(
            lambda languages: Manners.of(languages, library.vocabulary.languages)
        )

    def __call__(self, text: str, languages: Sequence[str] | None = None) -> Reading:
        """What `text` says, read in `languages`, or in those that it seems to be written in; not to be changed."""
        return self._read(text, None if languages is None else tuple(languages))

    def _read_anew(self, text: str, languages: tuple[str, ...] | None) -> Reading:
        norm = normal(text)
        flat = norm.text
        if languages is None:
            languages = languages_of(flat)
        reading = Reading(list(languages))
        if not flat.strip():
            return reading
        known = with_siblings(languages)
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
                _namesakes(place),
            )
            for place, role, score in self._roles(flat, spaced, places, manners, things)
        ]
        # A thing that a town is called after is not there; what a sight is called, is: the Blue Mosque.
        covered = [(place.start, place.end) for place in places if place.names[0].kind in _NAMED]
        for start, end, entry in found:
            if entry.kind == NOTHING or _inside(start, end, covered) or _inside(start, end, empty):
                continue
            absent = entry.kind in ("concept", "norm") and self._absent(flat, spaced, start, end, manners)
            mentions.append(
                Mention(*norm.span(start, end), entry.kind, entry.value, entry.score, "absent" if absent else None)
            )
        reading.mentions = sorted(mentions, key=lambda mention: (mention.start, -mention.end))
        self._pointers(flat, spaced, manners, reading)
        return reading

    def _roles(
        self, text: str, spaced: Words, places: list[Place], manners: Manners, things: set[int]
    ) -> Iterable[tuple[Place, str, float]]:
        last: tuple[Place, str] | None = None
        for i, place in enumerate(places):
            limit = (places[i - 1].end if i else 0, places[i + 1].start if i + 1 < len(places) else len(text))
            head, tail = role_words(text, spaced, place, limit)
            name = place.names[0]
            score = _certainty(name) * (0.85 if place.misspelt else 1.0)
            if name.kind is NameKind.PEOPLE and _told(head, tail, place, manners) in ("destination", "origin", "residence"):
                # French "corse" and "Corse": behind "in" it is the place.
                name = next((n for n in place.names if n.country == name.country and n.kind is not name.kind), name)
            if name.kind is NameKind.PEOPLE:
                role = "goods" if _is_thing(place, things) else _of_people(head, tail, place, manners)
            elif name.kind in (NameKind.LIFE, NameKind.FESTIVAL, NameKind.MONEY):
                told = _told(head, tail, place, manners)
                role = told if told in ("topic", "negated", "compared") else "mention"
            else:
                told = _told(head, tail, place, manners)
                if told == "origin" and (_somebody(head, manners) or _other(spaced, place, head, manners)):
                    told = "community"
                if told is None and last is not None and _beside(text, last[0], place, last[1]):
                    told = last[1]
                role = {"origin": "home", None: "mention"}.get(told, told) or "mention"
            last = place, role
            yield place, role, score

    @staticmethod
    def _absent(text: str, spaced: Words, start: int, end: int, manners: Manners) -> bool:
        """Whether the words beside a thing say that it is not there."""
        head, tail = fold(text[max(0, start - 24) : start]), fold(text[end : end + 16])
        head = re.split(r"[.!?;,:\n。、，]", head)[-1]
        return (
            manners.without_before.ending(" ".join(head.split())) is not None
            or manners.without_before.ending(" ".join(head.split()[:-1])) is not None
            or manners.without_after.beginning(" ".join(tail.split()), inside=manners.joined) is not None
        )

    @staticmethod
    def _pointers(text: str, spaced: Words, manners: Manners, reading: Reading) -> None:
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
        if key := found.get("change"):
            reading.changes.append(max(fold(text).find(key), 0))
        reading.ordinal = next((which for which in ("last", "second", "first", "transit") if which in found), None)


def _proper(place: Place, spaced: Words) -> bool:
    """Whether a country's or town's name stands with its capital, which goods that are called so have not: "de Chile"."""
    if place.first < 0 or place.names[0].kind not in (NameKind.COUNTRY, NameKind.CITY, NameKind.REGION):
        return False
    word = spaced.lower[place.first]
    return spaced.capital[place.first] and not spaced.opens[place.first] and word.upper() != word


_NAMED = frozenset({NameKind.COUNTRY, NameKind.REGION, NameKind.CITY, NameKind.PEOPLE, NameKind.MONEY})


def _inside(start: int, end: int, spans: Iterable[tuple[int, int]]) -> bool:
    return any(a <= start and end <= b for a, b in spans)


_BEHIND = 0.2  # distance at which what stands behind a name counts


def _told(head: str, tail: str, place: Place, manners: Manners) -> str | None:
    """The role that the words about a place tell; None where they tell none."""
    found: list[tuple[float, int, str]] = []
    rest = head
    for distance in range(3):
        if told := manners.before.ending(rest):
            role, length = told
            earlier = rest[: len(rest) - length].rstrip()
            if role in ("destination", "origin") and (no := manners.before.ending(earlier)) and no[0] == "negated":
                role = "negated"
            found.append((distance, -length, role))
            break
        if " " not in rest.strip():
            break
        rest = rest.rstrip().rpartition(" ")[0]
    if place.tail:
        onto = tail[len(place.tail) :].strip()
        for text, inside in ((tail, manners.joined), (onto, manners.joined)):
            if told := manners.after.beginning(text, inside=inside):
                found.append((_BEHIND, -told[1], told[0]))
                break
    elif told := manners.after.beginning(tail, inside=manners.joined or place.first < 0):
        found.append((_BEHIND, -told[1], told[0]))
    if place.onto not in (None, "any"):
        # What a name ends in tells more than a word before it, which may belong to another: "Dohan kautta Balille".
        found = [one for one in found if one[0] == _BEHIND or one[2] == "negated"]
        found.append((0.3, -1, str(place.onto)))
    if not found:
        return None
    # "in Tokyo last year": what is said beside a mere "in" tells more than it does.
    special = [one for one in found if one[2] != "destination" and one[0] <= 1]
    return min(special or found)[2]


_FIRST_PERSON = frozenset(
    "i im we my our ich wir mein meine unsere yo soy somos mi je nous suis mon ma eu sou somos meu minha я мы мой io noi sono "
    "ik wij we mijn ben jestem jestesmy biz ben benim saya kami aku kita أنا احنا نحن".split()
)


def _other(spaced: Words, place: Place, head: str, manners: Manners) -> bool:
    """Whether the one who comes from there is a person named earlier in the sentence: "our neighbours ... are from"."""
    if place.first < 0 or (told := manners.before.ending(head)) is None:
        return False
    phrase = head[len(head) - told[1] :].split()
    if len(phrase) < 2 or _FIRST_PERSON & set(phrase):
        return False
    at = place.first - 1
    while at >= 0 and place.first - at < 16:
        if spaced.folded[at] in manners.people:
            return True
        if spaced.opens[at]:
            break
        at -= 1
    return False


_UNMISTAKABLE = 0.78  # how well known a place is that is meant whatever else is named
_AS_KNOWN = 0.1


def _namesakes(place: Place) -> tuple[str, ...]:
    """Countries that a place of the same name lies in, where it is not too well known to be any other."""
    best = place.names[0]
    if best.score >= _UNMISTAKABLE or best.kind not in (NameKind.CITY, NameKind.REGION):
        return ()
    # There is hardly a name that no town in the United States has.
    return tuple(
        name.country
        for name in (*place.names[1:], *place.latent)
        if name.country != best.country and (name.country != "US" or name.score >= best.score - _AS_KNOWN)
    )


def _certainty(name: Name) -> float:
    """How surely the country is meant where a name counts; how well known a town is chose among its namesakes before."""
    if name.kind in (NameKind.CITY, NameKind.REGION, NameKind.SIGHT):
        return 0.9 if name.rank is Rank.SURE else 0.85
    return name.score


def _is_thing(place: Place, things: set[int]) -> bool:
    """Whether a thing stands right behind a people's name: "French perfume"."""
    return bool({place.end + len(place.tail) + 1, place.end + len(place.tail)} & things)


def _somebody(head: str, manners: Manners) -> bool:
    """Whether it is somebody else who comes from there: "our friends from", "whose family is from"."""
    told = manners.before.ending(head)
    rest = head.split()
    inside = len(head[len(head) - told[1] :].split()) if told else 0
    return any(manners.people.ending(" ".join(rest[: len(rest) - skip])) for skip in range(inside + 1))


def _of_people(head: str, tail: str, place: Place, manners: Manners) -> str:
    """What a people's name is there for: people whom one meets, the asker, or a thing that is called after them."""
    if manners.myself.ending(head) is not None and not manners.people.beginning(tail):
        return "home"
    told = _told(head, tail, place, manners)
    if told in ("negated", "topic", "compared"):
        return told
    if told == "destination" and (cue := manners.before.ending(head)) and cue[0] == "destination":
        return "language"  # "how do I say it in French?"
    words_after = tail.split()
    for skip in range(min(3, len(words_after) + 1)):
        if manners.people.beginning(" ".join(words_after[skip:]), inside=place.first < 0 or manners.joined):
            return "community"
    words_before = head.split()
    for skip in range(min(3, len(words_before) + 1)):
        if manners.people.ending(" ".join(words_before[: len(words_before) - skip])):
            return "community"
    if place.first < 0 and not place.person and not manners.people.ending(head):
        return "mention"
    if place.first < 0 and (place.person or manners.people.ending(head)):
        return "community"
    if place.first >= 0 and (not words_after or words_after[0] in _FUNCTION):
        # Where the adjective stands behind its noun, that noun is a thing: "ensalada rusa".
        if words_before and len(words_before[-1]) > 3 and words_before[-1] not in manners.before and manners.postposed:
            return "goods"
        return "community"  # "for a Japanese", "vecino japonés": nothing follows that could be called so
    return "goods"


# Words that no people's name is written before to say what kind of thing it is.
_FUNCTION = frozenset(
    "and or but are is was were who that which in at on for to from with do does will would can could have has had as "
    "und oder aber ist sind war waren die der das in bei mit y o pero es son que en con et ou mais est sont qui dans avec "
    "e mas é são em com и или но в с на это ed ma è sono che con en of maar zijn die met dan atau yang di".split()
)


_BESIDE = re.compile(r"[\s,;/&+·、，→>-]*(?:and|or|und|oder|y|e|o|et|ou|dan|atau|и|или|і|та|和|跟|と|や|및|ve|en|og|och|ja|i|a)?[\s,]*(?:then)?\s*")


def _beside(text: str, one: Place, two: Place, role: str) -> bool:
    """Whether two places are of one list, of which what was said of the first holds; "not Thailand, Laos" is none."""
    between = text[one.end + len(one.tail) : two.start]
    return _BESIDE.fullmatch(between) is not None and (role != "negated" or any(map(str.isalpha, between)))


# Places that are people's names as well; what stands beside one tells which is meant.
_PERSONS = (
    "jordan chad india paris sydney austin brooklyn florence orlando georgia savannah charlotte madison dakota israel "
    "salem kenya china asia victoria sofia adelaide chelsea london milan vienna lourdes santiago odessa siena geneva "
    "ireland troy holland berlin washington houston jackson lincoln dallas denver phoenix memphis carolina virginia "
    "montana alexandria valencia petra roma verona diego antonio francisco trinidad santos mercedes marina gloria devon "
    "kent york chester lancaster preston bradford clinton wellington hamilton nelson darwin bristol eden jericho bethany "
    "shannon kerry clare tyrone erin lyon orleans nancy lorraine medina toledo aragon sevilla ravenna messina rome java "
    "cairo lima brazil spain france england scotland wales poland german germany french english irish roman "
    "cologne capri nice tours laval durham lourdes malaga cordoba leon lucca pisa bologna corona cuba cyprus "
    "albany aspen augusta cheyenne cody dayton elizabeth gary helena jasper laredo logan macon marietta olympia "
    "raleigh reno salina tulsa tyler regina windsor kingston stirling perth melbourne hobart alice christchurch "
    "carrefour jamaica haiti kashmir manila kerala siam hanover hannover essen worms ulm konstanz darien"
)
