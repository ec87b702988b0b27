"""The norms at hand: packs and vocabulary together, and the lexicon in which texts are looked up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from hashlib import sha256

from guard.norms.model import Cues, Norm, Pack
from guard.norms.vocabulary import Term, Vocabulary
from guard.text.lexicon import ANY, Entry, Lexicon
from guard.text.places import add_places
from guard.types import Kind

# How surely a word of each kind points to its culture. Dishes and festivals travel; a people's name seldom does.
_CUE_SCORES = {
    "demonyms": 0.9,
    "festivals": 0.8,
    "dishes": 0.6,
    "customs": 0.7,
    "communities": 0.8,
    "places": 0.85,
}


class Library:
    """Norms of all packs, by id and by country.

    Attributes:
        norms: every norm, by id.
        vocabulary: the concepts and situations that the norms refer to.
        lexicon: names of cultures, situations, concepts and norms, for finding them in texts.
        digest: of what the packs say: 16 hexadecimal digits of SHA-256.
    """

    def __init__(self, packs: Mapping[str, Pack], vocabulary: Vocabulary) -> None:
        self.packs = dict(packs)
        self.vocabulary = vocabulary
        self.norms: dict[str, Norm] = {norm.id: norm for pack in packs.values() for norm in pack.norms}
        self._by_country: defaultdict[str, list[Norm]] = defaultdict(list)
        for pack in packs.values():
            for code in (pack.country, *(code for code in pack.also if code not in packs)):
                self._by_country[code].extend(pack.norms)
        self.lexicon = self._build_lexicon()
        said = "".join(packs[code].model_dump_json() for code in sorted(packs))
        self.digest = sha256(said.encode()).hexdigest()[:16]

    def of_country(self, code: str) -> list[Norm]:
        """Norms that hold in a country: its own pack's, or those of the pack that speaks for it too."""
        return self._by_country.get(code, [])

    def _build_lexicon(self) -> Lexicon:
        lexicon = Lexicon()
        add_places(lexicon)
        for code, cues in self.vocabulary.cultures.items():
            _add_cues(lexicon, code, cues)
        for pack in self.packs.values():
            _add_cues(lexicon, pack.country, pack.cues)
        self._add_terms(lexicon)
        shared: tuple[tuple[Kind, dict[str, Term]], ...] = (
            ("concept", self.vocabulary.concepts),
            ("situation", self.vocabulary.situations),
            ("intent", self.vocabulary.intents),
        )
        for shared_kind, terms in shared:
            for id_, known in terms.items():
                for language, names in known.names.items():
                    for name in names:
                        lexicon.add(name, language, Entry(shared_kind, id_, 0.9))
        return lexicon

    def _add_terms(self, lexicon: Lexicon) -> None:
        users: defaultdict[str, list[Norm]] = defaultdict(list)
        for norm in self.norms.values():
            for term in norm.terms:
                users[term.casefold()].append(norm)
        for term, norms in users.items():
            countries = {norm.country for norm in norms}
            for language in (ANY, "en"):
                for norm in norms:
                    lexicon.add(term, language, Entry("norm", norm.id, 0.9))
                # What one country alone has points there; Ramadan and tarot cards do not.
                if len(countries) == 1:
                    lexicon.add(term, language, Entry("culture", norms[0].country, 0.6))


def _add_cues(lexicon: Lexicon, code: str, cues: Cues) -> None:
    for kind, score in _CUE_SCORES.items():
        for language, names in getattr(cues, kind).items():
            # Demonyms are capitalised in English alone; a dish is written either way.
            named = language == "en" and kind in {"demonyms", "places"}
            entry = Entry("culture", code, score, "usual" if named else "no")
            for name in names:
                lexicon.add(name, language, entry)
