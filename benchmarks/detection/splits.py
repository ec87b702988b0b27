"""Which part of the data sets is for training, which for choices, and which for the final figures.

Everything is split by what it is about (a CROSS norm, a SafeWorld topic, a question's id), never by query, by a hash of
that name: the split never changes, and the training code and the benchmark cannot disagree about it.
"""

from __future__ import annotations

import hashlib
from typing import Literal

Part = Literal["train", "dev", "test"]


def part_of_cross(norm: str) -> Part:
    """Part of a CROSS norm, by its id: one half is for the final figures, a quarter of the other for choices."""
    if int(norm[:6], 16) % 2 == 1:
        return "test"
    return "dev" if int(norm[6:10], 16) % 4 == 0 else "train"


def part_of(group: str) -> Part:
    """Part of a topic or question of the other sets: half of them are for the final figures, an eighth for choices."""
    number = int(hashlib.sha256(group.encode()).hexdigest()[:8], 16) % 8
    return "test" if number < 4 else "dev" if number == 4 else "train"
