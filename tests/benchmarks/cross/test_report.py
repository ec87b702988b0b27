"""The report of one run or several."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from benchmarks.cross import arms
from benchmarks.cross.analysis import analyse
from benchmarks.cross.dataset import Choice
from benchmarks.cross.report import write_report
from tests.benchmarks.cross.samples import Run, scored


def test_what_models_say_cannot_break_the_report(tmp_path: Path) -> None:
    from benchmarks.cross.records import Run as Found

    evil = "</div><script>alert(1)</script>=HYPERLINK(1)"
    record = scored("1", "n", 0, 1)
    record.answers["guarded"] = arms.Answer(text=f"={evil}", model="m")
    record = record.model_copy(update={"case": record.case.model_copy(update={"query": evil, "norm": evil})})
    write_report([Found("r", {"model": evil}, [record], planned=1)], tmp_path, resamples=100)
    assert "<script>" not in (tmp_path / "report.html").read_text(encoding="utf-8")
    with (tmp_path / "cases.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["guarded_answer"].startswith("'=")


def test_a_report_of_real_names_says_nothing_of_scripts(tmp_path: Path) -> None:
    from benchmarks.cross.records import Run as Found

    records = [scored(str(i), f"n{i}", 0, 1) for i in range(8)]
    found = Found("r", {"model": "openai/x"}, records, planned=8)
    write_report([found], tmp_path, resamples=100)
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Scripted" not in html
    assert "compliance rose by 100.0 points" in html
    assert "61.79 %" in html
    assert "The setting differs" in html
    figures = analyse(found, resamples=100)
    assert figures["dimensions"]["compliance"]["lift"]["value"] == 1.0


def test_runs_are_compared(start: Run, clone: Path, tmp_path: Path) -> None:
    from click.testing import CliRunner

    from guard.cli.bench import bench

    japan = Choice(countries=["JP"])
    assert start("refuses", data=clone, choice=japan, out="a") == 0
    assert start("ignores", data=clone, choice=japan, out="b") == 0
    folders = [str(tmp_path / "a"), str(tmp_path / "b")]
    done = CliRunner().invoke(bench, ["report", *folders, "--out", str(tmp_path / "both")])
    assert done.exit_code == 0, done.output
    data = json.loads((tmp_path / "both" / "summary.json").read_text(encoding="utf-8"))
    (between,) = data["between"]
    assert between["shared"] == 2
    assert between["arms"]["bare"]["compliance"]["lift"]["value"] == -1.0
    html = (tmp_path / "both" / "report.html").read_text(encoding="utf-8")
    assert "Scripted models, no real ones." in html
    assert "openai-api/scripted/ignores" in html
    done = CliRunner().invoke(bench, ["report", folders[0], "--export", str(tmp_path / "export")])
    assert done.exit_code == 0, done.output
    assert list((tmp_path / "export").rglob("results_*.json"))
    assert CliRunner().invoke(bench, ["report", *folders]).exit_code == 2
