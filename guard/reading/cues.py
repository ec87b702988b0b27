"""Words near a name that tell what it is there for: "flying to", "from", "not", 経由, 에 사는."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from guard.norms.speech import Around, RoleName, Speech
from guard.text.words import UNSPACED_RUN, fold

REACH = 48
"""Characters before or after a name in which words about it are looked for."""


_LONGEST = 5  # words of a phrase that is looked for anywhere


@dataclass(slots=True)
class Phrases:
    """Phrases, each standing for something, that a text begins or ends with."""

    known: dict[str, str] = field(default_factory=dict)
    lengths: tuple[int, ...] = ()
    firsts: frozenset[str] = frozenset()
    lasts: frozenset[str] = frozenset()

    @classmethod
    def of(cls, groups: Iterable[tuple[str, Iterable[str]]]) -> Phrases:
        """What stands for what; of two meanings of a phrase the first counts. Phrases are as `phrase_of` gives them."""
        known: dict[str, str] = {}
        for meaning, some in groups:
            for key in some:
                if key:
                    known.setdefault(key, meaning)
        return cls(
            known,
            tuple(sorted({len(key) for key in known}, reverse=True)),
            frozenset(key.partition(" ")[0] for key in known),
            frozenset(key.rpartition(" ")[2] for key in known),
        )

    def ending(self, head: str) -> tuple[str, int] | None:
        """The meaning and length of the longest phrase that `head` ends with, on a border of words."""
        if not head:
            return None
        if UNSPACED_RUN.match(head[-1]):
            return next(
                (
                    (meaning, length)
                    for length in self.lengths
                    if length <= len(head) and (meaning := self.known.get(head[len(head) - length :]))
                ),
                None,
            )
        if head[head.rfind(" ") + 1 :] not in self.lasts:
            return None
        start = 0
        while True:  # behind each space, the longest first
            if meaning := self.known.get(head[start:] if start else head):
                return meaning, len(head) - start
            start = head.find(" ", start) + 1
            if not start:
                return None

    def beginning(self, tail: str, *, inside: bool = False) -> tuple[str, int] | None:
        """The meaning and length of the longest phrase that `tail` begins with; `inside` needs no border behind it."""
        if not tail:
            return None
        if inside or UNSPACED_RUN.match(tail):
            return next(
                (
                    (meaning, length)
                    for length in self.lengths
                    if length <= len(tail) and (meaning := self.known.get(tail[:length]))
                ),
                None,
            )
        end = len(tail)
        while end > 0:
            if meaning := self.known.get(tail[:end]):
                return meaning, end
            end = tail.rfind(" ", 0, end)
        return None

    def within(self, text: str, words: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Phrases of a folded text and its words, wherever they stand, each with its meaning."""
        for at, first in enumerate(words):
            if first not in self.firsts:
                continue
            for end in range(at + 1, min(at + _LONGEST, len(words)) + 1):
                if meaning := self.known.get(key := " ".join(words[at:end])):
                    yield key, meaning
        if not text.isascii() and UNSPACED_RUN.search(text):
            yield from ((key, meaning) for key, meaning in self.known.items() if key[0] >= "\u0e00" and key in text)

    def __contains__(self, word: str) -> bool:
        return word in self.known


# Two meanings of the same words: the first of these is taken. ("from" is origin, "not from" negated by its length.)
_ORDER: tuple[RoleName, ...] = (
    "negated",
    "transit",
    "former",
    "residence",
    "origin",
    "compared",
    "topic",
    "destination",
)


_POSTPOSED = frozenset(
    ["es", "fr", "pt", "it", "ro", "ar", "fa", "he", "id", "ms", "vi", "th", "km", "lo", "my", "tl", "sw"]
)


@dataclass(slots=True)
class Manners:
    """How some languages say things, together: those of one text.

    Attributes:
        before, after: roles of the place that phrases stand before, or after.
        onto, from_: roles (or ``any``) of what is written onto the end, or the beginning, of a place's name.
        people, occasions, here, myself, change: phrases of `Speech`.
        ordinals: ``first``, ``second``, ``last``.
        without_before, without_after: what says that a thing is not there.
        changed: what stands at the end of an inflected name, and what may stand there in the nominative.
        homes: countries where the first language is mostly spoken.
        english: whether the first language is English.
        lower_goods: whether goods that are called after a country are written in small letters.
        joined: whether a language writes what follows a name onto it, with no border between (Korean).
        postposed: whether adjectives stand behind their nouns.
    """

    before: Phrases
    after: Phrases
    onto: dict[str, str]
    from_: dict[str, str]
    people: Phrases
    myself: Phrases
    pointers: Phrases
    without_before: Phrases
    without_after: Phrases
    changed: dict[str, list[str]]
    homes: frozenset[str]
    english: bool
    lower_goods: bool
    joined: bool
    postposed: bool

    @classmethod
    def of(cls, languages: Sequence[str], speech: Mapping[str, Speech]) -> Manners:
        """Those of `languages`, as far as they are known, the first first."""
        spoken = [speech[language].as_compared() for language in languages if language in speech]

        def roles(side: str) -> Phrases:
            return Phrases.of(
                (role, getattr(around, side))
                for role in _ORDER
                for one in spoken
                if (around := one.roles.get(role)) is not None
            )

        def affixes(name: str) -> dict[str, str]:
            found: dict[str, str] = {}
            for one in spoken:
                for role, some in getattr(one, name).items():
                    for affix in some:
                        # What is parted by an apostrophe is a word of its own: d'Inde is no "dinde".
                        if (key := fold(affix).strip("- ")).isalpha() or not key.isascii():
                            found.setdefault(key, role)
            return found

        changed: dict[str, list[str]] = {}
        for one in spoken:
            for end, others in one.changes.items():
                for other in others:
                    if key := fold(other):
                        changed.setdefault(key, []).append(fold(end))

        def listed(name: str) -> Phrases:
            return Phrases.of((name, getattr(one, name)) for one in spoken)

        return cls(
            before=roles("before"),
            after=roles("after"),
            onto=affixes("endings"),
            from_=affixes("beginnings"),
            people=Phrases.of((name, getattr(one, name)) for name in ("people", "occasions") for one in spoken),
            myself=listed("myself"),
            pointers=Phrases.of((meaning, some) for one in spoken for meaning, some in _pointers(one)),
            without_before=Phrases.of(("without", one.without.before) for one in spoken),
            without_after=Phrases.of(("without", one.without.after) for one in spoken),
            changed=changed,
            homes=frozenset(spoken[0].countries[:2]) if spoken else frozenset(),
            english="en" in languages[:1],
            lower_goods=bool(spoken) and not {"en", "de"} & set(languages[:1]),
            joined="ko" in languages,
            postposed=bool(_POSTPOSED & set(languages[:1])),
        )


_STOP = 5  # letters of a word for a stop, which alone points to one: "the layover"


def _pointers(speech: Speech) -> Iterator[tuple[str, Sequence[str]]]:
    yield "topic", speech.topics
    yield "here", speech.here
    yield "change", speech.change
    yield "first", speech.ordinals.first
    yield "second", speech.ordinals.second
    yield "last", speech.ordinals.last
    yield "transit", [text for text in speech.roles.get("transit", Around()).after if len(text) >= _STOP]
