"""What is wrong with a set of norm packs, beyond what their schema already forbids."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any, Protocol

from guard.errors import PackError
from guard.files import folder, read_yaml
from guard.norms.hazards import gaps, read_hazards
from guard.norms.library import Library
from guard.norms.model import Kind, Norm
from guard.text.everyday import everyday
from guard.text.languages import READ, bits
from guard.text.words import fold, stems, words
from guard.types import Exchange, Findings

NEAR_DUPLICATE = 0.6
SHARED_WORDS = 9
SENT = 8
_GRACE = timedelta(days=365)


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One fault: the norm (or pack) that has it, the field, and what is wrong."""

    where: str
    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.field}: {self.message}"


class _Scores(Protocol):
    @property
    def relevance(self) -> Sequence[float]: ...


Scorer = Callable[[Exchange, Findings, Sequence[Norm]], _Scores]
"""What ranks candidates, for a request and what was found in it."""


def lint(library: Library, scorer: Scorer, *, data: Path | None = None) -> list[Fault]:
    """All faults of `library`, in order.

    Args:
        library: the packs and the vocabulary.
        scorer: what ranks norms at run time, to find those that it would never send.
        data: folder of benchmark data; no sentence of it may stand in a pack.
    """
    checks: list[Callable[[], Iterable[Fault]]] = [
        lambda: _vocabulary(library),
        lambda: _sources(library),
        lambda: _duplicates(library),
        lambda: _unreachable(library, scorer),
        lambda: _everyday(library),
        lambda: _laws(library),
        lambda: _hazards(library),
    ]
    if data is not None:
        checks.append(lambda: _copied(library, data))
    return sorted(fault for check in checks for fault in check())


def _vocabulary(library: Library) -> Iterator[Fault]:
    for norm in library.norms.values():
        for field, ids, known in (
            ("situations", norm.situations, library.vocabulary.situations),
            ("visual", norm.visual, library.vocabulary.concepts),
        ):
            for id_ in ids:
                if id_ not in known:
                    yield Fault(norm.id, field, f"{id_!r} is not in the vocabulary")
            if len(set(ids)) != len(ids):
                yield Fault(norm.id, field, "names the same thing twice")


def _sources(library: Library) -> Iterator[Fault]:
    for norm in library.norms.values():
        urls = [str(source.url) for source in norm.sources]
        if len(set(urls)) != len(urls):
            yield Fault(norm.id, "sources", "the same page is cited twice")
        for source in norm.sources:
            host = source.url.host or ""
            if source.kind and any(host == one or host.endswith(f".{one}") for one in REFUSED):
                yield Fault(norm.id, "sources", f"{host} is a mirror or a content farm: cite what it copied")
            if "." not in host or host.endswith((".example", ".invalid", ".test", ".local")):
                yield Fault(norm.id, "sources", f"{source.url} cannot be a public page")


REFUSED = (
    "birthday-press.com",
    "cardozapub.com",
    "cloudfront.net",
    "docest.com",
    "grokipedia.com",
    "legalclarity.org",
    "lfasc.com",
    "pages.dev",
    "shecodes.io",
    "toplist.info",
    "what-when-how.com",
    "youthvillage.co.za",
)
"""Hosts of mirrors, content farms and machine-made pages: no source of a norm of the second edition."""


def _laws(library: Library) -> Iterator[Fault]:
    """Laws that nobody read again for a year after it was due, and norms that rest on one and are not called so."""
    for norm in library.norms.values():
        if norm.law and norm.law.expires and norm.law.expires + _GRACE < date.today():
            yield Fault(norm.id, "law", f"was to be read again by {norm.law.expires}, more than a year ago")
        if norm.law and norm.law.instrument and norm.kind is not Kind.LAW:
            yield Fault(norm.id, "kind", "has a law behind it and is not called one")


def _hazards(library: Library) -> Iterator[Fault]:
    for code, table in read_hazards().items():
        if code in library.packs:
            for hazard, wrong in gaps(table, library.norms):
                yield Fault(f"{code} hazards", hazard, wrong)


ACCEPTED = "homographs.yaml"
"""File of the vocabulary with the names that are everyday words somewhere and were looked at: country code to names."""


