"""Judges: what they see, and what is made of what they say."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.cross.dataset import Choice
from benchmarks.cross.judge import read_preference
from benchmarks.cross.records import read_run
from benchmarks.cross.scripted import ScriptedServer
from tests.benchmarks.cross.samples import Run, name, summary


def test_judges_see_the_picture_and_not_the_arm(
    start: Run, clone: Path, tmp_path: Path, scripted: ScriptedServer
) -> None:
    assert start("follows", data=clone) == 0
    asked = [body["messages"] for body in scripted.bodies if body["model"] == "judge"]
    assert len(asked) >= 16  # answers that are alike word for word are judged once
    for messages in asked:
        text, picture = messages[1]["content"]
        assert picture["type"] == "image_url"
        assert not re.search(r"guard|bare|cultural note", text["text"], re.IGNORECASE)
    records = read_run(tmp_path / "run").records
    first = Counter(one.arm for record in records for one in record.judgements if one.order == 1)
    assert set(first) == {"bare", "guarded"}


def test_a_judge_that_only_talks_leaves_unscored_not_zero(
    start: Run, clone: Path, tmp_path: Path, scripted: ScriptedServer
) -> None:
    assert start("follows", "judge-prose", data=clone, choice=Choice(countries=["JP"])) == 0
    figures = summary(tmp_path / "run")
    assert figures["dimensions"]["compliance"]["n"] == 0
    assert figures["missing"]["unscored"]["compliance"] == {"bare": 2, "guarded": 2}
    assert figures["rates"]["bare"]["compliance"]["value"] is None
    assert scripted.calls["judge-prose"] == 4 * 3
    assert "nothing can be said about compliance" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")


def test_a_judge_is_asked_again(start: Run, clone: Path, tmp_path: Path) -> None:
    assert (
        start("follows", "judge-hesitant", "judge", "judge-lenient", data=clone, choice=Choice(countries=["JP"])) == 0
    )
    judgements = [one for record in read_run(tmp_path / "run").records for one in record.judgements]
    assert {one.attempts for one in judgements if one.judge.endswith("hesitant")} == {2}
    figures = summary(tmp_path / "run")
    kappas = figures["agreement"]["dimensions"]["compliance"]
    assert kappas["cohen"][f"{name('judge-hesitant')} / {name('judge')}"]["agree"] == 1.0
    assert kappas["fleiss"]["n"] == 4
    assert set(figures["by_judge"]) == {name("judge-hesitant"), name("judge"), name("judge-lenient")}


@pytest.mark.parametrize(
    ("reply", "choice"),
    [
        ("BETTER: FIRST", "first"),
        ("so\n**BETTER: same**", "same"),
        ("first", None),
        ("BETTER: FIRST\nBETTER: SECOND", None),
    ],
)
def test_preferences_are_read_strictly(reply: str, choice: str | None) -> None:
    assert read_preference(reply) == choice
