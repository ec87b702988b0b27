"""Checking what callers hint: country codes and locales."""

from __future__ import annotations

from babel import Locale, UnknownLocaleError

from guard.errors import RequestError
from guard.evidence.places import countries


def parse_country(text: str) -> str:
    """An ISO 3166-1 alpha-2 code in upper case; raises `RequestError` if `text` is none."""
    code = text.strip().upper()
    if code not in countries():
        raise RequestError(
            f"There is no country {text[:20]!r}. Give an ISO 3166-1 alpha-2 code such as JP.",
            param="country",
            code="unknown_country",
        )
    return code


def parse_locale(text: str) -> str:
    """A BCP 47 tag ("pt-BR"); raises `RequestError` if CLDR does not know `text`."""
    try:
        return str(Locale.parse(text.strip().replace("_", "-"), sep="-")).replace("_", "-")
    except (UnknownLocaleError, ValueError) as error:
        raise RequestError(
            f"There is no locale {text[:20]!r}. Give a BCP 47 tag such as pt-BR.", param="locale", code="unknown_locale"
        ) from error
