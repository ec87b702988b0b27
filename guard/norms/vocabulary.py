"""The shared vocabulary: what pictures and texts can show, what requests are about, and what they ask for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import TypeAdapter, model_validator

from guard.errors import PackError
from guard.files import Strict, folder, nearest, read_as
from guard.norms.model import CountryCode, Cues, TermId
from guard.norms.speech import Places, Speech, read_speech
from guard.text.gazetteer import Name
from guard.text.languages import LANGUAGES, READ


class Term(Strict):
    """A concept, situation, act or intent with its names, in each language the usual one first.

    Names in English stand with the term; those of the other languages may stand in that language's own file.

    Attributes:
        title: what a situation, act or intent is, in a phrase; concepts have none.
        broader: the concept of which this one is a kind: what holds for clocks holds for wall clocks.
        situations: those that an act is part of.
        acts: those that a situation is made of: where a present is spoken of, one is given.
        names: language code to names; for situations, acts and intents, to words and phrases that show them.
    """

    title: str = ""
    broader: TermId | None = None
    situations: tuple[TermId, ...] = ()
    acts: tuple[TermId, ...] = ()
    names: dict[str, tuple[str, ...]]

    @model_validator(mode="before")
    @classmethod
    def _gather_names(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        rest = {key: value for key, value in data.items() if key not in READ}
        return {**rest, "names": {key: value for key, value in data.items() if key in READ}}

    @property
    def name(self) -> str:
        return self.names["en"][0]


_PLACES: TypeAdapter[dict[str, Places]] = TypeAdapter(dict[CountryCode, Places])
_TERMS: TypeAdapter[dict[str, Term]] = TypeAdapter(dict[TermId, Term])
KINDS: dict[str, TypeAdapter[Any]] = {
    "concepts": _TERMS,
    "situations": _TERMS,
    "acts": _TERMS,
    "intents": _TERMS,
    "cultures": TypeAdapter(dict[CountryCode, Cues]),
}
"""The files of a vocabulary, and what each of them holds by id."""


TERMS = ("concepts", "situations", "acts", "intents")
LANGUAGES_FOLDER, PLACES_FILE = "languages", "places.yaml"


class Vocabulary:
    """All concepts, situations, acts and intents by id, each language's words, and what points to a country.

    Raises:
        PackError: a file is missing or faulty, a concept's `broader` is unknown or runs in a circle, a language names a
            term that there is not, or one of the languages in which every word is kept lacks one.
    """

    def __init__(self, directory: Path | None = None) -> None:
        directory = directory or folder("policies") / "vocabulary"
        languages = read_speech(directory / LANGUAGES_FOLDER)
        tables = {kind: _read(directory / f"{kind}.yaml", schema) for kind, schema in KINDS.items()}
        for kind in TERMS:
            _name(tables[kind], kind, languages, directory)
        places = read_as(directory / PLACES_FILE, _PLACES, PackError)
        self._set(*tables.values(), languages, places)
        for id_, concept in self.concepts.items():
            where, seen, above = f"{directory / 'concepts.yaml'}: concept {id_}: broader", {id_}, concept.broader
            while above is not None:
                if above not in self.concepts:
                    raise PackError(f"{where}: no concept {above!r}")
                if above in seen:
                    raise PackError(f"{where} runs in a circle")
                seen.add(above)
                above = self.concepts[above].broader
        for id_, act in self.acts.items():
            if unknown := set(act.situations) - self.situations.keys():
                raise PackError(f"{directory / 'acts.yaml'}: act {id_}: no situation {sorted(unknown)[0]!r}")
        for id_, situation in self.situations.items():
            if unknown := set(situation.acts) - self.acts.keys():
                raise PackError(f"{directory / 'situations.yaml'}: situation {id_}: no act {sorted(unknown)[0]!r}")

    @classmethod
    def of(cls, *tables: Mapping[str, Any]) -> Self:
        """The vocabulary of tables that were read and found good before: those of `KINDS`, languages and places."""
        made = cls.__new__(cls)
        made._set(*tables)
        return made

    def _set(self, *tables: Mapping[str, Any]) -> None:
        self.concepts: Mapping[str, Term]
        self.situations: Mapping[str, Term]
        self.acts: Mapping[str, Term]
        self.intents: Mapping[str, Term]
        self.cultures: Mapping[str, Cues]
        self.languages: Mapping[str, Speech]
        self.places: Mapping[str, Places]
        (self.concepts, self.situations, self.acts, self.intents, self.cultures, self.languages, self.places) = tables

    def names(self) -> Iterator[tuple[str, Name]]:
        """What places and peoples are called, for a `Gazetteer`."""
        for language, speech in self.languages.items():
            yield from speech.names(language)
        for code, places in self.places.items():
            yield from places.names(code)
        for code, cues in self.cultures.items():
            yield from cues.named(code)

    def broader(self, concept: str) -> tuple[str, ...]:
        """Concepts of which `concept` is a kind, nearest first."""
        chain: list[str] = []
        while concept in self.concepts and (above := self.concepts[concept].broader) is not None:
            chain.append(above)
            concept = above
        return tuple(chain)


def _read(path: Path, schema: TypeAdapter[Any]) -> dict[str, Any]:
    found: dict[str, Any] = read_as(path, schema, PackError)
    return found


def _name(terms: Mapping[str, Term], kind: str, languages: Mapping[str, Speech], directory: Path) -> None:
    """Give `terms` the names that the languages' files have for them."""
    for language, speech in languages.items():
        where = f"{directory / LANGUAGES_FOLDER / language}.yaml: {kind}"
        for id_, names in getattr(speech, kind).items():
            if id_ not in terms:
                raise PackError(f"{where}: there is no {id_!r}{nearest(id_, terms)}")
            known = terms[id_].names
            known[language] = tuple(dict.fromkeys((*known.get(language, ()), *names)))
    for id_, term in terms.items():
        if missing := [language for language in LANGUAGES if language in languages and not term.names.get(language)]:
            raise PackError(f"{directory / kind}.yaml: {id_}: has no name in {', '.join(missing)}")
