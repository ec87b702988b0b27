"""Invented questions: for every pack norm in every language, and as many harmless ones near it."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator
from pathlib import Path

import yaml

from guard.norms.library import Library
from guard.norms.model import Norm
from guard.text.languages import LANGUAGES
from guard.text.places import country_name
from training.corpus import Example

_TEMPLATES = Path(__file__).with_name("templates.yaml")
_SHARE_ENGLISH = 0.4
_TYPO, _MIXED, _LOWER = 0.15, 0.12, 0.1
_FRAMES = dict.fromkeys(("gift", "souvenir", "shopping", "home-visit", "business", "birth", "birthday"), "gift")
_FRAMES |= dict.fromkeys(("dress", "swimwear", "worship"), "dress")
_FRAMES |= dict.fromkeys(("dining", "drinking", "cooking", "coffee-tea", "party", "fasting"), "food")
_FRAMES |= dict.fromkeys(("photography", "drone", "media", "wildlife", "heritage"), "photo")


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
        self._free: dict[str, list[str]] = {}

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
        point = thing is not None and self._random.random() < 0.3
        if thing is None and language == "en" and self._random.random() < 0.6:
            query = english = f"{norm.breach} I am in {self._town(norm.country) or country_name(norm.country)}."
        else:
            kind = "point" if point else self._kind(situation)
            query, english = self._fill(kind, language, thing, situation, norm.country)
        shown = thing is not None and self._random.random() < (0.5 if point else 0.25)
        captions = (self._name(thing, self._caption_language(language)),) if shown and thing is not None else ()
        pictured = point or shown or self._random.random() < 0.3
        stake = self._at_stake(norm, None if point and not shown else thing, situation)
        return Example(
            self._rough(query), english, captions, pictured, norm.country, 1.0, stake, f"pack:{norm.id}", "scenario"
        )

    def _harmless(self, norm: Norm) -> Example:
        """A question near a norm with which nothing is wrong.

        The same frame over a thing of which no norm of the country speaks; a question about a culture that leads to
        nothing done there; an asker who minds the custom already.
        """
        language = self._language()
        situation = self._random.choice(norm.situations)
        dice = self._random.random()
        if dice < 0.35:
            thing = self._random.choice(self._unspoken(norm.country))
            query, english = self._fill(self._kind(situation), language, thing, situation, norm.country)
        elif dice < 0.43:
            thing = self._random.choice(list(self._concepts))
            query = english = f"Why is it that in {country_name(norm.country)} people say: {norm.title}?"
        else:
            thing = self._random.choice(norm.visual) if norm.visual else self._random.choice(list(self._concepts))
            kind = "aware" if dice < 0.55 else "calm"
            query, english = self._fill(kind, language, thing, situation, norm.country)
        pictured = self._random.random() < 0.5
        captions = (self._name(thing, self._caption_language(language)),) if self._random.random() < 0.25 else ()
        return Example(
            self._rough(query), english, captions, pictured or bool(captions), norm.country, 0.0, {},
            f"pack:{norm.id}", "scenario",
        )  # fmt: skip

    def _kind(self, situation: str) -> str:
        """The kind of frame that suits a situation, now and then the general one."""
        return "ask" if self._random.random() < 0.3 else _FRAMES.get(situation, "ask")

    def _unspoken(self, country: str) -> list[str]:
        """Concepts of which no norm of a country speaks, nor of anything broader or narrower."""
        if country not in self._free:
            vocabulary = self._library.vocabulary
            spoken = {id_ for norm in self._library.of_country(country) for id_ in norm.visual}
            spoken |= {above for id_ in spoken for above in vocabulary.broader(id_)}
            self._free[country] = [
                id_ for id_ in self._concepts if id_ not in spoken and not spoken & set(vocabulary.broader(id_))
            ]
        return self._free[country]

    def _caption_language(self, language: str) -> str:
        return language if self._random.random() < 0.4 else "en"

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
