"""What a caller asks of the guard: ``x-normguard-*`` headers, and ``extra_body.normguard``, which wins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import Field, ValidationError

from guard.errors import RequestError
from guard.files import Strict, told
from guard.types import Hints

FIELD = "normguard"


class Extra(Strict):
    """The body's field ``normguard``: hints, captions and policy."""

    country: str | None = None
    locale: str | None = None
    policy: str | None = None
    captions: Annotated[list[str], Field(max_length=64)] = []
    location: tuple[Annotated[float, Field(ge=-90, le=90)], Annotated[float, Field(ge=-180, le=180)]] | None = None


_NOTHING = Extra()

E = TypeVar("E", bound=Extra)


@dataclass(frozen=True, slots=True)
class RequestOptions:
    """Hints and policy that the caller names.

    Attributes:
        plain: whether the body carries no field of ours, so that it may be sent on byte for byte.
    """

    hints: Hints
    policy: str | None
    plain: bool

    def stripped(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The body without our field, which no upstream knows."""
        return {name: value for name, value in body.items() if name != FIELD}


def read_options(headers: Mapping[str, str], body: Any) -> RequestOptions:
    """Read the headers and the body's field; a body that is no mapping has no fields.

    Raises:
        RequestError: a country, locale or field of ours cannot be used; `param` names it.
    """
    plain = not (isinstance(body, Mapping) and FIELD in body)
    extra = _NOTHING if plain else read_extra(body[FIELD], FIELD)
    country = headers.get("x-normguard-country") or None
    locale = headers.get("x-normguard-locale") or None
    hints = hints_of(extra, country=country, locale=locale)
    return RequestOptions(hints, extra.policy or headers.get("x-normguard-policy") or None, plain)


def read_extra(given: Any, *at: str, kind: type[E] = Extra) -> E:  # type: ignore[assignment]
    """What was given at `at`, as a `kind` of `Extra`; raises `RequestError` whose `param` names the field at fault."""
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        where = (*at, *fault["loc"])
        raise RequestError(
            f"{told(where, fault, kind)}.", param=".".join(map(str, where)), code="invalid_normguard_field"
        ) from error


def hints_of(extra: Extra, *, country: str | None = None, locale: str | None = None) -> Hints:
    """The hints of the body's field, and where it gives none `country` and `locale`; raises `RequestError`."""
    country, locale = extra.country or country, extra.locale or locale
    return Hints(
        country=parse_country(country) if country else None,
        locale=parse_locale(locale) if locale else None,
        location=extra.location,
        captions=tuple(extra.captions),
    )


def parse_country(text: str) -> str:
    """An ISO 3166-1 alpha-2 code in upper case; raises `RequestError` if `text` is none."""
    from guard.text.places import countries, country_named  # names and maps: much to read for who names no country

    code = text.strip().upper()
    if code not in countries():
        meant = country_named(text)
        raise RequestError(
            f"There is no country {text[:20]!r}. Give an ISO 3166-1 alpha-2 code such as JP"
            f"{f'; did you mean {meant}?' if meant else '.'}",
            param="country",
            code="unknown_country",
        )
    return code


def parse_locale(text: str) -> str:
    """A BCP 47 tag ("pt-BR"); raises `RequestError` if CLDR does not know `text`."""
    from babel import Locale, UnknownLocaleError  # as above

    try:
        return str(Locale.parse(text.strip().replace("_", "-"), sep="-")).replace("_", "-")
    except (UnknownLocaleError, ValueError) as error:
        raise RequestError(
            f"There is no locale {text[:20]!r}. Give a BCP 47 tag such as pt-BR.", param="locale", code="unknown_locale"
        ) from error
