"""What a country is to a question: where one goes, lives, comes from, whom one meets, what only bears its name."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Literal

from guard.reading.cues import Manners
from guard.reading.places import role_words
from guard.reading.words import FIRST_PERSON, FUNCTION, LOCATIVE
from guard.reading.writing import Place
from guard.text.gazetteer import Name, NameKind, Rank
from guard.text.words import Words

Role = Literal[
    "destination",
    "community",
    "mention",
    "home",
    "residence",
    "transit",
    "former",
    "negated",
    "compared",
    "topic",
    "goods",
    "language",
]
"""What a country is to a question. ``residence`` is where the asker lives, ``home`` where he comes from; ``goods`` are
things that only carry its name, ``language`` is what the answer is to be said in."""

WEIGHTS: dict[str, float] = {
    "destination": 1.0,
    "community": 0.98,
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

# Who is somewhere and goes elsewhere asks about where he goes: "estoy en Madrid y el sábado voy a Marrakech".
_THERE = 0.97
_MISSPELT = 0.85
_UNMISTAKABLE = 0.78  # how well known a place is that is meant whatever else is named
_AS_KNOWN = 0.1
_BEHIND = 0.2  # distance at which what stands behind a name counts
_NEAR = 16  # words back to somebody of whom it may be said that he comes from there


def roles_of(
    text: str, spaced: Words, places: Sequence[Place], manners: Manners, things: Collection[int]
) -> Iterator[tuple[Place, str, float]]:
    """The role of each place of a normalised text, and how surely its country is meant.

    Args:
        things: where in the text things are named.
    """
    last: tuple[Place, str] | None = None
    for i, place in enumerate(places):
        limit = (places[i - 1].end if i else 0, places[i + 1].start if i + 1 < len(places) else len(text))
        head, tail = role_words(text, spaced, place, limit)
        name = place.names[0]
        score = _certainty(name) * (_MISSPELT if place.misspelt else 1.0)
        weak = False
        if name.kind is NameKind.PEOPLE and _told(head, tail, place, manners) in (
            "destination",
            "origin",
            "residence",
        ):
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
            if name.kind is NameKind.COUNTRY and told in (None, "destination") and _of_somebody(tail, place, manners):
                told = "community"
            if told is None and last is not None and _beside(text, last[0], place, last[1]):
                told = last[1]
            role = {"origin": "home", None: "mention"}.get(told, told) or "mention"
            weak = role in ("destination", "mention") and _is_locative(head, place, manners)
        last = place, role
        yield place, role, score * (_THERE if weak else 1.0)


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
            elif role == "destination" and distance == 0:
                role = _parted(earlier, rest[len(rest) - length :], manners) or role
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


_APART = 5  # words that may stand between a verb and the preposition that goes with it
_VERB = 3
_PARTED = frozenset({"former", "residence", "transit"})


def _parted(earlier: str, preposition: str, manners: Manners) -> str | None:
    """The role of a verb that stands apart from its preposition: "waren letztes Jahr in", "live with my family in"."""
    if " " in preposition:
        return None
    before = earlier.split()
    for gap in range(1, min(_APART, len(before) - 1) + 1):
        upto = len(before) - gap
        for size in range(min(_VERB, upto), 0, -1):
            role = manners.before.known.get(f"{' '.join(before[upto - size : upto])} {preposition}")
            if role in _PARTED:
                return role
    return None


def _somebody(head: str, manners: Manners) -> bool:
    """Whether it is somebody else who comes from there: "our friends from", "whose family is from"."""
    told = manners.before.ending(head)
    rest = head.split()
    inside = len(head[len(head) - told[1] :].split()) if told else 0
    return any(manners.people.ending(" ".join(rest[: len(rest) - skip])) for skip in range(inside + 1))


def _other(spaced: Words, place: Place, head: str, manners: Manners) -> bool:
    """Whether the one who comes from there is a person named earlier in the sentence: "our neighbours ... are from"."""
    if place.first < 0 or manners.before.ending(head) is None:
        return False
    at = place.first - 1
    while at >= 0 and place.first - at < _NEAR and spaced.folded[at] not in FIRST_PERSON:
        if spaced.folded[at] in manners.people:
            return True
        if spaced.opens[at]:
            break
        at -= 1
    return False


def _of_somebody(tail: str, place: Place, manners: Manners) -> bool:
    """Whether people stand right behind a country's name: 印度邻居, "우즈벡 가족"."""
    joined = place.first < 0 or manners.joined
    return joined and manners.people.beginning(tail.removeprefix("の"), inside=True) is not None


def _is_locative(head: str, place: Place, manners: Manners) -> bool:
    """Whether the words that lead to a place say that somebody is there, or nothing, rather than that he goes there."""
    if place.onto not in (None, "any"):
        return place.tail in LOCATIVE
    told = manners.before.ending(head)
    phrase = head[len(head) - told[1] :] if told else ""
    return told is None or phrase in LOCATIVE or phrase.rpartition(" ")[2] in ("in", "at")


def _is_thing(place: Place, things: Collection[int]) -> bool:
    """Whether a thing stands right behind a people's name: "French perfume"."""
    return any(at in things for at in (place.end + len(place.tail), place.end + len(place.tail) + 1))


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
    if place.first >= 0 and (not words_after or words_after[0] in FUNCTION):
        # Where the adjective stands behind its noun, that noun is a thing: "ensalada rusa".
        before = words_before[-1] if manners.postposed and words_before else ""
        if len(before) > 3 and before not in manners.before and before not in FUNCTION:
            return "goods"
        return "community"  # "for a Japanese", "vecino japonés": nothing follows that could be called so
    return "goods"


def _certainty(name: Name) -> float:
    """How surely the country is meant where a name counts; how well known a town is chose among namesakes before."""
    if name.kind in (NameKind.CITY, NameKind.REGION, NameKind.SIGHT):
        return 0.9 if name.rank is Rank.SURE else 0.85
    return name.score


_BESIDE = re.compile(
    r"[\s,;/&+·、，→>-]*(?:and|or|und|oder|y|e|o|et|ou|dan|atau|и|или|і|та|和|跟|と|や|및|ve|en|og|och|ja|i|a)?[\s,]*(?:then)?\s*"
)


def _beside(text: str, one: Place, two: Place, role: str) -> bool:
    """Whether two places are of one list, of which what was said of the first holds; "not Thailand, Laos" is none."""
    between = text[one.end + len(one.tail) : two.start]
    return _BESIDE.fullmatch(between) is not None and (role != "negated" or any(map(str.isalpha, between)))


def namesakes(place: Place) -> tuple[str, ...]:
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
