"""Finds places, peoples and what else points to a country in a text, and decides which of its words are no names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from guard.reading.cues import REACH, Manners
from guard.text.everyday import borders, everyday, is_word, noun
from guard.text.gazetteer import MAX_WORDS, Gazetteer, Name, NameKind, Rank
from guard.text.languages import bits
from guard.text.words import UNSPACED_RUN, Words

_LONGEST_RUN = 14
_SHORT_RUN = 4  # letters of a name of Thai and its like that others words may end and begin with
_FAMOUS = 0.74  # of names that are written in small letters as well as in capitals
_BRIEF = 5  # letters of a dish or custom that is met in the languages of others, where as short a word may be any
_SHORT = 3  # letters of a name that needs more than small letters
_UNCAPITAL = frozenset({NameKind.LIFE, NameKind.MONEY, NameKind.FESTIVAL})
"""Kinds of names that are written in small letters."""
_APOSTROPHES = frozenset("'’ʼ`´")
_MISSPELT = 6  # letters from which one of them may be wrong
_HASHTAG = 5
_TAGGED = 0.68  # how well known a place is that is looked for inside of words
_AT_HOME = 0.15  # how much likelier a place is meant that lies where the text's language is spoken
_VERBAL = 6  # letters of words for going there that are more than a preposition
_UNBROKEN = 17  # letters of a word that will be several, typed without spaces
_LETTERS = re.compile(r"[^\W\d_]")
# Between the parts of one place: "London, Ontario", "Valencia in Venezuela", "Athens (Georgia)".
_OF = re.compile(r"\s*[,(،、]?\s*(?:in|en|em|à|au|im)?\s*", re.IGNORECASE)


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


class Finder:
    """Finds names of the gazetteer.

    Args:
        gazetteer: the names.
        persons: names that are people's as well as places', folded.
    """

    def __init__(self, gazetteer: Gazetteer, persons: frozenset[str] = frozenset()) -> None:
        self._names = gazetteer
        self._persons = persons

    def __call__(self, text: str, spaced: Words, languages: Sequence[str], manners: Manners) -> list[Place]:
        """The places of a normalised text, in order.

        Args:
            text, spaced: the text and its words.
            languages: those it is written in, likeliest first.
            manners: how they say things.
        """
        mask = bits(languages)
        found = [*self._in_words(text, spaced, languages, mask, manners), *self._in_runs(text, mask, manners)]
        found.sort(key=lambda place: place.start)
        _decide_namesakes(text, found)
        return [place for place in found if place.names and not place.doubtful]

    def _in_words(
        self, text: str, spaced: Words, languages: Sequence[str], mask: int, manners: Manners
    ) -> Iterator[Place]:
        folded = spaced.folded
        if not folded:
            return
        telling, careful = _telling(spaced), _careful(text)
        shouting = text.isupper()
        # All German nouns have capitals, and Vietnamese people are called as countries are (Nga, Đức).
        nouns = languages[:1] in (("de",), ("vi",))
        common = [everyday(lower) & mask for lower in spaced.lower]
        at, count = 0, len(folded)
        while at < count:
            place = self._at(text, spaced, at, mask, manners)
            if place is None and (len(folded[at]) > _UNBROKEN or text[max(spaced.starts[at] - 1, 0)] in "#@＃"):
                place = self._in_hashtag(spaced, at, mask)
            if place is None:
                at += 1
                continue
            if self._counts(text, spaced, place, common, mask, telling and not nouns, careful, shouting, nouns, manners):
                yield place
                at = place.last + 1
            else:
                at += 1
        yield from self._misspelt(spaced, mask, manners, common, telling and not nouns, not (telling or careful))

    def _at(self, text: str, spaced: Words, at: int, mask: int, manners: Manners) -> Place | None:
        """The longest name that begins with the word `at`, or inside it behind what may be written before a name."""
        folded = spaced.folded
        window = " ".join(folded[at : at + MAX_WORDS])
        if place := self._prefix(window, spaced, at, mask, manners, 0, None):
            return place
        if manners.changed and (place := self._inflected(window, spaced, at, mask, manners)):
            return place
        for size in (1, 2, 3) if manners.from_ else ():
            role = manners.from_.get(folded[at][:size])
            if role is not None and len(folded[at]) - size >= 2:
                inner = window[size:]
                if folded[at][:size] == "لل":  # li-l, where the article's alif is not written
                    inner = "ال" + inner
                if place := self._prefix(inner, spaced, at, mask, manners, size, role):
                    return place
        return None

    def _inflected(self, window: str, spaced: Words, at: int, mask: int, manners: Manners) -> Place | None:
        """A name whose end is another than in the nominative: "Праге"."""
        word = window.partition(" ")[0]
        if len(word) < 4:
            return None
        for size in range(min(4, len(word) - 3), 0, -1):
            for end in manners.changed.get(word[-size:], ()):
                if (key := word[:-size] + end) in self._names and (names := self._meant(key, mask, manners)):
                    known = [name for name in names if name.rank is not Rank.LATENT and name.kind is not NameKind.LIFE]
                    if known:
                        return Place(spaced.starts[at], spaced.ends[at], known, at, at, "any")
        return None

    def _prefix(
        self, window: str, spaced: Words, at: int, mask: int, manners: Manners, skipped: int, before: str | None
    ) -> Place | None:
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
            names = self._meant(key, mask, manners)
            if not names:
                continue
            last = at + key.count(" ")
            if not tail and last + 1 < len(spaced.folded) and spaced.starts[last + 1] - spaced.ends[last] == 1:
                # "Tokyo'da": behind an apostrophe stands what other languages write without one.
                if spaced.marks[last + 1] in _APOSTROPHES and (told := manners.onto.get(spaced.folded[last + 1])):
                    onto = told if told != "any" else onto
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

    def _meant(self, key: str, mask: int, manners: Manners) -> list[Name]:
        """What a key may stand for in a text; of about equals that which lies where its language is spoken."""
        names = [name for name in self._names.get(key) if not name.languages or name.languages & mask or not mask]
        if len(names) > 1:
            names.sort(key=lambda name: (name.rank, -name.score - (_AT_HOME if name.country in manners.homes else 0.0)))
        return names

    @staticmethod
    def _has_joined(rest: str, manners: Manners) -> bool:
        """Whether words for a role are written onto the name: 도쿄에 사는."""
        return manners.joined and manners.after.beginning(rest, inside=True) is not None

    def _counts(
        self,
        text: str,
        spaced: Words,
        place: Place,
        common: Sequence[int],
        mask: int,
        telling: bool,
        careful: bool,
        shouting: bool,
        nouns: bool,
        manners: Manners,
    ) -> bool:
        """Whether a name is one here, and no everyday word, nobody's name, and no start of a sentence."""
        first, last = place.first, place.last
        single = first == last
        word = spaced.folded[first]
        cased = spaced.lower[first].upper() != spaced.lower[first]
        capital = spaced.capital[first] and cased and not shouting
        opens = spaced.opens[first]
        head = _head(spaced, first) if first else ""
        cue = manners.before.ending(head)
        led = cue is not None
        led = led or place.onto not in (None, "any")
        plain = all(common[first : last + 1]) and (single or not nouns)  # each syllable of "Hàn Quốc" is a word
        if place.tail:  # 나라에서: what is left without its ending is a word, too
            plain = plain or (single and bool(everyday(spaced.lower[first].removesuffix(place.tail)) & mask))
        if place.tail and single and cased and (common[first] or (place.names and place.names[0].kind in _UNCAPITAL)):
            return False  # "tänään" is no Tana, whatever it ends in
        if place.names and place.names[0].kind is NameKind.PEOPLE:
            return self._people_count(place, plain=plain, capital=capital, opens=opens, cased=cased)
        known_person = capital or word in self._persons
        if single and cased and known_person and first and spaced.marks[first] == " " and manners.people.ending(head):
            return False  # "my friend Chad", "mi amiga Irlanda"
        if single and first and _is_named(head, " ".join(spaced.folded[last + 1 : last + 3])):
            return False
        if single and word in _GIVEN and not led and cased:
            rest = " ".join(spaced.folded[last + 1 : last + 4])
            place.doubtful = manners.after.beginning(rest) is None
            return True
        if single and word in self._persons and self._is_person(spaced, place, common, manners):
            return False
        verbal = cue is not None and cue[1] >= _VERBAL and " " in head[-cue[1] :]
        if plain and place.names:
            country = place.names[0].kind is NameKind.COUNTRY
            if not cased:
                rest = " ".join((place.tail, *spaced.folded[last + 1 : last + 4])).strip()
                trailed = manners.after.beginning(rest, inside=manners.joined) is not None
                place.doubtful = not (led or trailed) or len(word) < 3
            elif nouns:
                place.doubtful = not (capital and led and country)
            elif not telling:
                known = country or place.names[0].score >= _FAMOUS
                place.doubtful = not ((capital and led) or (known and verbal))
            else:
                place.doubtful = not capital or opens
            return True
        if not place.names:  # a namesake, if what is beside it says so; the short name of a state has its capitals
            return len(word) > 2 or (text[place.start : place.end].isupper() and not shouting)
        best = place.names[0]
        if best.kind in _UNCAPITAL:
            return len(word) > _BRIEF or not single or not cased or manners.english or best.country in manners.homes
        if best.rank is Rank.CAPITAL and single and not led and is_word(spaced.lower[first]):
            return False
        if not cased or (capital and not opens):
            return cased or best.rank is Rank.SURE or led or len(word) >= 5 or not single
        if best.rank is Rank.CAPITAL and cased and not capital and (careful or telling):
            return False
        if single and not capital and (careful or telling):
            if not led or (noun(spaced.lower[first]) & mask and not verbal):
                return False
        if best.rank is Rank.SURE and (best.score >= _FAMOUS or not single) and (len(word) > _SHORT or not single):
            return True
        if capital:
            return True
        if best.rank is Rank.SURE and not telling and not careful and len(word) > _BRIEF and not noun(spaced.lower[first]):
            return True  # "khartoum internship": whoever writes no capitals writes none in names
        return led and (not telling or best.score >= 0.64)

    @staticmethod
    def _people_count(place: Place, *, plain: bool, capital: bool, opens: bool, cased: bool) -> bool:
        """A people's name: "Polish" is one with its capital, "polish" is a verb."""
        if plain and cased and (not capital or opens):
            place.doubtful = place.names[0].languages == 0  # where it has a capital, which is so in English
        return True

    def _is_person(self, spaced: Words, place: Place, common: Sequence[int], manners: Manners) -> bool:
        """ "Michael Jordan", "my friend Chad", "Paris Hilton": beside a first name, a surname, a word for somebody."""
        first, last = place.first, place.last
        if first and spaced.starts[first] - spaced.ends[first - 1] <= 1:
            before = spaced.folded[first - 1]
            if before in _TITLES:
                return True
            stranger = spaced.capital[first - 1] and not common[first - 1] and len(before) > 2
            if stranger and not spaced.lower[first - 1].isdigit() and before not in self._names:
                return True
        if last + 1 < len(spaced.folded) and spaced.starts[last + 1] - spaced.ends[last] == 1:
            after = spaced.folded[last + 1]
            return (
                spaced.capital[last + 1]
                and _LETTERS.match(after) is not None
                and not everyday(spaced.lower[last + 1])
                and after not in self._names
            )
        return False

    def _in_hashtag(self, spaced: Words, at: int, mask: int) -> Place | None:
        word = spaced.folded[at]
        for start in range(len(word) - _HASHTAG + 1):
            for key in self._names.prefixes(word[start:]):
                if len(key) < _HASHTAG and len(key) < len(word) - 1:
                    continue
                names = [
                    name
                    for name in self._names.get(key)
                    if name.rank is Rank.SURE and name.score >= _TAGGED and (not name.languages or name.languages & mask)
                ]
                if names:
                    begin = spaced.starts[at] + start
                    return Place(begin, min(begin + len(key), spaced.ends[at]), names, at, at)
        return None

    def _misspelt(
        self, spaced: Words, mask: int, manners: Manners, common: Sequence[int], telling: bool, careless: bool
    ) -> Iterator[Place]:
        """Names of which one letter is wrong, among the words that stand where a place would."""
        tries = 0
        for at, word in enumerate(spaced.folded):
            if len(word) < _MISSPELT or common[at] or tries >= 8 or not word.isalpha() or word in self._names:
                continue
            named = spaced.capital[at] and not spaced.opens[at] and telling
            loose = careless and len(word) > _MISSPELT
            if not named and not loose and manners.before.ending(_head(spaced, at)) is None:
                continue
            if everyday(spaced.lower[at]) or is_word(spaced.lower[at]):
                continue
            tries += 1
            names = [name for name in self._names.near(word) if not name.languages or name.languages & mask]
            if names:
                yield Place(spaced.starts[at], spaced.ends[at], names, at, at, misspelt=True)

    def _in_runs(self, text: str, mask: int, manners: Manners) -> Iterator[Place]:
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
                names = self._meant(key, mask, manners)
                if not names or _is_named(whole[max(0, start - 6) : start], whole[end : end + 6]):
                    continue
                if everyday(key) & mask or (whole[0] < "\u3000" and len(key) < _SHORT_RUN):
                    head, tail = whole[max(0, start - 8) : start], whole[end : end + 8]
                    if not (manners.before.ending(head) or manners.after.beginning(tail)):
                        continue
                past = end
                person = key.endswith(("人", "人たち")) or key.startswith(("คน", "ชาว"))
                yield Place(run.start() + start, run.start() + end, names, person=person)


