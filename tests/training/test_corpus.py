"""What is read for training, and what must never be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pytest

from benchmarks.datasets.research import read_cross, read_general, read_safeworld
from benchmarks.datasets.splits import part_of, part_of_cross
from benchmarks.detection.encoder import SentenceEncoder
from guard import Guard
from guard.errors import NormGuardError
from tests.conftest import needs_data
from tests.paths import SHARED
from training.corpus import assert_unseen, read


class Guessing:
    """A teacher without weights: the same text lies at the same place, and no two are near."""

    def encode(self, texts: Sequence[str]) -> Any:
        rows = [np.random.default_rng(abs(hash(text)) % 2**32).normal(size=384) for text in texts]
        return np.stack([row / np.linalg.norm(row) for row in rows]).astype(np.float32)


def test_a_slipped_question_ends_the_run_however_it_is_written() -> None:
    assert_unseen(["a question"], ["another"])
    with pytest.raises(NormGuardError, match="1 questions of the test part"):
        assert_unseen(["Which  of\nTHESE?", "x"], ["which of these?"])


@needs_data
def test_nothing_of_the_test_part_is_read_for_training(guard: Guard) -> None:
    parts = read(SHARED, guard.library, cast(SentenceEncoder, Guessing()))
    tested = {q.query for q in read_cross(SHARED) if part_of_cross(q.norm) == "test"}
    tested |= {q.query for q in read_safeworld(SHARED, violating=False) if part_of(q.group) == "test"}
    tested |= {query for query, _, group in read_general(SHARED) if part_of(group) == "test"}
    used = {example.query for some in parts.values() for example in some}
    assert used
    assert not used & tested
    groups = {name: {e.group for e in some if e.source == "cross"} for name, some in parts.items()}
    assert groups["train"]
    assert groups["dev"]
    assert not groups["train"] & groups["dev"]
    # Neither data set may be told from the other by whether a picture comes along.
    pictured: defaultdict[str, set[bool]] = defaultdict(set)
    for example in parts["train"]:
        pictured[example.source].add(example.pictured)
    assert pictured["cross"] == pictured["calm"] == pictured["general"] == {False, True}


@needs_data
def test_a_country_can_be_left_out(guard: Guard) -> None:
    parts = read(SHARED, guard.library, cast(SentenceEncoder, Guessing()), without="JP")
    assert not [e for some in parts.values() for e in some if e.country == "JP"]
