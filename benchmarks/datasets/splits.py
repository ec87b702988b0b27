"""Which part of the data sets is for training, which for choices, and which for the final figures.

Everything is split by what it is about (a CROSS norm, a SafeWorld topic, a question's id), never by query, by a hash of
that name: the split never changes, and the training code and the benchmark cannot disagree about it. Scenarios are
split by what they are about and by who wrote them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Literal

import yaml

from guard.errors import NormGuardError
from guard.scenarios.files import read_all
from guard.scenarios.model import Scenario

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


WRITERS: Mapping[str, Part] = {"w6": "test", "w12": "test", "w17": "test", "w33": "test", "w3": "dev", "w20": "dev"}
"""Writers of scenarios that no model learns from."""


@cache
def part_of_norm(id_: str) -> Part:
    """Part of a pack norm: 15 % are for final figures, and those that express a CROSS norm that is; 5 % for choices."""
    if id_ in _of_cross()["test"]:
        return "test"
    number = int(hashlib.sha256(id_.encode()).hexdigest()[:8], 16) % 20
    return "test" if number < 3 else "dev" if number == 3 or id_ in _of_cross()["dev"] else "train"


def part_of_scenario(one: Scenario) -> Part:
    """Part of a scenario: that of its writer or of any norm that it names, whichever is furthest from training."""
    parts = {WRITERS.get(one.writer, "train"), *map(part_of_norm, one.norms)}
    return "test" if "test" in parts else "dev" if "dev" in parts else "train"


def scenarios(part: Part, every: Iterable[Scenario] | None = None) -> list[Scenario]:
    """The scenarios of one part, of `every` or of those that come with NormGuard."""
    return [one for one in (read_all() if every is None else every) if part_of_scenario(one) == part]


def assert_unseen(learnt: Iterable[Scenario]) -> None:
    """Hold what a model is about to learn from against the split.

    Raises:
        NormGuardError: some of it is not for training.
    """
    if wrong := [one.id for one in learnt if part_of_scenario(one) != "train"]:
        raise NormGuardError(f"{len(wrong)} scenarios are not for training ({', '.join(wrong[:3])} …).")


@cache
def _of_cross() -> Mapping[Part, frozenset[str]]:
    links = read_links()
    of: dict[Part, frozenset[str]] = {}
    for part in ("train", "dev", "test"):
        of[part] = frozenset(id_ for norm, ids in links.items() if part_of_cross(norm) == part for id_ in ids)
    return of
