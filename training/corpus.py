"""What the classifier is trained and measured on, and the splits that keep the two apart.

`read` gives training and development parts only; the test part is for the benchmark, and `assert_unseen` stops a
training run into which any of it has slipped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.datasets.research import code_of, read_cross, read_general, read_safeworld
from benchmarks.datasets.splits import Part, part_of, part_of_cross, read_links
from benchmarks.detection.encoder import SentenceEncoder
from guard.errors import NormGuardError
from guard.norms.library import Library

NEAR = 0.62
"""Cosine of the teacher from which a SafeWorld norm counts as one of CROSS in other words (set by looking at pairs)."""

LIKE = (0.5, 0.75)
"""Cosines of the teacher between which a pack norm goes from not expressing a SafeWorld norm to expressing it."""

SURE = 0.4
"""Weight that the best of them must reach; otherwise no pack norm is taken to express it."""


@dataclass(frozen=True, slots=True)
class Example:
    """One question and what should come of it.

    Attributes:
        query: the question, in any language.
        english: the same in English, for the teacher; the question itself where no translation is known.
        captions: what the picture shows.
        pictured: whether a picture comes with it.
        country: the country it leads to, or None.
        sensitive: 1 if an unaware answer would breach a norm, 0 if not.
        relevant: pack norm id to how well it expresses what is at stake, 0..1; None where that is not known.
        group: what it is about; what splits go by.
        source: the data set it came from.
    """

    query: str
    english: str
    captions: tuple[str, ...]
    pictured: bool
    country: str | None
    sensitive: float
    relevant: Mapping[str, float] | None
    group: str
    source: str


def read(
    data: Path, library: Library, teacher: SentenceEncoder, *, without: str | None = None
) -> dict[str, list[Example]]:
    """The training and development parts of the data sets under `data`.

    Args:
        data: folder with ``cross/``, ``safeworld/`` and ``benign/``.
        library: the norm packs.
        teacher: compares norms by meaning.
        without: country that is left out of both, to measure on it.

    Raises:
        NormGuardError: a data set is missing.
    """
    links = read_links()
    parts: dict[str, list[Example]] = {"train": [], "dev": []}
    tested: list[str] = []

    def add(part: Part, example: Example) -> None:
        if part == "test":
            tested.append(example.query)
        elif without is None or example.country != without:
            parts[part].append(example)

    for query in read_cross(data):
        relevant = dict.fromkeys(links.get(query.norm, ()), 1.0)
        shown: list[tuple[str, ...]] = [(), (query.item,)] if query.item else [()]
        for captions, pictured in [*((captions, True) for captions in shown), ((), False)]:
            example = Example(
                query.query, query.english, captions, pictured, query.country, 1.0, relevant, query.norm, "cross"
            )
            add(part_of_cross(query.norm), example)
    # Both with a picture and without: that one data set asks over pictures and another does not must teach nothing.
    for pictured in (False, True):
        for text, _, group in read_general(data):
            add(part_of(group), Example(text, text, (), pictured, None, 0.0, {}, group, "general"))
        for record in read_safeworld(data, violating=False):
            code, query_, group = code_of(record.country), record.query, record.group
            add(part_of(group), Example(query_, query_, (), pictured, code, 0.0, {}, group, "calm"))
    for example in _violating(data, library, teacher):
        add("train" if part_of(example.group) != "dev" else "dev", example)
    assert_unseen((e.query for some in parts.values() for e in some), tested)
    return parts


def assert_unseen(used: Iterable[str], tested: Iterable[str]) -> None:
    """Raise `NormGuardError` if a question of the test part is used; white space and case do not hide it."""
    keys = {" ".join(text.lower().split()) for text in tested}
    if slipped := [text for text in used if " ".join(text.lower().split()) in keys]:
        raise NormGuardError(
            f"{len(slipped)} questions of the test part are in the training data: {slipped[0][:120]!r}"
        )


def _violating(data: Path, library: Library, teacher: SentenceEncoder) -> list[Example]:
    """SafeWorld's questions that breach a norm of culture, with the pack norms that the teacher finds alike.

    Those whose norm is one of CROSS's development or test part in other words are left out.
    """
    kept_apart: dict[str, list[str]] = {}
    for query in read_cross(data):
        if part_of_cross(query.norm) != "train":
            kept_apart.setdefault(query.country, []).append(query.norm_text)
    found: list[Example] = []
    for record in read_safeworld(data, violating=True):
        code = code_of(record.country)
        if code is None or not library.of_country(code):
            continue
        if not record.norm:
            found.append(Example(record.query, record.query, (), False, code, 1.0, None, record.group, "violating"))
            continue
        meant = teacher.encode([record.norm])[0]
        apart = kept_apart.get(code)
        if apart and float((teacher.encode(list(dict.fromkeys(apart))) @ meant).max()) >= NEAR:
            continue
        norms = library.of_country(code)
        likeness = teacher.encode([f"{norm.title}. {norm.expectation}" for norm in norms]) @ meant
        weights = np.clip((likeness - LIKE[0]) / (LIKE[1] - LIKE[0]), 0.0, 1.0)
        relevant = {norm.id: float(w) for norm, w in zip(norms, weights, strict=True) if w > 0}
        expressed = bool(relevant) and max(relevant.values()) >= SURE
        found.append(
            Example(
                record.query,
                record.query,
                (),
                False,
                code,
                1.0,
                relevant if expressed else None,
                record.group,
                "violating",
            )
        )
    return found
