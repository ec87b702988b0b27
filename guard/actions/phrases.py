"""What the guard itself says to people, in their language."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache
from pathlib import Path

import yaml

from guard.norms.model import Norm
from guard.norms.wording import places_of, sentence

_FILE = Path(__file__).with_suffix(".yaml")
FALLBACK = "en"


def phrase(name: str, language: str | None) -> str:
    """A phrase in `language` (ISO 639-1), in English where we do not have it."""
    phrases = _phrases()
    return phrases.get(language or FALLBACK, phrases[FALLBACK])[name]


def languages() -> tuple[str, ...]:
    """The languages that there are phrases in."""
    return tuple(_phrases())


def places(norms: Sequence[Norm], language: str | None, asked: Collection[str] = ()) -> str:
    """The norms' countries, of those `asked` where one holds in several, named in `language`."""
    from guard.text.places import country_name  # as in advise

    chosen = language if language in _phrases() else None
    return ", ".join(country_name(code, chosen or FALLBACK) for code in places_of(norms, asked))


def tell(norm: Norm, language: str | None) -> str:
    """A norm for people: what is expected, why, what to do instead."""
    return f"{sentence(norm.title)} {sentence(norm.why)} {phrase('instead', language)} {sentence(norm.instead)}"


@cache
def _phrases() -> dict[str, dict[str, str]]:
    read: dict[str, dict[str, str]] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return read
