"""What a caller asks of the guard: ``x-normguard-*`` headers, and ``extra_body.normguard``, which wins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from guard.errors import RequestError
from guard.hints import parse_country, parse_locale
from guard.types import Hints

FIELD = "normguard"


class Extra(BaseModel):
    """The body's field ``normguard``: hints, captions and policy."""

    model_config = ConfigDict(extra="forbid")

    country: str | None = None
    locale: str | None = None
    policy: str | None = None
    captions: Annotated[list[str], Field(max_length=64)] = []
    location: tuple[Annotated[float, Field(ge=-90, le=90)], Annotated[float, Field(ge=-180, le=180)]] | None = None


_NOTHING = Extra()


@dataclass(frozen=True, slots=True)
class Asked:
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


def read_asked(headers: Mapping[str, str], body: Mapping[str, Any]) -> Asked:
    """Read the headers and the body's field.

    Raises:
        RequestError: a country, locale or field of ours cannot be used; `param` names it.
    """
    plain = FIELD not in body
    try:
        extra = _NOTHING if plain else Extra.model_validate(body[FIELD])
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        where = ".".join(map(str, (FIELD, *fault["loc"])))
        raise RequestError(f"{where}: {fault['msg']}.", param=where, code="invalid_normguard_field") from error
    country = headers.get("x-normguard-country") or None
    locale = headers.get("x-normguard-locale") or None
    hints = hints_of(extra, country=country, locale=locale)
    return Asked(hints, extra.policy or headers.get("x-normguard-policy") or None, plain)


def hints_of(extra: Extra, *, country: str | None = None, locale: str | None = None) -> Hints:
    """The hints of the body's field, and where it gives none `country` and `locale`; raises `RequestError`."""
    country, locale = extra.country or country, extra.locale or locale
    return Hints(
        country=parse_country(country) if country else None,
        locale=parse_locale(locale) if locale else None,
        location=extra.location,
        captions=tuple(extra.captions),
    )
