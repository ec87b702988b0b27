"""Recorded answers in the public layout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.cross import arms
from benchmarks.cross.formats import FAILED, read_results, write_results
from benchmarks.cross.records import read_run
from benchmarks.cross.scripted import ScriptedServer
from guard.errors import NormGuardError
from tests.benchmarks.cross.samples import QUERIES, Run, record, summary


def test_what_is_written_in_the_public_layout_reads_back_the_same(start: Run, clone: Path, tmp_path: Path) -> None:
    assert start("follows", data=clone) == 0
    before = read_run(tmp_path / "run")
    written = write_results(before, tmp_path / "export")
    assert len(written) == 2 * 2 * 3
    one = (
        tmp_path
        / "export"
        / "evaluation_results"
        / "english"
        / "casa"
        / "results_openai-api-scripted-follows-bare_r1.json"
    )
    first = json.loads(one.read_text(encoding="utf-8"))[0]
    assert {"index", "query", "violated_norm", "model_response", "evaluation", "file_name"} <= set(first)
    assert first["evaluation"]["dim_profile"] == {"Awareness": 0, "Education": 0, "Violation": 1, "Helpfulness": 1}
    assert set(first["evaluation"]["reasoning"]) == set(first["evaluation"]["dim_profile"])
    files = {arm: one.with_name(one.name.replace("bare", arm)) for arm in arms.ARMS}
    assert start(None, answers=files, out="again") == 0
    again = read_run(tmp_path / "again")
    ids = {(r.case.query, r.case.image and r.case.image.rpartition("/")[2]): r.verdict for r in before.records}
    assert len(again.records) == 7
    assert again.scripted, "what scripts said stays marked"
    assert all(record.verdict in ids.values() for record in again.records)
    assert summary(tmp_path / "again")["dimensions"]["compliance"]["n"] == 7


def generated(folder: Path, arm: str, answers: list[str], **evaluation: Any) -> Path:
    entries = [{**record(*QUERIES[i]), "model_response": text} for i, text in enumerate(answers)]
    for entry in entries if evaluation else ():
        entry["evaluation"] = {"dim_profile": evaluation}
    path = folder / f"{arm}.json"
    path.write_text(json.dumps(entries))
    return path


def test_recorded_answers_are_judged_without_asking_a_model(
    start: Run, tmp_path: Path, scripted: ScriptedServer
) -> None:
    files = {
        "bare": generated(tmp_path, "bare", ["Yes, go ahead.", "Yes, go ahead.", FAILED]),
        "guarded": generated(
            tmp_path, "guarded", ["A word first: no clocks as a present in China, funeral.", "Go ahead."]
        ),
    }
    assert start(None, "judge", answers=files, images=False) == 0
    assert scripted.calls == {"judge": 4}
    figures = summary(tmp_path / "run")
    assert figures["dimensions"]["compliance"]["n"] == 2
    assert figures["missing"]["answers"] == {"bare": 1, "guarded": 1}
    assert figures["scripted"] is True


def test_one_recorded_arm_is_analysed_alone(start: Run, tmp_path: Path, scripted: ScriptedServer) -> None:
    scores = {"Awareness": 1, "Education": 0, "Violation": 1, "Helpfulness": 1}
    assert start(None, answers={"bare": generated(tmp_path, "bare", ["a", "b"], **scores)}) == 0
    figures = summary(tmp_path / "run")
    assert figures["rates"]["bare"]["awareness"]["value"] == 1.0
    assert figures["rates"]["bare"]["compliance"]["value"] == 0.0, "Violation 1 is a breach"
    assert figures["scripted"] is False
    assert not scripted.calls


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"model_response": None}, "'model_response' is missing"),
        ({"model_response": 3}, "'model_response' must be a text"),
        ({"evaluation": {"dim_profile": {"Awareness": 1}}}, "dim_profile must hold"),
        ({"evaluation": {"dim_profile": {"Awareness": 1, "Education": 1, "Violation": 2, "Helpfulness": 1}}}, "0 or 1"),
        ({"index": "Atlantis_1"}, "no country"),
    ],
)
def test_recorded_answers_of_another_form_are_refused(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    path = tmp_path / "bare.json"
    path.write_text(json.dumps([{**record(*QUERIES[0]), "model_response": "a", **change}]))
    with pytest.raises(NormGuardError, match=says) as caught:
        read_results({"bare": path})
    assert "record 1" in str(caught.value)
