"""The task as Inspect runs it itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.cross.records import read_run
from benchmarks.cross.scripted import ScriptedServer
from tests.benchmarks.cross.samples import name
from tests.paths import ROOT


def test_inspect_runs_the_task_itself(clone: Path, tmp_path: Path, scripted: ScriptedServer) -> None:
    command = [sys.executable, "-m", "inspect_ai", "eval", "benchmarks/cross/task.py@cross", "--model", name("follows")]
    command += ["-T", f"data={clone}", "-T", "country=JP", "--model-role", f"judge={name('judge')}"]
    command += ["--log-dir", str(tmp_path / "logs"), "--display", "none", "--no-log-realtime"]
    env = {**os.environ, "INSPECT_CACHE_DIR": str(tmp_path / "cache")}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (log,) = (tmp_path / "logs").glob("*.eval")
    found = read_run(log)
    assert len(found.records) == 2
    assert found.records[0].verdict["bare"]["compliance"] == 0
    assert found.scripted
