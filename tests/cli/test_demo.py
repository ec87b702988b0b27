"""normguard demo."""

from __future__ import annotations

from tests.cli.command import normguard


def test_the_demo_shows_before_and_after() -> None:
    run = normguard("demo", env={"COLUMNS": "120", "NO_COLOR": "1"})
    assert run.returncode == 0, run.stderr
    for part in ("without NormGuard", "with NormGuard", "not a real one", "cn.gift.clock", "advise", "pass", "京都"):
        assert part in run.stdout
