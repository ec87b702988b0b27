"""How a text is written, and whether a name that was found in it is one there, or a word, or somebody's name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from guard.reading.cues import REACH, Manners
from guard.reading.words import FIRST_NAMES, GIVEN, PERSONS, TITLES
from guard.text.everyday import everyday, is_word, noun
from guard.text.gazetteer import Gazetteer, Name, NameKind, Rank
from guard.text.languages import bits
from guard.text.words import Words

_FAMOUS = 0.74  # of names that are written in small letters as well as in capitals
_FAIRLY = 0.64  # of names that are, where a word for going there stands before them
_SHORT = 3  # letters of a name that needs more than small letters
_BRIEF = 5  # letters of a dish or custom that is met in the languages of others, where as short a word may be any
_VERBAL = 6  # letters of words for going there that are more than a preposition
_LETTERS = re.compile(r"[^\W\d_]")

SMALL = frozenset({NameKind.LIFE, NameKind.MONEY, NameKind.FESTIVAL})
"""Kinds of names that are written in small letters."""


@dataclass(slots=True)
class Place:
    """A name that was found.

    Attributes:
        start, end: characters of the normalised text, without what is written onto it.
        names: what it may stand for, likeliest first.
        first, last: its words, or -1 in scripts without spaces.
        onto: role (or ``any``) that what is written onto it tells.
        tail: what is written onto its end, folded.
        doubtful: it is a word, too, and counts only with a namesake's country beside it, or a word for going there.
        misspelt: one letter of it is wrong.
        person: in scripts without spaces, whether it names people and no adjective: フランス人.
        latent: namesakes, which it stands for only where what is beside it says so.
    """

    start: int
    end: int
    names: list[Name]
    first: int = -1
    last: int = -1
    onto: str | None = None
    tail: str = ""
    doubtful: bool = False
    misspelt: bool = False
    person: bool = False
    latent: list[Name] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Writing:
    """A text, and what its capitals tell.

    Attributes:
        text, spaced: normalised, and its words.
        languages: as bits.
        manners: how they say things.
        common: of each word, in which of the languages it is one of everyday speech, as bits.
        telling: it has capitals inside its sentences, so that a small letter says something.
        careful: it begins and ends as a sentence does: whoever writes so seldom writes a name in small letters.
        shouting: all its letters are capitals.
        nouns: capitals tell nothing: all German nouns have them, and Vietnamese people are called as countries are.
    """

    text: str
    spaced: Words
    languages: int
    manners: Manners
    common: list[int]
    telling: bool
    careful: bool
    shouting: bool
    nouns: bool

    @classmethod
    def of(cls, text: str, spaced: Words, languages: Sequence[str], manners: Manners) -> Writing:
        """How a normalised text in `languages` is written."""
        mask, nouns = bits(languages), languages[:1] in (("de",), ("vi",))
        trimmed = text.strip()
        return cls(
            text,
            spaced,
            mask,
            manners,
            [everyday(lower) & (mask or _ENGLISH) for lower in spaced.lower],
            not nouns and _telling(spaced),
            len(trimmed) > 1 and trimmed[0].isupper() and trimmed[-1] in ".!?…",
            text.isupper(),
            nouns,
        )

    @property
    def careless(self) -> bool:
        """Whether its writer puts no capitals anywhere."""
        return not (self.telling or self.careful)

    def head(self, first: int) -> str:
        """The words before a word, back to the end of a clause, as `Phrases` takes them."""
        start = first
        while start and first - start < 7 and not self.spaced.breaks[start]:
            start -= 1
        return joined(self.spaced.folded[start:first])[-REACH:]

    def after(self, last: int, count: int) -> str:
        """The next words behind a word."""
        return " ".join(self.spaced.folded[last + 1 : last + 1 + count])

    def counts(self, place: Place, names: Gazetteer) -> bool:
        """Whether a name is one here, and no everyday word, nobody's name, and no start of a sentence.

        One that counts if its country or another place of it stands beside it is left `doubtful`.
        """
        spaced, manners, first, last = self.spaced, self.manners, place.first, place.last
        lower, single = spaced.lower[first], place.first == place.last
        cased = lower.upper() != lower
        capital = spaced.capital[first] and cased and not self.shouting
        head = self.head(first) if first else ""
        cue = manners.before.ending(head) or manners.before.ending(_past_article(head))
        led = cue is not None or place.onto not in (None, "any")
        if place.tail and single and cased and (self.common[first] or (place.names and place.names[0].kind in SMALL)):
            return False  # "tänään" is no Tana, whatever it ends in
        plain = self._plain(place)
        if place.names and place.names[0].kind is NameKind.PEOPLE:
            # "Polish" is a people with its capital, "polish" is a verb; other languages write peoples small.
            no_capital = cased and (not capital or spaced.opens[first])
            place.doubtful = plain and no_capital and place.names[0].languages == 0
            return True
        if single and self._is_person(place, names, head, capital=capital, cased=cased):
            return False
        given = spaced.folded[first] in GIVEN or (place.names and place.names[0].rank is Rank.LED)
        if single and not led and given:
            place.doubtful = manners.after.beginning(self.after(last, 3)) is None
            return True
        verbal = cue is not None and cue[1] >= _VERBAL and " " in head[-cue[1] :]
        if plain and place.names:
            place.doubtful = not self._claims(place, cased=cased, capital=capital, led=led, verbal=verbal)
            return True
        if place.names and single and cased and len(spaced.folded[first]) < _SHORT:  # LA, UK; but "la", "Ho", "of"
            place.doubtful = not (self.text[place.start : place.end].isupper() and not self.shouting)
            return True
        if not place.names:  # a namesake, if what is beside it says so; the short name of a state has its capitals
            written = self.text[place.start : place.end]
            return len(written) > 2 or (written.isupper() and not self.shouting)
        return self._stands(place, cased=cased, capital=capital, led=led, verbal=verbal)

    def _plain(self, place: Place) -> bool:
        """Whether a name consists of words of everyday speech."""
        first, last = place.first, place.last
        single = first == last
        if place.tail and single:  # 나라에서: what is left without its ending is a word, too
            return bool(everyday(self.spaced.lower[first].removesuffix(place.tail)) & self.languages)
        # Each syllable of "Hàn Quốc" is a word.
        known = place.names[:1] and place.names[0].kind is NameKind.COUNTRY
        return all(self.common[first : last + 1]) and (single or not (self.nouns or known))

    def _claims(self, place: Place, *, cased: bool, capital: bool, led: bool, verbal: bool) -> bool:
        """Whether what is an everyday word is the name here."""
        best, first = place.names[0], place.first
        country = best.kind is NameKind.COUNTRY
        rest = f"{place.tail} {self.after(place.last, 3)}".strip()
        trailed = self.manners.after.beginning(rest, inside=self.manners.joined) is not None
        known = country or best.score >= _FAMOUS
        if not cased:
            return (led or trailed) and len(self.spaced.folded[first].removesuffix(place.tail)) >= _SHORT
        if self.nouns:
            return capital and led and country
        if not self.telling:
            return (capital and (led or (trailed and known))) or (known and verbal)
        if capital and self._in_longer_name(place):
            return False
        return capital and ((trailed and known) or (not self.spaced.opens[first] and (led or best.score >= _FAIRLY)))

    def _in_longer_name(self, place: Place) -> bool:
        """Whether a word with a capital stands right beside it, so that the name is that of both: "Liberty Market"."""
        spaced, last = self.spaced, place.last
        behind = last + 1 < len(spaced.folded) and spaced.capital[last + 1] and not spaced.opens[last + 1]
        return behind and spaced.starts[last + 1] - spaced.ends[last] == 1 and spaced.lower[last + 1].isalpha()

    def _stands(self, place: Place, *, cased: bool, capital: bool, led: bool, verbal: bool) -> bool:
        """Whether what is no everyday word is written as the name would be."""
        best, first, single = place.names[0], place.first, place.first == place.last
        word, lower = self.spaced.folded[first], self.spaced.lower[first]
        sure = best.rank is Rank.SURE
        if best.kind in SMALL:
            at_home = self.manners.english or best.country in self.manners.homes
            return len(word) > _BRIEF or not (single and cased) or at_home
        if not sure and single and not led and is_word(lower):
            return False
        if not cased:
            known = best.kind is NameKind.COUNTRY or (sure and best.score >= _FAMOUS)
            return known or led or not self.languages & _UNLISTED
        if capital:
            return not self.spaced.opens[first] or sure or led or len(word) > _SHORT
        if not self.careless:
            if not sure:
                return False
            if single and (not led or (noun(lower) & self.languages and not verbal)):
                return False
        if sure and (not single or (best.score >= _FAMOUS and len(word) > _SHORT)):
            return True
        if sure and self.careless and len(word) > _BRIEF and not noun(lower):
            return True  # "khartoum internship": whoever writes no capitals writes none in names
        return led and (not self.telling or best.score >= _FAIRLY)

    def _is_person(self, place: Place, names: Gazetteer, head: str, *, capital: bool, cased: bool) -> bool:
        """ "My friend Chad", "Michael Jordan", "Paris Hilton", "his name is Israel"."""
        spaced, first, last = self.spaced, place.first, place.last
        word = spaced.folded[first]
        near = first > 0 and spaced.marks[first] == " "
        if near and cased and (capital or word in PERSONS) and self.manners.people.ending(head) is not None:
            return True
        if first and is_named(head, self.after(last, 2)):
            return True
        if word not in PERSONS:
            return False
        if first and spaced.starts[first] - spaced.ends[first - 1] <= 1:
            before = spaced.folded[first - 1]
            # "Michael Jordan"; but "Does Jordan", at a sentence's beginning, where any word has its capital.
            unusual = not (self.common[first - 1] and spaced.opens[first - 1])
            stranger = spaced.capital[first - 1] and unusual and len(before) > 2
            if before in TITLES or before in FIRST_NAMES or (stranger and before.isalpha() and before not in names):
                return True
        if last + 1 < len(spaced.folded) and spaced.starts[last + 1] - spaced.ends[last] == 1:
            after = spaced.folded[last + 1]
            stranger = spaced.capital[last + 1] and _LETTERS.match(after) is not None
            return stranger and not everyday(spaced.lower[last + 1]) and after not in names
        return False


_ENGLISH = bits(["en"])  # what is everyday where no language is known
# Of these no list of the words of everyday speech is had, beyond the commonest.
_UNLISTED = bits(["am", "km", "lo", "mr", "my", "ne", "pa", "si", "te", "th"])


def _past_article(head: str) -> str:
    """`head` without a short word at its end: "a trip to" of "a trip to the"."""
    before, _, last = head.rpartition(" ")
    return before if len(last) <= _SHORT else ""


def _telling(spaced: Words) -> bool:
    inner = [
        at
        for at, capital in enumerate(spaced.capital)
        if capital
        and not spaced.opens[at]
        and spaced.lower[at].upper() != spaced.lower[at]
        and len(spaced.lower[at]) > 1
    ]
    return bool(inner) and len(inner) < len(spaced.folded)


# "called", "her name": what stands beside it is somebody's name.
_NAMED_BEFORE = re.compile(
    r"(?:\b(?:named|called|name is|name s|llamad[oa]|se llama|prenom|appelle|s appelle|heisst|namens|nome e|se chama"
    r"|chamad[oa]|si chiama|heet|genaamd|zovut|по имени|зовут|на имя|звати|imieniem|nazywa sie|jmenuje se|bernama"
    r"|namanya|adi|isimli|adli|اسمها|اسمه|اسمي|नाम|नाम है|ten la)|名前[がは]|名字叫|名叫|叫做|이름이|이름은|ชื่อ)\s*$"
)
_NAMED_AFTER = re.compile(r"^(?:adli|isimli|namli|naam|नाम|という名|이라는|라는 (?:친구|이름))")
_AND = re.compile(r"(?<!\S)و(?=\w{3})")


def is_named(head: str, tail: str) -> bool:
    """Whether what stands before or behind a name says that somebody is called so."""
    return _NAMED_BEFORE.search(head) is not None or _NAMED_AFTER.match(tail) is not None


def joined(folded: Sequence[str]) -> str:
    """Words by spaces; Arabic "and", which is written onto the next word, apart from it."""
    text = " ".join(folded)
    return text if text.isascii() else _AND.sub("و ", text)
