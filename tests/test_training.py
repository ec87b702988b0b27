"""What keeps training honest: the parts, the invented questions, the card (training itself takes torch)."""

from __future__ import annotations

import string
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import yaml

from benchmarks.datasets.research import read_cross, read_general, read_safeworld
from benchmarks.datasets.splits import part_of, part_of_cross, protected_norms, read_links
from guard import Guard
from guard.errors import NormGuardError
from guard.text.languages import LANGUAGES
from tests.conftest import SHARED, needs_data
from training import card
from training.corpus import assert_unseen, read
from training.scenarios import Scenarios
from training.teacher import Teacher

TEMPLATES = Path(__file__).parents[1] / "training" / "templates.yaml"


class Guessing:
    """A teacher without weights: the same text lies at the same place, and no two are near."""

    def encode(self, texts: Sequence[str]) -> Any:
        rows = [np.random.default_rng(abs(hash(text)) % 2**32).normal(size=384) for text in texts]
        return np.stack([row / np.linalg.norm(row) for row in rows]).astype(np.float32)


def test_a_slipped_question_ends_the_run_however_it_is_written() -> None:
    assert_unseen(["a question"], ["another"])
    with pytest.raises(NormGuardError, match="1 questions of the test part"):
        assert_unseen(["Which  of\nTHESE?", "x"], ["which of these?"])


def test_the_split_never_changes() -> None:
    assert [part_of_cross(id_) for id_ in ("000001", "0000020001ff", "0000020000ff", "ffffff0000ff")] == [
        "test",
        "train",
        "dev",
        "test",
    ]
    parts = [part_of(f"topic {i}") for i in range(4000)]
    assert 0.47 < parts.count("test") / 4000 < 0.53
    assert 0.1 < parts.count("dev") / 4000 < 0.15
    assert part_of("topic 1") == part_of("topic 1")


@needs_data
def test_nothing_of_the_test_part_is_read_for_training(guard: Guard) -> None:
    parts = read(SHARED, guard.library, cast(Teacher, Guessing()))
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
    parts = read(SHARED, guard.library, cast(Teacher, Guessing()), without="JP")
    assert not [e for some in parts.values() for e in some if e.country == "JP"]


def test_invented_questions_keep_away_from_protected_norms_and_repeat_with_their_seed(guard: Guard) -> None:
    protected = protected_norms(read_links())
    made = list(Scenarios(guard.library, seed=3).make(each=1, leave_out=protected))
    again = list(Scenarios(guard.library, seed=3).make(each=1, leave_out=protected))
    assert made == again
    assert protected
    assert not {e.group.removeprefix("pack:") for e in made} & protected
    unaware = [e for e in made if e.sensitive]
    assert len(unaware) * 2 == len(made)
    assert all(e.relevant and e.relevant[e.group.removeprefix("pack:")] == 1.0 for e in unaware)
    assert all(e.relevant == {} for e in made if not e.sensitive)
    assert not [e for e in made if "{" in e.query]


def test_harmless_twins_are_about_things_of_which_no_norm_of_the_country_speaks(guard: Guard) -> None:
    scenarios = Scenarios(guard.library)
    spoken = {id_ for norm in guard.library.of_country("CN") for id_ in norm.visual}
    free = scenarios._unspoken("CN")
    assert free
    assert not spoken & set(free)
    assert not [id_ for id_ in free if spoken & set(guard.library.vocabulary.broader(id_))]


def test_every_language_has_every_kind_of_frame_and_only_known_slots() -> None:
    frames = yaml.safe_load(TEMPLATES.read_text(encoding="utf-8"))
    assert set(frames) == set(LANGUAGES)
    for language, kinds in frames.items():
        assert set(kinds) == set(frames["en"]), language
        for frame in (frame for some in kinds.values() for frame in some):
            slots = {name for _, name, _, _ in string.Formatter().parse(frame) if name}
            assert slots <= {"thing", "place", "occasion"}, frame


def test_the_card_is_made_of_the_figures(tmp_path: Path) -> None:
    directory = tmp_path / "classifier-9"
    directory.mkdir()
    (directory / "ranker.onnx").write_bytes(b"x" * 2048)
    share = {"share": 0.5, "interval": [0.4, 0.6]}
    figures = {
        "designs": {"a design": {"recall5_text_only": 0.123, "recall5_content_known": 1.0, "auc": None}},
        "parity": {"int8_same_five_norms": 0.99},
        "by_country": {
            "JP": {"questions": 7, "recall5_text_only": 0.77, "recall5_content_known": None, "auc": 0.8},
        },
        "test": {"text_only": share, "content_known": share, "general": {"share": 1.0}, "benign": share, "auc": 0.9,
                 "calibration": 0.02},
        "questions": {"train": 11, "dev": 12, "invented": 13},
        "norms": {"train": 1, "dev": 2},
        "seed": 5, "epochs": 6.0, "minutes": 7.0, "device": "cpu",
    }  # fmt: skip
    card.write(directory, figures)
    text = (directory / "README.md").read_text(encoding="utf-8")
    for expected in ("classifier-9", "0.123", "| JP | 7 | 0.77 | - | 0.8 |", "50.0 % (40 to 60)", "100.0 %", "Seed 5"):
        assert expected in text
