"""Finds places, peoples and what else points to a country in a text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from guard.reading.cues import REACH, Manners
from guard.reading.writing import Place, Writing, is_named, joined
from guard.text.everyday import borders, everyday, is_word
from guard.text.gazetteer import MAX_WORDS, Gazetteer, Name, NameKind, Rank
from guard.text.words import UNSPACED_RUN, Words

_LONGEST_RUN = 24
_SHORT_RUN = 4  # letters of a name of Thai and its like that others words may end and begin with
_MISSPELT = 6  # letters from which one of them may be wrong
_TRIES = 8  # words of a text that are tried as misspelt names
_WORD = 3  # letters of a name behind what is written onto its beginning
_HASHTAG = 5
_TAGGED = 0.68  # how well known a place is that is looked for inside of words
_KNOWN_TAG = 0.76  # and how well, where its name is short
_UNBROKEN = 17  # letters of a word that will be several, typed without spaces
_AT_HOME = 0.15  # how much likelier a place is meant that lies where the text's language is spoken
_APOSTROPHES = frozenset("'’ʼ`´")
# Between the parts of one place: "London, Ontario", "Valencia in Venezuela", "Athens (Georgia)".
_OF = re.compile(r"\s*[,(،、]?\s*(?:in|en|em|à|au|im)?\s*", re.IGNORECASE)


class Finder:
    """Finds names of the gazetteer.

    Args:
        gazetteer: the names.
    """

    def __init__(self, gazetteer: Gazetteer) -> None:
        self._names = gazetteer

    def __call__(self, text: str, spaced: Words, languages: Sequence[str], manners: Manners) -> list[Place]:
        """The places of a normalised text, in order.

        Args:
            text, spaced: the text and its words.
            languages: those it is written in, likeliest first.
            manners: how they say things.
        """
        writing = Writing.of(text, spaced, languages, manners)
        found = [*self._in_words(writing), *self._in_runs(writing)]
        found.sort(key=lambda place: place.start)
        _decide_namesakes(text, found)
        return [place for place in found if place.names and not place.doubtful]

    def _in_words(self, writing: Writing) -> Iterator[Place]:
        spaced, text = writing.spaced, writing.text
        at, count = 0, len(spaced.folded)
        while at < count:
            place = self._at(writing, at)
            tagged = len(spaced.folded[at]) > _UNBROKEN or text[max(spaced.starts[at] - 1, 0)] in "#@＃"
            if place is None and tagged:
                place = self._in_hashtag(writing, at)
            if place is not None and writing.counts(place, self._names):
                yield place
                at = place.last
            at += 1
        yield from self._misspelt(writing)

    def _at(self, writing: Writing, at: int) -> Place | None:
        """The longest name that begins with the word `at`, or inside it behind what may be written before a name."""
        folded, manners = writing.spaced.folded, writing.manners
        window = " ".join(folded[at : at + MAX_WORDS])
        if place := self._prefix(writing, at, window):
            return place
        if manners.changed and (place := self._inflected(writing, at)):
            return place
        for size in (1, 2, 3) if manners.from_ else ():
            role = manners.from_.get(folded[at][:size])
            if role is not None and len(folded[at]) - size >= _WORD:
                inner = window[size:]
                if folded[at][:size] == "لل":  # li-l, where the article's alif is not written
                    inner = "ال" + inner
                if place := self._prefix(writing, at, inner, skipped=size, before=role):
                    return place
        return None

    def _inflected(self, writing: Writing, at: int) -> Place | None:
        """A name whose end is another than in the nominative: "Праге"."""
        spaced, manners = writing.spaced, writing.manners
        word = spaced.folded[at]
        if len(word) < 4:
            return None
        for size in range(min(4, len(word) - 3), 0, -1):
            for end in manners.changed.get(word[-size:], ()):
                if (key := word[:-size] + end) in self._names and (names := self._meant(key, writing)):
                    known = [name for name in names if name.rank is not Rank.LATENT and name.kind is not NameKind.LIFE]
                    if known:
                        return Place(spaced.starts[at], spaced.ends[at], known, at, at, "any")
        return None

    def _prefix(
        self, writing: Writing, at: int, window: str, *, skipped: int = 0, before: str | None = None
    ) -> Place | None:
        """The longest name that `window` begins with, with what a language writes onto it."""
        spaced, manners = writing.spaced, writing.manners
        for key in self._names.prefixes(window):
            rest = window[len(key) :]
            tail = rest.partition(" ")[0]
            onto: str | None = before
            if tail:
                if (told := manners.onto.get(tail)) is None and not self._has_joined(rest, manners):
                    continue
                if len(key.rpartition(" ")[2]) < (2 if "\uac00" <= key[-1] <= "\ud7a3" else 3):
                    continue
                onto = told if told not in (None, "any") else onto
            names = self._meant(key, writing)
            if not names:
                continue
            last = at + key.count(" ")
            if not tail and last + 1 < len(spaced.folded) and spaced.marks[last + 1] in _APOSTROPHES:
                # "Tokyo'da": behind an apostrophe stands what other languages write without one.
                told = manners.onto.get(spaced.folded[last + 1])
                onto = told if told not in (None, "any") else onto
            end = spaced.ends[last] - (len(tail) if tail else 0)
            return Place(
                spaced.starts[at] + skipped,
                max(end, spaced.starts[at] + skipped + 1),
                [name for name in names if name.rank is not Rank.LATENT],
                at,
                last,
                onto or ("any" if tail or skipped else None),
                tail,
                latent=[name for name in names if name.rank is Rank.LATENT],
            )
        return None

    def _meant(self, key: str, writing: Writing) -> list[Name]:
        """What a key may stand for in a text; of about equals that which lies where its language is spoken."""
        mask, homes = writing.languages, writing.manners.homes
        names = [name for name in self._names.get(key) if not name.languages or name.languages & mask or not mask]
        if len(names) > 1:
            names.sort(key=lambda name: (name.rank, -name.score - (_AT_HOME if name.country in homes else 0.0)))
        return names

    @staticmethod
    def _has_joined(rest: str, manners: Manners) -> bool:
        """Whether words for a role are written onto the name: 도쿄에 사는."""
        return manners.joined and manners.after.beginning(rest, inside=True) is not None

    def _in_hashtag(self, writing: Writing, at: int) -> Place | None:
        """A place inside a word that is several: #dubaimarina."""
        spaced, mask = writing.spaced, writing.languages
        word = spaced.folded[at]
        for start in range(len(word) - _HASHTAG + 1):
            for key in self._names.prefixes(word[start:]):
                if len(key) < _HASHTAG and len(key) < len(word) - 1:
                    continue
                names = [
                    name
                    for name in self._names.get(key)
                    if name.rank is Rank.SURE
                    and (name.score >= _TAGGED and (len(key) > _HASHTAG or name.score >= _KNOWN_TAG))
                    and (not name.languages or name.languages & mask)
                ]
                if names:
                    begin = spaced.starts[at] + start
                    return Place(begin, min(begin + len(key), spaced.ends[at]), names, at, at)
        return None

    def _misspelt(self, writing: Writing) -> Iterator[Place]:
        """Names of which one letter is wrong, among the words that stand where a place would."""
        spaced, mask, tries = writing.spaced, writing.languages, 0
        for at, word in enumerate(spaced.folded):
            if (
                len(word) < _MISSPELT
                or writing.common[at]
                or tries >= _TRIES
                or not word.isalpha()
                or word in self._names
            ):
                continue
            named = spaced.capital[at] and not spaced.opens[at] and writing.telling
            loose = writing.careless and len(word) > _MISSPELT
            led = writing.manners.before.ending(writing.head(at)) is not None
            if not named and not loose and not led:
                continue
            if everyday(spaced.lower[at]) or is_word(spaced.lower[at]):
                continue
            tries += 1
            names = [name for name in self._names.near(word) if not name.languages or name.languages & mask]
            # A stranger's name that nothing leads to is sooner somebody's than a small town's.
            if names and (led or names[0].score >= _KNOWN_TAG):
                yield Place(spaced.starts[at], spaced.ends[at], names, at, at, misspelt=True)

    def _in_runs(self, writing: Writing) -> Iterator[Place]:
        """Names in scripts without spaces, on borders of words."""
        text, mask, manners = writing.text, writing.languages, writing.manners
        if text.isascii():
            return
        for run in UNSPACED_RUN.finditer(text):
            whole = run[0]
            spans = [
                (start, start + len(key))
                for start in range(len(whole) - 1)
                for key in self._names.prefixes(whole[start : start + _LONGEST_RUN])
                if len(key) >= (2 if whole[start] >= "\u3000" else 3)
            ]
            past = 0
            kept = borders(whole, spans)
            for start, end in sorted(kept, key=lambda span: (span[0], -span[1])):
                if start < past:
                    continue
                key = whole[start:end]
                names = self._meant(key, writing)
                if not names or is_named(whole[max(0, start - 6) : start], whole[end : end + 6]):
                    continue
                if everyday(key) & mask or (whole[0] < "\u3000" and len(key) < _SHORT_RUN):
                    head, tail = whole[max(0, start - 8) : start], whole[end : end + 8]
                    if not (manners.before.ending(head) or manners.after.beginning(tail)):
                        continue
                past = end
                person = key.endswith(("人", "人たち")) or key.startswith(("คน", "ชาว"))
                yield Place(run.start() + start, run.start() + end, names, person=person)


