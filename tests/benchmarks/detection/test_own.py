"""Requests in users' own words: what is right, and why the rest is not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from benchmarks.detection import own
from benchmarks.detection.own import CAUSES, main, read_own
from guard import Guard
from guard.cli.bench import bench
from guard.errors import NormGuardError
from guard.scenarios.trial import cause as why

CLOCK = {
    "id": 1, "kind": "plain", "lang": "en", "query": "Is a wall clock a nice gift for my host in Shanghai?",
    "expect": "advise", "expected_norms": ["cn.gift.clocks"], "country": "CN",
}  # fmt: skip
HARMLESS = {
    "id": 2,
    "kind": "plain",
    "lang": "en",
    "query": "How many grams are three cups of flour?",
    "expect": "pass",
}


def write(folder: Path, *records: dict[str, Any]) -> Path:
    path = folder / "own.jsonl"
    path.write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    return path


def cause(guard: Guard, folder: Path, **changes: Any) -> str | None:
    (case,) = read_own(write(folder, {**CLOCK, **changes}))
    return own._tell(guard, case).cause


def test_cases_as_they_are_written(tmp_path: Path) -> None:
    said = [{"role": "user", "text": "I fly to Shanghai."}, {"role": "assistant", "text": "Nice."}]
    bare = {"id": "x", "query": "Is it?", "expect": "pass", "turns": said, "caption": "a wall clock"}
    one, two = read_own(write(tmp_path, CLOCK, bare))
    assert (one.id, one.loaded, one.norms, one.country) == ("1", True, ("cn.gift.clocks",), "CN")
    assert (two.kind, two.language, two.loaded, two.norms, two.country) == ("-", "-", False, (), None)
    assert [turn.text for turn in two.exchange.turns] == ["I fly to Shanghai.", "Nice.", "Is it?"]
    assert two.exchange.hints.captions == ("a wall clock",)


@pytest.mark.parametrize("missing", ["id", "query", "expect"])
def test_a_line_that_lacks_something_is_named(tmp_path: Path, missing: str) -> None:
    record = {key: value for key, value in CLOCK.items() if key != missing}
    with pytest.raises(NormGuardError, match=rf"own\.jsonl:2: .*{missing}"):
        read_own(write(tmp_path, HARMLESS, record))


def test_why_the_right_norm_was_not_sent(guard: Guard, tmp_path: Path) -> None:
    assert cause(guard, tmp_path) is None
    assert cause(guard, tmp_path, expected_norms=[]) == "no norm"
    assert cause(guard, tmp_path, expected_norms=["xx.no.such"]) == "no norm"
    assert cause(guard, tmp_path, expected_norms=["jp.gift.sets-of-four"], country="JP") == "place"
    assert cause(guard, tmp_path, expected_norms=["cn.gift.two-hands"]) in ("selection", None)
    assert cause(guard, tmp_path, expected_norms=["cn.muslim.pork"]) in ("ranking", "selection")
    georgian = "რა საჩუქარი უნდა წავიღო მასპინძელთან ვახშამზე?"
    assert cause(guard, tmp_path, query=georgian) == "language"
    assert cause(guard, tmp_path, query="We fly to Shanghai.") in ("gate", "ranking")


def test_the_causes_are_told_apart(guard: Guard, tmp_path: Path) -> None:
    (case,) = read_own(write(tmp_path, {**CLOCK, "expected_norms": ["cn.gift.pears"]}))
    found = guard.explain(case.exchange)
    near = replace(found, norms=(replace(found.norms[0], id="cn.gift.pears"),))
    far = replace(found, norms=(replace(found.norms[0], id="cn.gift.owls"),))
    quiet = replace(near, decision=replace(near.decision, action="pass", norms=()))
    assert [why(one, case.norms, case.country, guard.library.norms) for one in (near, far, quiet)] == [
        "selection",
        "ranking",
        "gate",
    ]
    assert {"selection", "ranking", "gate", "place", "language", "no norm"} == set(CAUSES)


def test_the_figures(guard: Guard, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = {**CLOCK, "id": 3, "kind": "typo", "expected_norms": ["jp.gift.sets-of-four"], "country": "JP"}
    nothing = {**CLOCK, "id": 4, "expected_norms": ["xx.no.such"]}
    touched = {**CLOCK, "id": 5, "expect": "pass", "expected_norms": []}
    out = tmp_path / "deep" / "figures.json"
    figures = main(write(tmp_path, CLOCK, HARMLESS, wrong, nothing, touched), guard=guard, out=out, missed=True)
    assert json.loads(out.read_text(encoding="utf-8")) == figures
    assert figures["cases"] == 5
    assert figures["right_norm_sent"]["all"]["share"] == 0.5, "of those for which there is a norm"
    assert figures["right_norm_sent"]["kind"]["typo"]["share"] == 0.0
    assert figures["right_norm_sent_of_all"]["n"] == 3
    assert figures["harmless_left_alone"]["all"]["share"] == 0.5
    assert figures["country_first"]["all"] | {"interval": None} == {"share": 0.75, "n": 4, "interval": None}
    assert figures["causes"] == {"place": 1, "no norm": 1}
    assert [one["id"] for one in figures["missed"]] == ["3", "4", "5"]
    said = capsys.readouterr().out
    assert "wanted ['jp.gift.sets-of-four'] JP, got advise" in said
    assert "cause of a miss" in said


def test_a_file_without_cases(guard: Guard, tmp_path: Path) -> None:
    figures = main(write(tmp_path), guard=guard)
    assert figures["right_norm_sent"]["all"] == {"share": None, "n": 0}


def test_the_command_takes_one_of_both() -> None:
    for options in ([], ["--data", ".", "--own", __file__]):
        run = CliRunner().invoke(bench, ["detection", *options])
        assert run.exit_code == 2
        assert "either --data or --own" in run.output
