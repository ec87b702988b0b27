"""What a run may spend, in money and on the disk."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.cross import ledger
from benchmarks.cross.records import read_run
from benchmarks.cross.run import INCOMPLETE
from benchmarks.cross.scripted import ScriptedServer
from guard.errors import NormGuardError
from tests.benchmarks.cross.samples import Run, name, summary


def prices(folder: Path, dollars: float = 1000.0) -> Path:
    path = folder / "prices.yaml"
    path.write_text("".join(f"{name(m)}: {{input: {dollars}, output: {dollars}}}\n" for m in ("follows", "judge")))
    return path


def test_a_budget_stops_the_run_and_nothing_is_paid_twice(
    start: Run, clone: Path, tmp_path: Path, scripted: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    told = {"data": clone, "prices": prices(tmp_path), "max_connections": 1}
    assert start("follows", **told, budget=3.0) == INCOMPLETE
    assert "budget of $3.00 is reached" in capsys.readouterr().err
    stopped = sum(scripted.calls.values())
    assert 0 < stopped < 36
    assert "Not complete" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert start("follows", **told) == 0
    assert len(read_run(tmp_path / "run").records) == 9
    asked = Counter(json.dumps(body) for body in scripted.bodies)
    assert max(asked.values()) == 1
    assert summary(tmp_path / "run")["added"]["cost"]["mean"]["value"] > 0


def test_a_full_disk_stops_the_run_before_more_is_paid(
    start: Run,
    clone: Path,
    scripted: ScriptedServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    usage = shutil.disk_usage("/")
    free = [10**9]
    monkeypatch.setattr(
        ledger.shutil, "disk_usage", lambda path: usage._replace(free=free[0] if not scripted.calls else 1000)
    )
    assert start("follows", data=clone, max_connections=1) == INCOMPLETE
    assert "is full" in " ".join(capsys.readouterr().err.split())
    assert 0 < sum(scripted.calls.values()) < 10
    free[0] = 1000
    scripted.calls.clear()
    with pytest.raises(NormGuardError, match=r"cannot begin: the disk under .* is full"):
        start("follows", data=clone, out="other")
    assert not scripted.calls
