"""The norms at hand: packs and vocabulary together, and the lexicon in which texts are looked up."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import Self

from guard.norms.model import Norm, Pack
from guard.norms.vocabulary import Term, Vocabulary
from guard.text.everyday import everyday
from guard.text.gazetteer import Gazetteer, Name, NameKind, key_of
from guard.text.lexicon import ANY, NOTHING, Entry, Lexicon
from guard.text.places import names_of_places
from guard.types import Kind


@dataclass(frozen=True, slots=True)
class Index:
    """What must be known of all packs before any of them is opened, by country code of the pack.

    Attributes:
        ids: the norms.
        held: the norms that hold in a country, by its code, where these are others than those of its pack.
        crowding: of each concept, how many norms of one country at most can be seen in it.
        digest: of what the packs say: 16 hexadecimal digits of SHA-256.
    """

    ids: dict[str, list[str]]
    held: dict[str, list[str]]
    crowding: dict[str, int]
    digest: str

    @classmethod
    def of(cls, packs: Mapping[str, Pack]) -> Self:
        """The index of `packs`, all of which are opened."""
        crowding: Counter[str] = Counter()
        for pack in packs.values():
            crowding |= Counter(id_ for norm in pack.norms for id_ in norm.visual)
        ids = {code: [norm.id for norm in pack.norms] for code, pack in packs.items()}
        held: defaultdict[str, list[str]] = defaultdict(list)
        for pack in packs.values():
            for norm in pack.norms:
                for code in norm.countries:
                    held[code].append(norm.id)
        return cls(
            ids,
            {code: held.get(code, []) for code in {**held, **ids} if held.get(code, []) != ids.get(code)},
            dict(crowding),
            sha256("".join(packs[code].model_dump_json() for code in sorted(packs)).encode()).hexdigest()[:16],
        )


class Norms(Mapping[str, Norm]):
    """Norms of all packs by id, those of a pack when one of them is asked for."""

    def __init__(self, packs: Mapping[str, Pack], ids: Mapping[str, Iterable[str]]) -> None:
        self._home = {id_: code for code, some in ids.items() for id_ in some}
        self._of = cache(lambda code: {norm.id: norm for norm in packs[code].norms})

    def __getitem__(self, id_: str) -> Norm:
        norm: Norm = self._of(self._home[id_])[id_]
        return norm

    def __iter__(self) -> Iterator[str]:
        return iter(self._home)

    def __len__(self) -> int:
        return len(self._home)

    def __contains__(self, id_: object) -> bool:
        return id_ in self._home


class Library:
    """Norms of all packs, by id and by country.

    Args:
        packs: by country code.
        index, lexicon, gazetteer: what `packs` and `vocabulary` make, where it is known already.

    Attributes:
        norms: every norm, by id.
        vocabulary: the concepts and situations that the norms refer to.
        lexicon: names of situations, acts, things and norms, for finding them in texts.
        gazetteer: names of places, peoples and what else points to a country.
        crowding: of each concept, how many norms of one country at most can be seen in it.
        digest: of what the packs say: 16 hexadecimal digits of SHA-256.
    """

    def __init__(
        self,
        packs: Mapping[str, Pack],
        vocabulary: Vocabulary,
        *,
        index: Index | None = None,
        lexicon: Lexicon | None = None,
        gazetteer: Gazetteer | None = None,
    ) -> None:
        index = index or Index.of(packs)
        self.packs = packs
        self.vocabulary = vocabulary
        self.norms = Norms(packs, index.ids)
        self.crowding = index.crowding
        self.digest = index.digest
        self._ids = {**index.ids, **index.held}
        self._held: dict[str, list[Norm]] = {}
        self.lexicon = lexicon or lexicon_of(self.norms.values(), vocabulary)
        self.gazetteer = gazetteer or Gazetteer(Gazetteer.compiled(names_of(packs, vocabulary)))

    def of_country(self, code: str) -> list[Norm]:
        """Norms that hold in a country: its own pack's, and others that say so."""
        if (held := self._held.get(code)) is None:
            held = [self.norms[id_] for id_ in self._ids.get(code, ())]
            self._held[code] = held
        return held


_WORLD_FAMOUS = 0.85


def names_of(packs: Mapping[str, Pack], vocabulary: Vocabulary) -> Iterator[tuple[str, Name]]:
    """What points to a country: the world's places, the vocabulary's places and peoples, cues, what one alone has."""
    spoken = [term for terms in (vocabulary.concepts, vocabulary.situations) for term in terms.values()]
    things = {key_of(name) for term in spoken for name in term.names["en"]}
    for key, name in Gazetteer(names_of_places()).names():
        # Ramadan is a month before it is a town; Bath, a word that everybody uses, needs its capital as it is.
        if key not in things or name.kind is NameKind.COUNTRY or name.score >= _WORLD_FAMOUS or everyday(key):
            yield key, name
    yield from vocabulary.names()
    for pack in packs.values():
        yield from pack.cues.named(pack.country)
    for term, norms in _users(norm for pack in packs.values() for norm in pack.norms).items():
        # What one country alone has points there; Ramadan and tarot cards do not, nor beef, nor everyday words.
        own = len({norm.country for norm in norms}) == 1
        if own and key_of(term) not in things and not everyday(term):
            yield key_of(term), Name(norms[0].country, NameKind.LIFE, 0.6)


def lexicon_of(norms: Iterable[Norm], vocabulary: Vocabulary) -> Lexicon:
    """Names of things, situations, acts and intents, and of the norms' own things."""
    lexicon = Lexicon()
    for term, users in _users(norms).items():
        for language in (ANY, "en"):
            for norm in users:
                lexicon.add(term, language, Entry("norm", norm.id, 0.9))
    shared: tuple[tuple[Kind, Mapping[str, Term]], ...] = (
        ("concept", vocabulary.concepts),
        ("situation", vocabulary.situations),
        ("act", vocabulary.acts),
        ("intent", vocabulary.intents),
    )
    for kind, terms in shared:
        for id_, known in terms.items():
            for language, names in known.names.items():
                for name in names:
                    lexicon.add(name, language, Entry(kind, id_, 0.9))
    for language, speech in vocabulary.languages.items():
        for name in speech.fixed:
            lexicon.add(name, language, Entry(NOTHING, "", 0.0))
    return lexicon


def _users(every: Iterable[Norm]) -> Mapping[str, list[Norm]]:
    """The norms by the terms that are theirs."""
    users: defaultdict[str, list[Norm]] = defaultdict(list)
    for norm in every:
        for term in norm.terms:
            users[term.casefold()].append(norm)
    return users