def _everyday(library: Library) -> Iterator[Fault]:
    """Names that point to a country and are words of everyday speech in a language that is not spoken there.

    They would not be read in texts of that language unless they are written as names are, or be taken for what they are
    not: a longer form serves better.
    """
    accepted = read_yaml(folder("policies") / "vocabulary" / ACCEPTED, PackError) or {}
    homes: dict[str, list[str]] = {}
    for language, speech in library.vocabulary.languages.items():
        for country in speech.countries:
            homes.setdefault(country, []).append(language)
    for code, pack in library.packs.items():
        named = [(code, f"cues.{kind}", language, name) for kind, language, name in pack.cues.each()]
        named += [(norm.id, "terms", "any", term) for norm in pack.norms for term in norm.terms]
        known = set(map(str, accepted.get(code) or ()))
        for where, field, language, name in named:
            spoken = everyday(name.lower()) & (bits([language]) if language != "any" else ~bits(homes.get(code, ())))
            if spoken and len(words(fold(name))) == 1 and name not in known:
                clashing = ", ".join(one for one in READ if spoken & bits([one]))
                yield Fault(where, field, f"{name!r} is a word of everyday speech ({clashing}); write a longer form")


def _duplicates(library: Library) -> Iterator[Fault]:
    for pack in library.packs.values():
        bags = {norm.id: set(stems(f"{norm.title} {norm.expectation}", "en")) for norm in pack.norms}
        for one, other in combinations(pack.norms, 2):
            a, b = bags[one.id], bags[other.id]
            if len(a & b) >= NEAR_DUPLICATE * len(a | b):
                yield Fault(one.id, "expectation", f"says nearly the same as {other.id}")


def _unreachable(library: Library, scorer: Scorer) -> Iterator[Fault]:
    """Norms outranked by eight others even by the request that is made for them."""
    for norm in library.norms.values():
        candidates = library.of_country(norm.countries[0])
        scores = scorer(Exchange.of(norm.title), ideal_request(norm), candidates).relevance
        own = scores[next(i for i, candidate in enumerate(candidates) if candidate.id == norm.id)]
        better = sum(score > own for score in scores)
        if better >= SENT:
            yield Fault(norm.id, "visual", f"{better} other norms outrank it even where it applies exactly")


def ideal_request(norm: Norm) -> Findings:
    """The findings of a request to which `norm` applies exactly: its country, first situation, first concept shown."""
    return Findings(
        language="en",
        cultures={norm.countries[0]: 0.95},
        sources={norm.countries[0]: "text"},
        situations={norm.situations[0]: 0.9},
        shown=dict.fromkeys(norm.visual[:1], 0.9),
    )


def _copied(library: Library, data: Path) -> Iterator[Fault]:
    shingles: defaultdict[tuple[str, ...], str] = defaultdict(str)
    for norm in library.norms.values():
        for field in ("title", "expectation", "breach", "why", "instead"):
            for shingle in _shingles(getattr(norm, field)):
                shingles[shingle] = f"{norm.id} {field}"
    reported: set[str] = set()
    for text in _strings(data):
        for shingle in _shingles(text):
            if (where := shingles.get(shingle)) and where not in reported:
                reported.add(where)
                id_, field = where.split()
                yield Fault(id_, field, f"shares {SHARED_WORDS} words in a row with the data: {' '.join(shingle)!r}")


def _shingles(text: str) -> Iterator[tuple[str, ...]]:
    parts = words(fold(text))
    return zip(*(parts[i:] for i in range(SHARED_WORDS)), strict=False)


def _strings(data: Path) -> Iterator[str]:
    for path in sorted(data.rglob("*.json*")):
        text = path.read_text(encoding="utf-8")
        documents: Sequence[Any] = (
            [json.loads(line) for line in text.splitlines() if line.strip()]
            if path.suffix == ".jsonl"
            else [json.loads(text)]
        )
        for document in documents:
            yield from _leaves(document)


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from re.split(r"(?<=[.!?])\s", value)
    elif isinstance(value, dict):
        for part in value.values():
            yield from _leaves(part)
    elif isinstance(value, list):
        for part in value:
            yield from _leaves(part)
