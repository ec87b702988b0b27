"""Which part of the data sets is for training, which for choices, and which for the final figures.

Everything is split by what it is about (a CROSS norm, a SafeWorld topic, a question's id), never by query, by a hash of
that name: the split never changes, and the training code and the benchmark cannot disagree about it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Literal

import yaml

Part = Literal["train", "dev", "test"]

LINKS = Path(__file__).with_name("links.yaml")
"""Which pack norms express which CROSS norm."""


def part_of_cross(norm: str) -> Part:
    """Part of a CROSS norm, by its id: one half is for the final figures, a quarter of the other for choices."""
    if int(norm[:6], 16) % 2 == 1:
        return "test"
    return "dev" if int(norm[6:10], 16) % 4 == 0 else "train"


def part_of(group: str) -> Part:
    """Part of a topic or question of the other sets: half of them are for the final figures, an eighth for choices."""
    number = int(hashlib.sha256(group.encode()).hexdigest()[:8], 16) % 8
    return "test" if number < 4 else "dev" if number == 4 else "train"


@cache
def read_links(path: Path = LINKS) -> dict[str, tuple[str, ...]]:
    """CROSS norm id to the ids of the pack norms that express it."""
    return {str(key): tuple(ids) for key, ids in (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).items()}


def protected_norms(links: Mapping[str, Sequence[str]]) -> frozenset[str]:
    """Pack norms that express a CROSS norm of the development or test part: no question is invented for them."""
    return frozenset(id_ for norm, ids in links.items() if part_of_cross(norm) != "train" for id_ in ids)