# Names of towns that are met as people's names more often: they need a word for going there, or their country.
_GIVEN = frozenset(
    "austin brooklyn savannah charlotte madison dakota salem victoria adelaide chelsea diego lourdes siena marina gloria "
    "devon shannon erin kerry clare tyrone nancy lorraine asia sienna camila valentina sofia carolina martina monica".split()
)
_TITLES = frozenset("mr mrs ms miss dr sir st saint señor senor herr frau monsieur madame signor signora named called".split())


# "called", "her name": what stands beside it is somebody's name.
_NAMED_BEFORE = re.compile(
    r"(?:\b(?:named|called|name is|name s|llamad[oa]|se llama|prenom|appelle|s appelle|heisst|namens|nome e|se chama|chamad[oa]"
    r"|si chiama|heet|genaamd|zovut|по имени|зовут|на имя|на ім'я|звати|imieniem|nazywa sie|jmenuje se|bernama|namanya|adi|isimli|adli"
    r"|اسمها|اسمه|اسمي|नाम|नाम है|ten la)|名前[がは]|名字叫|名叫|叫做|이름이|이름은|ชื่อ)\s*$"
)
_NAMED_AFTER = re.compile(r"^(?:adli|isimli|namli|naam|नाम|という名|이라는|라는 (?:친구|이름))")


