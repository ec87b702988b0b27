"""Records of a run, read back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.cross.records import read_run, verdict_of
from guard.errors import NormGuardError
from tests.benchmarks.cross.samples import NORMS, Run, judged, summary


def test_hits_and_misses_of_the_guard(start: Run, tmp_path: Path) -> None:
    cases = tmp_path / "cases.jsonl"
    lines = [
        {"query": "Is a wall clock a nice gift for my host in Shanghai?", "norm_ids": ["cn.gift.clocks"]},
        {"query": "Is a wall clock a nice gift for my host in Beijing?", "norm_ids": ["cn.gift.umbrellas"]},
        {"query": "Is a wall clock a nice gift for my host in Wuhan?"},
        {"query": "Is a wall clock a nice gift for my host in Tianjin?", "norm_ids": ["cn.gift.no-such-norm"]},
    ]
    cases.write_text("\n".join(json.dumps({"norm": NORMS["clocks"], "country": "CN", **line}) for line in lines))
    assert start("follows", cases=cases) == 0
    records = read_run(tmp_path / "run").records
    assert [record.hit for record in records] == ["hit", "miss", "unlinked", "miss"]
    assert records[0].case.domain == "shopping"
    assert records[0].case.severity
    assert set(summary(tmp_path / "run")["guard"]["lift_by_hit"]) == {"hit", "miss", "unlinked"}


def test_the_panel_decides_by_majority_and_the_first_judge_breaks_ties() -> None:
    def of(*scores: int | None) -> int | None:
        return verdict_of([judged(score, "bare", f"j{i}") for i, score in enumerate(scores)])["bare"]["compliance"]

    assert [of(1, 1, 0), of(0, 1), of(1, 0), of(None, 1), of(None, None), of(0, 1, None), of(0, 0, 1)] == [
        1,
        0,
        1,
        1,
        None,
        0,
        0,
    ]


def test_a_folder_without_a_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(NormGuardError, match="no run is there"):
        read_run(tmp_path)
    (tmp_path / "x.eval").write_text("no zip")
    with pytest.raises(NormGuardError, match="no Inspect log"):
        read_run(tmp_path / "x.eval")
