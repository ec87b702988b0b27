"""The research data sets, read from a folder in their own layouts."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.datasets.files import json_lines, json_list
from guard.errors import NormGuardError
from guard.text.places import countries, country_name

REPOSITORY = "https://github.com/haoyiq114/CROSS"
SUBSETS = ("casa", "safeworld")
SETTINGS = ("english", "multilingual")

_LANGUAGES = {"mandarin chinese": "Mandarin", "farsi": "Persian"}  # the data has both
_OTHER_NAMES = {"Saudi_Arabia": "SA", "U.K.": "GB", "U.S.": "US", "D.R.C.": "CD", "Ivory_Coast": "CI", "Turkey": "TR"}
_OTHER_NAMES |= {"South_Korea": "KR", "South_Africa": "ZA", "Ivory Coast": "CI", "Myanmar": "MM"}


@dataclass(frozen=True, slots=True)
class CrossQuery:
    """One CROSS query.

    Attributes:
        norm: id of the CROSS norm: first 12 hex digits of the SHA-256 of its text, white space collapsed.
        norm_text: the norm, in English.
        country: ISO 3166-1 alpha-2 code.
        language: English name of the query's language.
        query: what the user asks.
        english: the same in English.
        item: what the picture shows, or None.
        image: address of the picture, or None.
        subset, setting: where in CROSS it stands (`SUBSETS`, `SETTINGS`).
        record: as it was read.
    """

    norm: str
    norm_text: str
    country: str
    language: str
    query: str
    english: str
    item: str | None
    image: str | None
    subset: str
    setting: str
    record: Mapping[str, Any]


def norm_id(text: str) -> str:
    """Id of a CROSS norm, from its text."""
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()[:12]


def code_of(country: str) -> str | None:
    """ISO code of a country as the data sets write it, or None for a list of several."""
    names = {country_name(code): code for code in countries()}
    return _OTHER_NAMES.get(country) or names.get(country.replace("_", " "))


def language_name(text: str) -> str:
    """A language as we call it, from how the data sets write it."""
    plain = text.strip().rstrip(".")
    return _LANGUAGES.get(plain.lower(), plain)


def read_cross(data: Path, subsets: Sequence[str] = SUBSETS) -> list[CrossQuery]:
    """All CROSS queries under ``data/cross`` or in a clone of CROSS, each once.

    Queries that the files repeat word for word over the same picture in the same language are one.

    Raises:
        NormGuardError: `data` is no clone, or an incomplete one, or a file or record cannot be read.
    """
    root = data / "cross" if (data / "cross").is_dir() else data
    paths = {
        (subset, setting): root / "data" / subset / f"{setting}.json" for subset in subsets for setting in SETTINGS
    }
    missing = [str(path.relative_to(root)) for path in paths.values() if not path.is_file()]
    if len(missing) == len(paths):
        raise NormGuardError(
            f"{root} is no clone of CROSS: there is no {missing[0]} in it, and so no CROSS queries. "
            f"git clone {REPOSITORY}"
        )
    if missing:
        raise NormGuardError(
            f"{root} is not complete: {', '.join(missing)} missing. Clone it anew, or choose --subset."
        )
    found: dict[tuple[str, str, str], CrossQuery] = {}
    for (subset, setting), path in paths.items():
        for position, record in enumerate(json_list(path), start=1):
            query = cross_query(record, f"{path}, record {position}", subset, setting)
            found.setdefault((query.language, query.query, query.image or ""), query)
    return list(found.values())


def cross_query(record: Any, where: str, subset: str | None = None, setting: str | None = None) -> CrossQuery:
    """One record in CROSS's layout, which shows subset and setting where they are not given.

    Raises:
        NormGuardError: it is none; the message begins with `where`.
    """
    if not isinstance(record, dict):
        raise NormGuardError(f"{where}: an object is expected.")
    norm = record.get("violated_norm") or record.get("violated_specific_norm")
    query = record.get("translated_query") or record.get("query")
    for name, value in (("index", record.get("index")), ("violated_norm", norm), ("query", query)):
        if not isinstance(value, str) or not value.strip():
            raise NormGuardError(f"{where}: '{name}' is missing; is this CROSS's layout?")
    place = record.get("country") or record["index"].rsplit("_", 1)[0]
    country = code_of(place)
    if country is None:
        raise NormGuardError(f"{where}: {place!r} is no country that is known.")
    return CrossQuery(
        norm=norm_id(str(norm)),
        norm_text=str(norm),
        country=country,
        language=language_name(record.get("language") or "English"),
        query=str(query),
        english=record.get("query") or str(query),
        item=(record.get("item") or "").strip() or None,
        image=record.get("file_name") or None,
        subset=subset or ("safeworld" if "violated_specific_norm" in record else "casa"),
        setting=setting or ("multilingual" if "translated_query" in record else "english"),
        record=record,
    )


@dataclass(frozen=True, slots=True)
class SafeWorldQuery:
    """One SafeWorld query: its country as the data writes it, the norm it breaches (or ""), and its topic."""

    query: str
    country: str
    norm: str
    group: str


def read_general(data: Path) -> list[tuple[str, bool, str]]:
    """General questions, each with whether it comes with a picture, and what it asks (some are asked twice)."""
    records = json_lines(data / "benign" / "general.jsonl")
    return [
        (record["query"], bool(record["has_image"]), " ".join(record["query"].lower().split())) for _, record in records
    ]


def read_safeworld(data: Path, *, violating: bool) -> list[SafeWorldQuery]:
    """SafeWorld's questions: those that breach a norm of culture, or those about culture or law that breach none."""
    names: tuple[str, ...] = ("culture-specific-answer", "culture-comprehensive-answer", "culture-refuse-to-answer")
    if not violating:
        names = ("culture-do-answer", "policy-do-answer")
    found: list[SafeWorldQuery] = []
    for name in names:
        for _, record in json_lines(data / "safeworld" / f"{name}.jsonl"):
            norm = record.get("violated_specific_norm") or ""
            topic = "_".join(record["index"].split("_")[:-1]) if "index" in record else ""
            group = f"{record['country']}: {record.get('topic') or topic or record['query']}"
            found.append(SafeWorldQuery(record["query"], record["country"], norm, group))
    return found
