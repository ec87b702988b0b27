"""Whole runs, end to end against local servers with scripted models and judges."""

from __future__ import annotations

import csv
import json
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from benchmarks.cross.dataset import Choice
from benchmarks.cross.records import read_run
from benchmarks.cross.run import INCOMPLETE, Options, run
from benchmarks.cross.scripted import REFUSED, ScriptedServer
from guard import Guard
from guard.errors import NormGuardError
from tests.benchmarks.cross.samples import NORMS, Run, name, summary


@pytest.mark.parametrize(
    ("model", "bare", "guarded", "helpfulness"),
    [
        ("ignores", 0.0, 0.0, 1.0),
        ("refuses", 1.0, 1.0, 0.0),
        ("rambles", 1.0, 1.0, 0.0),
    ],
)
def test_models_that_the_guard_does_not_change(
    start: Run, clone: Path, tmp_path: Path, model: str, bare: float, guarded: float, helpfulness: float
) -> None:
    assert start(model, data=clone) == 0
    figures = summary(tmp_path / "run")["dimensions"]
    assert figures["compliance"]["n"] == 9
    assert (figures["compliance"]["bare"]["value"], figures["compliance"]["guarded"]["value"]) == (bare, guarded)
    assert figures["compliance"]["lift"] == {"value": 0.0, "interval": [0.0, 0.0]}
    assert figures["helpfulness"]["guarded"]["value"] == helpfulness


