"""Invented questions: for every pack norm in every language, and as many harmless ones near it."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator
from pathlib import Path

import yaml

from guard.evidence.places import country_name
from guard.norms.library import Library
from guard.norms.model import LANGUAGES, Norm
from training.corpus import Example

_TEMPLATES = Path(__file__).with_name("templates.yaml")
_SHARE_ENGLISH = 0.4
_TYPO, _MIXED, _LOWER = 0.15, 0.12, 0.1


class Scenarios:
    """Fills frames in 14 languages with the names of concepts, occasions and places of the shared vocabulary.

    The true content of the picture is known here, so the norms at stake are known too: the norm itself, and those of
    the same country that share its thing or its occasion, in part.
    """

    def __init__(self, library: Library, *, seed: int = 0) -> None:
        self._library = library
        self._random = random.Random(seed)
        self._frames = yaml.safe_load(_TEMPLATES.read_text(encoding="utf-8"))
        self._concepts = library.vocabulary.concepts
        self._situations = library.vocabulary.situations

    def make(self, *, each: int, leave_out: Collection[str] = (), without: str | None = None) -> Iterator[Example]:
        """`each` unaware and as many harmless questions for every norm but those left out."""
        for norm in self._library.norms.values():
            if norm.id in leave_out or norm.country == without:
                continue
            for _ in range(each):
                yield self._unaware(norm)
                yield self._harmless(norm)

    def _unaware(self, norm: Norm) -> Example:
        language = self._language()
        thing = self._random.choice(norm.visual) if norm.visual else None
        situation = self._random.choices(norm.situations, [0.6**i for i in range(len(norm.situations))])[0]
        point = thing is not None and self._random.random() < 0.4
        if thing is None and language == "en" and self._random.random() < 0.6:
            query = english = f"{norm.breach} I am in {self._town(norm.country) or country_name(norm.country)}."
        else:
            query, english = self._fill("point" if point else "ask", language, thing, situation, norm.country)
        shown = thing is not None and self._random.random() < (0.5 if point else 0.25)
        captions = (self._name(thing, "en"),) if shown and thing is not None else ()
        return Example(
            self._rough(query), english, captions, point or shown, norm.country, 1.0,
            self._at_stake(norm, None if point and not shown else thing, situation), f"pack:{norm.id}", "scenario",
        )  # fmt: skip

    def _harmless(self, norm: Norm) -> Example:
        language = self._language()
        thing = self._random.choice(norm.visual) if norm.visual else self._random.choice(list(self._concepts))
        situation = self._random.choice(norm.situations)
        dice = self._random.random()
        if dice < 0.1:
            query = english = f"Why is it that in {country_name(norm.country)} people say: {norm.title}?"
        else:
            kind = "aware" if dice < 0.25 else "calm"
            query, english = self._fill(kind, language, thing, situation, norm.country)
        pictured = self._random.random() < 0.3
        captions = (self._name(thing, "en"),) if pictured and self._random.random() < 0.5 else ()
        return Example(
            self._rough(query), english, captions, pictured, norm.country, 0.0, {}, f"pack:{norm.id}", "scenario"
        )

    def _at_stake(self, norm: Norm, thing: str | None, situation: str) -> dict[str, float]:
        stake = {}
        for other in self._library.of_country(norm.country):
            same_thing = thing is not None and thing in other.visual
            same_occasion = situation in other.situations
            if same_thing or (thing is None and same_occasion and bool(other.visual) == bool(norm.visual)):
                stake[other.id] = 0.6 if same_thing and same_occasion else 0.3
        return stake | {norm.id: 1.0}

    def _fill(self, kind: str, language: str, thing: str | None, situation: str, country: str) -> tuple[str, str]:
        """A frame in `language`, and an English one of the same kind with the same things in it."""
        town = self._town(country)

        def one(tongue: str) -> str:
            frame: str = self._random.choice(self._frames[tongue][kind])
            occasion = self._cue(situation, tongue)
            place = town or country_name(country, tongue)
            return frame.format(thing=self._name(thing, tongue) if thing else occasion, occasion=occasion, place=place)

        query = one(language)
        return query, query if language == "en" else one("en")

    def _language(self) -> str:
        others = [language for language in LANGUAGES if language != "en"]
        return "en" if self._random.random() < _SHARE_ENGLISH else self._random.choice(others)

    def _name(self, concept: str, language: str) -> str:
        return self._random.choice(self._concepts[concept].names[language])

    def _cue(self, situation: str, language: str) -> str:
        return self._random.choice(self._situations[situation].names[language])

    def _town(self, country: str) -> str | None:
        """Now and then a place of the country instead of its name, where the pack knows one."""
        places = self._library.packs[country].cues.places.get("any", ())
        return self._random.choice(places) if places and self._random.random() < 0.4 else None

    def _rough(self, query: str) -> str:
        """As people type: now and then a slip, lower case, or a word of English in between."""
        dice = self._random.random()
        if dice < _TYPO and len(query) > 12:
            i = self._random.randrange(2, len(query) - 2)
            swapped = query[:i] + query[i + 1] + query[i] + query[i + 2 :]
            return self._random.choice([swapped, query[:i] + query[i + 1 :]])
        if dice < _TYPO + _MIXED:
            return query + self._random.choice([" thanks!", " pls", " ok?", " what do you think", " asap"])
        return query.lower() if dice < _TYPO + _MIXED + _LOWER else query
