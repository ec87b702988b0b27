"""The data sets of the detection benchmark, read from a folder in their own layouts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from guard.errors import NormGuardError
from guard.text.places import countries, country_name

_LANGUAGES = {
    "Mandarin Chinese": "Mandarin",  # the data has both
}
_OTHER_NAMES = {"Saudi_Arabia": "SA", "U.K.": "GB", "U.S.": "US", "D.R.C.": "CD", "Ivory_Coast": "CI", "Turkey": "TR"}
_OTHER_NAMES |= {"South_Korea": "KR", "South_Africa": "ZA", "Ivory Coast": "CI", "Myanmar": "MM"}


@dataclass(frozen=True, slots=True)
class CrossQuery:
    """One CROSS query.

    Attributes:
        norm: id of the CROSS norm: first 12 hex digits of the SHA-256 of its text, white space collapsed.
        country: ISO 3166-1 alpha-2 code.
        language: English name of the query's language.
        query: what the user asks.
        english: the same in English.
        item: what the picture shows, or None.
    """

    norm: str
    country: str
    language: str
    query: str
    english: str
    item: str | None


def norm_id(text: str) -> str:
    """Id of a CROSS norm, from its text."""
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()[:12]


def code_of(country: str) -> str | None:
    """ISO code of a country as the data sets write it, or None for a list of several."""
    names = {country_name(code): code for code in countries()}
    return _OTHER_NAMES.get(country) or names.get(country.replace("_", " "))


def read_cross(data: Path) -> list[CrossQuery]:
    """All CROSS queries under ``data/cross`` or in a clone of CROSS, duplicates left out.

    Raises:
        NormGuardError: there are none; the message says where they were looked for.
    """
    found: dict[tuple[str, ...], CrossQuery] = {}
    root = data / "cross" if (data / "cross").is_dir() else data
    for path in sorted(root.glob("data/*/*.json")):
        for record in json.loads(path.read_text(encoding="utf-8")):
            text = record.get("violated_norm") or record.get("violated_specific_norm")
            country = code_of(record.get("country") or record["index"].rsplit("_", 1)[0])
            if not text or country is None:
                continue
            language = record.get("language", "English").strip().rstrip(".")
            language = _LANGUAGES.get(language, language)
            query = record.get("translated_query") or record["query"]
            item = (record.get("item") or "").strip() or None
            found.setdefault(
                (language, query, record.get("file_name", "")),
                CrossQuery(norm_id(text), country, language, query, record["query"], item),
            )
    if not found:
        raise NormGuardError(f"{root}: no CROSS queries in data/*/*.json; name the folder of a clone of CROSS.")
    return list(found.values())


@dataclass(frozen=True, slots=True)
class SafeWorldQuery:
    """One SafeWorld query: its country as the data writes it, the norm it breaches (or ""), and its topic."""

    query: str
    country: str
    norm: str
    group: str


def read_general(data: Path) -> list[tuple[str, bool, str]]:
    """General questions, each with whether it comes with a picture, and what it asks (some are asked twice)."""
    records = _lines(data / "benign" / "general.jsonl")
    return [
        (record["query"], bool(record["has_image"]), " ".join(record["query"].lower().split())) for record in records
    ]


def read_safeworld(data: Path, *, violating: bool) -> list[SafeWorldQuery]:
    """SafeWorld's questions: those that breach a norm of culture, or those about culture or law that breach none."""
    names = ("culture-specific-answer", "culture-comprehensive-answer", "culture-refuse-to-answer")
    if not violating:
        names = ("culture-do-answer", "policy-do-answer")
    found: list[SafeWorldQuery] = []
    for name in names:
        for record in _lines(data / "safeworld" / f"{name}.jsonl"):
            norm = record.get("violated_specific_norm") or ""
            topic = "_".join(record["index"].split("_")[:-1]) if "index" in record else ""
            group = f"{record['country']}: {record.get('topic') or topic or record['query']}"
            found.append(SafeWorldQuery(record["query"], record["country"], norm, group))
    return found


def _lines(path: Path) -> Iterator[dict[str, str]]:
    if not path.is_file():
        raise NormGuardError(f"{path}: no such file; --data must name the folder that holds it.")
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.strip():
                yield json.loads(line)
