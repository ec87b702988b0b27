"""Countries and cities: their names in many languages, and the country of a point on the map.

Everything comes from ``places.npz``, which `training.places` makes of CLDR and GeoNames (CC BY 4.0).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from pydantic_core import from_json

from guard.text.languages import LANGUAGES
from guard.text.words import fold

FILE = Path(__file__).with_name("places.npz")

# CLDR has no short forms; two-letter ISO codes are too often words to be taken as names.
ABBREVIATIONS = {
    "USA": "US",
    "U.S": "US",
    "UK": "GB",
    "U.K": "GB",
    "UAE": "AE",
    "PRC": "CN",
    "DRC": "CD",
    "D.R.C": "CD",
}
_FARTHEST_KM = 150.0
_EARTH_KM = 6371.0


def countries() -> frozenset[str]:
    """ISO 3166-1 alpha-2 codes in use, upper case."""
    return frozenset(_names()["en"])


def country_name(code: str, language: str = "en") -> str:
    """The usual name of a country in one of the supported languages; the code itself where there is no such country."""
    return _names()[language].get(code, code)


def country_named(name: str) -> str | None:
    """The code of the country that goes by `name` in some language, or by one near to it in English; else None."""
    meant, known = fold(name.strip()), {fold(short): code for short, code in ABBREVIATIONS.items()}
    for language in reversed(LANGUAGES):  # English counts last, so that it has the last word
        for code in countries():
            known |= {fold(variant): code for variant in variants(country_name(code, language))}
    near = known.keys() & {meant} or get_close_matches(meant, known, n=1, cutoff=0.8)
    return next((known[one] for one in near), None)


def variants(name: str) -> Iterator[str]:
    """ "Myanmar (Burma)" is known by both names, "Côte d’Ivoire" with either apostrophe."""
    main, _, rest = name.partition("(")
    for part in (main, rest.rstrip(") ")):
        if part := part.strip():
            yield part
            for prefix in ("République du ", "the "):
                if part.startswith(prefix):
                    yield part.removeprefix(prefix)


def names_of_places() -> bytes:
    """What countries, the currencies that only one country uses, regions and cities are called, for a `Gazetteer`."""
    with np.load(FILE) as stored:
        return bytes(stored["names"].tobytes())


@cache
def _names() -> dict[str, dict[str, str]]:
    names: dict[str, dict[str, str]] = _read("countries")
    return names


def _read(part: str) -> Any:
    with np.load(FILE) as stored:
        return from_json(stored[part].tobytes())


@dataclass(frozen=True, slots=True)
class _Map:
    points: np.ndarray[Any, np.dtype[np.float32]]
    codes: np.ndarray[Any, np.dtype[np.bytes_]]


@cache
def _map() -> _Map:
    with np.load(FILE) as stored:
        return _Map(_unit(stored["points"] / 1e5).astype(np.float32), stored["codes"])


def _unit(degrees: Any) -> Any:
    latitude, longitude = np.radians(degrees).T
    return np.stack(
        [np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)], axis=-1
    )


def country_at(latitude: float, longitude: float) -> str | None:
    """Country of the nearest city to a point in degrees (WGS 84), or None farther than 150 km from any.

    Near a border the nearest city may lie on the other side; treat the answer as evidence, not as fact.
    """
    here = _unit(np.array([[latitude, longitude]]))[0].astype(np.float32)
    closeness = _map().points @ here
    nearest = int(closeness.argmax())
    if float(np.arccos(min(1.0, float(closeness[nearest])))) * _EARTH_KM > _FARTHEST_KM:
        return None
    return bytes(_map().codes[nearest]).decode()
