"""How a norm is put into words: for the classifier, whose vectors are of just these texts, and for sentences."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from guard.norms.model import Norm
from guard.norms.vocabulary import Vocabulary


def meaning_of(norm: Norm) -> str:
    """What a norm says, as one text."""
    return f"{norm.title}. {norm.expectation} {norm.breach}"


def things_of(norm: Norm, vocabulary: Vocabulary) -> str:
    """What a norm can be seen in and named by, as one text."""
    return ", ".join([*(vocabulary.concepts[id_].name for id_ in norm.visual), *norm.terms]) or norm.title


def places_of(norms: Iterable[Norm], asked: Collection[str] = ()) -> list[str]:
    """Codes of the countries whose norms these are: where one holds in several, the first in question of them."""

    def place(norm: Norm) -> str:
        return next((code for code in asked if code in norm.countries), norm.countries[0])

    return list(dict.fromkeys(map(place, norms)))


def sentence(text: str) -> str:
    """A field of a norm, which may end in a full stop or not, with one."""
    return f"{text.rstrip('.')}."
