"""The data sets of the detection benchmark, read from a folder in their own layouts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from guard.errors import NormGuardError
from guard.evidence.places import countries, country_name

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
        item: what the picture shows, or None.
    """

    norm: str
    country: str
    language: str
    query: str
    item: str | None


def norm_id(text: str) -> str:
    """Id of a CROSS norm, from its text."""
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()[:12]


def held_out(norm: str) -> bool:
    """Whether a CROSS norm is in the half that nothing may be tuned on; by its id, so that it never changes."""
    return int(norm[:6], 16) % 2 == 1


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
                CrossQuery(norm_id(text), country, language, query, item),
            )
    if not found:
        raise NormGuardError(f"{root}: no CROSS queries in data/*/*.json; name the folder of a clone of CROSS.")
    return list(found.values())


def read_benign_general(data: Path) -> list[tuple[str, bool]]:
    """General questions, each with whether it comes with a picture."""
    return [(record["query"], bool(record["has_image"])) for record in _lines(data / "benign" / "general.jsonl")]


def read_benign_cultural(data: Path) -> list[tuple[str, str | None]]:
    """SafeWorld's questions about a culture that break no norm, each with its country's code."""
    folder = data / "safeworld"
    names = ("culture-do-answer.jsonl", "policy-do-answer.jsonl")
    return [(record["query"], code_of(record["country"])) for name in names for record in _lines(folder / name)]


def _lines(path: Path) -> Iterator[dict[str, str]]:
    if not path.is_file():
        raise NormGuardError(f"{path}: no such file; --data must name the folder that holds it.")
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.strip():
                yield json.loads(line)