def _is_named(head: str, tail: str) -> bool:
    return _NAMED_BEFORE.search(head) is not None or _NAMED_AFTER.match(tail) is not None


def _head(spaced: Words, first: int) -> str:
    """The words before a word, back to the end of a clause."""
    start = first
    while start and first - start < 7 and not spaced.breaks[start]:
        start -= 1
    return _joined(spaced.folded[start:first])[-REACH:]


def _careful(text: str) -> bool:
    """Whether a text begins and ends as a sentence does: whoever writes so seldom writes a name in small letters."""
    text = text.strip()
    return len(text) > 1 and text[0].isupper() and text[-1] in ".!?…"


def _telling(spaced: Words) -> bool:
    """Whether the text writes capitals where they belong, so that a small letter says something."""
    inner = [
        at
        for at, capital in enumerate(spaced.capital)
        if capital and not spaced.opens[at] and spaced.lower[at].upper() != spaced.lower[at] and len(spaced.lower[at]) > 1
    ]
    return bool(inner) and len(inner) < len(spaced.folded)


def _decide_namesakes(text: str, places: list[Place]) -> None:
    """ "London, Ontario": of two names beside each other that share a country, both are in it."""
    for one, two in zip(places, places[1:], strict=False):
        if _OF.fullmatch(text[one.end : two.start]) and two.start - one.end <= 6:
            here = {name.country for name in (*one.names, *one.latent)}
            there = {name.country for name in (*two.names, *two.latent)}
            if both := here & there:
                for place in (one, two):
                    known = [name for name in (*place.names, *place.latent) if name.country in both]
                    place.names, place.doubtful = known, False


def _joined(folded: Sequence[str]) -> str:
    """Words by spaces; Arabic "and", which is written onto the next word, apart from it."""
    text = " ".join(folded)
    return text if text.isascii() else _AND.sub("و ", text)


_AND = re.compile(r"(?<!\S)و(?=\w{3})")


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
    head = _joined(spaced.folded[start:first])[-REACH:]
    end = last + 1
    while end < len(spaced.folded) and end - last < 6 and not spaced.breaks[end] and spaced.ends[end] <= limit[1]:
        end += 1
    tail = (place.tail + " " + " ".join(spaced.folded[last + 1 : end])).strip() if place.tail else " ".join(
        spaced.folded[last + 1 : end]
    )
    return head, tail[:REACH]