def _decide_namesakes(text: str, places: list[Place]) -> None:
    """ "London, Ontario": of two names beside each other that share a country, both are in it."""
    for one, two in pairwise(places):
        if _OF.fullmatch(text[one.end : two.start]) and two.start - one.end <= 6:
            here = {name.country for name in (*one.names, *one.latent)}
            there = {name.country for name in (*two.names, *two.latent)}
            # "Which side of": of two words that are towns as well, none makes the other one.
            if (both := here & there) and any(place.names and not place.doubtful for place in (one, two)):
                for place in (one, two):
                    known = [name for name in (*place.names, *place.latent) if name.country in both]
                    place.names, place.doubtful = known, False


def role_words(text: str, spaced: Words, place: Place, limit: tuple[int, int]) -> tuple[str, str]:
    """What stands before and after a place in its clause, folded, as `Phrases` takes it.

    Args:
        limit: characters beyond which other places begin.
    """
    if place.first < 0:
        head = text[max(limit[0], place.start - 12) : place.start]
        tail = text[place.end : min(limit[1], place.end + 14)]
        return re.split(r"[。！？!?;；\n]", head)[-1].strip(), re.split(r"[。！？!?;；\n]", tail)[0].strip()
    first, last = place.first, place.last
    start = first
    while start and first - start < 7 and not spaced.breaks[start] and spaced.starts[start - 1] >= limit[0]:
        start -= 1
    head = joined(spaced.folded[start:first])[-REACH:]
    end = last + 1
    while end < len(spaced.folded) and end - last < 6 and not spaced.breaks[end] and spaced.ends[end] <= limit[1]:
        end += 1
    tail = (
        (place.tail + " " + " ".join(spaced.folded[last + 1 : end])).strip()
        if place.tail
        else " ".join(spaced.folded[last + 1 : end])
    )
    return head, tail[:REACH]