def test_a_model_that_follows_the_guidance(start: Run, clone: Path, tmp_path: Path, scripted: ScriptedServer) -> None:
    assert start("follows", data=clone) == 0
    figures = summary(tmp_path / "run")
    assert figures["scripted"] is True
    compliance = figures["dimensions"]["compliance"]
    assert compliance["bare"]["value"] == 0.0
    assert compliance["guarded"]["value"] > 0.5
    assert compliance["lift"]["interval"][0] > 0
    assert figures["guard"]["actions"]["advise"] >= 7
    assert figures["added"]["input_tokens"]["mean"]["value"] > 50
    assert figures["added"]["guard_ms"]["median"] > 0
    assert figures["non_inferiority"]["holds"] is True
    assert {*figures["groups"]["country"]} == {"CN", "JP", "TH", "SA"}
    assert {*figures["groups"]["language"]} == {"English", "Spanish"}

    html = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert re.search(r'<p class="headline">Scripted models, no real ones\.', html)
    assert "<title>Scripted models" in html
    assert not re.search(r"<(script|link|img|iframe)|url\(|@import|src=", html), "the page is not self-contained"
    with (tmp_path / "run" / "cases.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 9
    assert {row["bare_compliance"] for row in rows} == {"0"}


def test_one_bad_sample_does_not_end_the_run(start: Run, tmp_path: Path) -> None:
    cases = tmp_path / "cases.jsonl"
    lines = [
        {"query": f"Is a clock a good gift in China? {n}", "norm": NORMS["clocks"], "country": "CN"} for n in range(3)
    ]
    lines.append({**lines[0], "query": f"Is a clock a good gift in China? {REFUSED}"})
    cases.write_text("\n".join(json.dumps(line) for line in lines))
    assert start("follows", cases=cases) == 0
    figures = summary(tmp_path / "run")
    assert figures["missing"]["answers"] == {"bare": 1, "guarded": 1}
    assert figures["dimensions"]["compliance"]["n"] == 3
    errors = [record.answers["guarded"].error for record in read_run(tmp_path / "run").records]
    assert "this request is refused" in str(errors[3])


def test_harmless_questions(start: Run, tmp_path: Path, scripted: ScriptedServer) -> None:
    benign = tmp_path / "general.jsonl"
    questions = ["How many grams are three cups of flour?", "Is a wall clock a nice gift for my host in Shanghai?"]
    benign.write_text("\n".join(json.dumps({"query": question, "extra": 1}) for question in questions))
    assert start("follows", benign=[benign]) == 0
    figures = summary(tmp_path / "run")["benign"]
    assert figures["all"]["n"] == 2
    assert figures["all"]["touched"]["count"] == 1
    assert (figures["all"]["worse"], figures["all"]["same"], figures["all"]["better"]) == (0, 1, 0)
    assert set(figures["by_kind"]) == {"general"}
    assert scripted.calls == {"follows": 3, "judge": 2}
    assert "1 of 2 were touched (50.0 %" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("with_signal", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_run_goes_on_without_paying_twice(
    clone: Path, tmp_path: Path, scripted: ScriptedServer, start: Run, with_signal: signal.Signals
) -> None:
    scripted.delay = 0.15
    command = [sys.executable, "-m", "guard", "bench", "cross", "--data", str(clone), "--model", name("follows")]
    command += ["--judge", name("judge"), "--out", str(tmp_path / "run"), "--max-connections", "1", "--yes"]
    first = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # Tests that a shell runs in the background inherit that interrupts are ignored; this run must hear them.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )
    deadline = time.monotonic() + 60
    while len(scripted.bodies) < 9:
        assert first.poll() is None, first.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.02)
    first.send_signal(with_signal)
    said, _ = first.communicate(timeout=60)
    assert len(scripted.bodies) < 36, "it was over before it was interrupted"
    if with_signal == signal.SIGINT:
        assert first.returncode == INCOMPLETE, said
        assert "Not complete" in said
    scripted.delay = 0.0
    assert start("follows", data=clone) == 0
    assert len(read_run(tmp_path / "run").records) == 9
    twice = [count for count in Counter(json.dumps(body) for body in scripted.bodies).values() if count > 1]
    assert len(twice) <= 2, "only what was in flight, one call a model, may be asked again"


def test_a_folder_holds_one_run_only(start: Run, clone: Path, tmp_path: Path) -> None:
    japan = Choice(countries=["JP"])
    assert start("refuses", data=clone, choice=japan) == 0
    with pytest.raises(NormGuardError, match="differs in model"):
        start("rambles", data=clone, choice=japan)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("mine")
    with pytest.raises(NormGuardError, match="holds no run of this benchmark"):
        start("refuses", data=clone, choice=japan, out="other")


def test_who_says_no_pays_nothing(clone: Path, tmp_path: Path, scripted: ScriptedServer, start: Run) -> None:
    asked: list[str] = []
    options = Options(out=tmp_path / "run", data=clone, model=name("follows"), judges=[name("judge")], display="none")
    assert run(options, confirm=lambda question: bool(asked.append(question))) == 0
    assert len(asked) == 1
    assert not scripted.calls
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "Name one of --data"),
        ({"data": "clone", "cases": Path("x")}, "Name one of --data"),
        ({"data": "clone", "model": None}, "Name the --model"),
        ({"data": "clone", "judges": []}, "at least one --judge"),
        ({"data": "clone", "model": "nobody/nothing"}, "nobody/nothing cannot be used"),
        ({"data": "clone", "model": "scripted/nobody"}, "There is no scripted/nobody"),
        ({"data": "clone", "policy": "none-such"}, "none-such"),
        ({"data": "clone", "budget": 1.0}, "--budget needs the price of"),
        ({"data": "clone", "prices": Path("/nowhere.yaml")}, "/nowhere.yaml: cannot be read"),
        ({"data": Path("/nowhere")}, "/nowhere is no clone"),
        ({"cases": Path("/nowhere.jsonl")}, "no such file"),
        ({"benign": [Path("/nowhere.jsonl")]}, "no such file"),
        ({"data": "clone", "out": Path("/proc/nowhere")}, "cannot be used"),
    ],
)
def test_options_that_cannot_be_are_refused_before_anything_is_spent(
    clone: Path,
    tmp_path: Path,
    scripted: ScriptedServer,
    guard: Guard,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, Any],
    says: str,
) -> None:
    if "policy" not in options:
        monkeypatch.setattr(Guard, "from_settings", lambda settings: guard)
    told = {"out": tmp_path / "run", "model": name("follows"), "judges": [name("judge")], "display": "none", **options}
    if told.get("data") == "clone":
        told["data"] = clone
    with pytest.raises(NormGuardError, match=re.escape(says)):
        run(Options(**told), confirm=lambda question: True)
    assert not scripted.calls
