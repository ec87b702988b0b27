"""The shared vocabulary: what pictures and texts can show, what requests are about, and what they ask for."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, model_validator

from guard.errors import PackError
from guard.files import Strict, folder, read_as
from guard.norms.model import LANGUAGES, CountryCode, Cues, TermId


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
T = TypeVar("T")


class Vocabulary:
    """All concepts, situations and intents by id, and what points to a culture by country code.

    Raises:
        PackError: a file is missing or faulty, or a concept's `broader` is unknown or runs in a circle.
    """

    def __init__(self, directory: Path | None = None) -> None:
        directory = directory or folder("policies") / "vocabulary"
        self.concepts = _read(directory / "concepts.yaml", _TERMS)
        self.situations = _read(directory / "situations.yaml", _TERMS)
        self.intents = _read(directory / "intents.yaml", _TERMS)
        self.cultures = _read(directory / "cultures.yaml", TypeAdapter(dict[CountryCode, Cues]))
        self._broader = {id_: self._chain(id_, directory) for id_ in self.concepts}

    def _chain(self, id_: str, directory: Path) -> tuple[str, ...]:
        chain: list[str] = []
        above = self.concepts[id_].broader
        while above is not None:
            if above not in self.concepts:
                raise PackError(f"{directory / 'concepts.yaml'}: concept {id_}: broader: no concept {above!r}")
            if above == id_ or above in chain:
                raise PackError(f"{directory / 'concepts.yaml'}: concept {id_}: broader runs in a circle")
            chain.append(above)
            above = self.concepts[above].broader
        return tuple(chain)

    def broader(self, concept: str) -> tuple[str, ...]:
        """Concepts of which `concept` is a kind, nearest first."""
        return self._broader.get(concept, ())


def _read(path: Path, schema: TypeAdapter[dict[str, T]]) -> dict[str, T]:
    return read_as(path, schema, PackError)
