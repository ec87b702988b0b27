"""What is for training, and what is not."""

from __future__ import annotations

import re

import pytest

from benchmarks.datasets.splits import (
    WRITERS,
    assert_unseen,
    part_of_cross,
    part_of_norm,
    part_of_scenario,
    read_links,
    scenarios,
)
from guard import Guard
from guard.errors import NormGuardError
from guard.scenarios.files import read_all
from tests.paths import ROOT
from tests.scenarios.samples import CLOCK, scenario


def norm_of(part: str, guard: Guard, beginning: str = "") -> str:
    return next(id_ for id_ in guard.library.norms if part_of_norm(id_) == part and id_.startswith(beginning))


def test_three_writers_and_fifteen_per_cent_of_the_norms_are_kept_for_the_end(guard: Guard) -> None:
    assert sum(part == "test" for part in WRITERS.values()) >= 3
    kept = [id_ for id_ in guard.library.norms if part_of_norm(id_) == "test"]
    assert 0.15 <= len(kept) / len(guard.library.norms) <= 0.25
    for norm, ids in read_links().items():
        if part_of_cross(norm) == "test":
            assert all(part_of_norm(id_) == "test" for id_ in ids)


def test_a_scenario_goes_where_its_writer_or_any_of_its_norms_goes(guard: Guard) -> None:
    train, test, dev = (norm_of(part, guard) for part in ("train", "test", "dev"))
    assert part_of_scenario(scenario(norm=train, stake=[train])) == "train"
    assert part_of_scenario(scenario(norm=train, stake=[train], writer="w6")) == "test"
    assert part_of_scenario(scenario(norm=train, stake=[train], writer="w3")) == "dev"
    assert part_of_scenario(scenario(norm=train, stake=[train, test])) == "test"
    assert part_of_scenario(scenario(norm=train, stake=[train, dev])) == "dev"
    assert part_of_scenario(scenario(norm=test, stake=[test], writer="w3")) == "test"


def test_the_parts_share_no_norm_and_no_writer() -> None:
    every = read_all()
    train, dev, test = (scenarios(part, every) for part in ("train", "dev", "test"))  # type: ignore[arg-type]
    assert len(train) + len(dev) + len(test) == len(every)
    learnt = {norm for one in train for norm in one.norms}
    assert {part_of_norm(norm) for norm in learnt} == {"train"}
    assert not {one.writer for one in train} & set(WRITERS)
    of_kept = [one for one in test if one.norm and part_of_norm(one.norm) == "test"]
    assert sum(WRITERS.get(one.writer) == "test" for one in of_kept) >= 200


def test_what_is_not_for_training_is_refused() -> None:
    learnt = scenario(norm="cn.gift.umbrellas", stake=["cn.gift.umbrellas"])
    assert_unseen([learnt] if part_of_scenario(learnt) == "train" else [])
    with pytest.raises(NormGuardError, match="1 scenarios are not for training"):
        assert_unseen([scenario(CLOCK, writer="w12")])


def test_no_training_code_reads_scenarios_but_through_the_split() -> None:
    for path in (ROOT / "training").rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        assert not re.search(r"guard\.scenarios\.files|policies.{0,9}scenarios|own.words", source), path
