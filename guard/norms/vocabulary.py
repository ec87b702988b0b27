"""The shared vocabulary: what pictures and texts can show, what requests are about, and what they ask for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import TypeAdapter, model_validator

from guard.errors import PackError
from guard.files import Strict, folder, read_as
from guard.norms.model import CountryCode, Cues, TermId
from guard.text.languages import LANGUAGES


class Term(Strict):
    """A concept, situation or intent with its names in every supported language, the usual one first.

    Attributes:
        title: what a situation or intent is, in a phrase; concepts have none.
        broader: the concept of which this one is a kind: what holds for clocks holds for wall clocks.
        names: language code to names; for situations and intents, to words and phrases that show them.
    """

    title: str = ""
    broader: TermId | None = None
    names: dict[str, tuple[str, ...]]

    @model_validator(mode="before")
    @classmethod
    def _gather_names(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        rest = {key: value for key, value in data.items() if key not in LANGUAGES}
        return {**rest, "names": {key: value for key, value in data.items() if key in LANGUAGES}}

    @model_validator(mode="after")
    def _all_languages(self) -> Term:
        if missing := [language for language in LANGUAGES if not self.names.get(language)]:
            raise ValueError(f"has no name in {', '.join(missing)}")
        return self

    @property
    def name(self) -> str:
        return self.names["en"][0]


_TERMS: TypeAdapter[dict[str, Term]] = TypeAdapter(dict[TermId, Term])
KINDS: dict[str, TypeAdapter[Any]] = {
    "concepts": _TERMS,
    "situations": _TERMS,
    "intents": _TERMS,
    "cultures": TypeAdapter(dict[CountryCode, Cues]),
}
"""The files of a vocabulary, and what each of them holds by id."""


class Vocabulary:
    """All concepts, situations and intents by id, and what points to a culture by country code.

    Raises:
        PackError: a file is missing or faulty, or a concept's `broader` is unknown or runs in a circle.
    """

    def __init__(self, directory: Path | None = None) -> None:
        directory = directory or folder("policies") / "vocabulary"
        self._set(*(_read(directory / f"{kind}.yaml", schema) for kind, schema in KINDS.items()))
        for id_, concept in self.concepts.items():
            where, seen, above = f"{directory / 'concepts.yaml'}: concept {id_}: broader", {id_}, concept.broader
            while above is not None:
                if above not in self.concepts:
                    raise PackError(f"{where}: no concept {above!r}")
                if above in seen:
                    raise PackError(f"{where} runs in a circle")
                seen.add(above)
                above = self.concepts[above].broader

    @classmethod
    def of(cls, *tables: Mapping[str, Any]) -> Self:
        """The vocabulary of tables that were read and found good before, in the order of `KINDS`."""
        made = cls.__new__(cls)
        made._set(*tables)
        return made

    def _set(self, *tables: Mapping[str, Any]) -> None:
        self.concepts: Mapping[str, Term]
        self.situations: Mapping[str, Term]
        self.intents: Mapping[str, Term]
        self.cultures: Mapping[str, Cues]
        self.concepts, self.situations, self.intents, self.cultures = tables

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
