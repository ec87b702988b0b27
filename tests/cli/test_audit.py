"""normguard audit."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from guard import Guard
from guard.audit.store import Store
from guard.audit.writer import Writer
from guard.cli.audit import audit
from tests.audit.records import record
from tests.samples import CLOCK, HARMLESS


def test_the_commands(guard: Guard, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/audit.db"
    writer = Writer(Store(url))
    for query in (CLOCK, CLOCK, HARMLESS):
        writer.record(record(guard, query))
    writer.close()
    run = CliRunner().invoke
    lines = run(audit, ["export", "--audit", url, "--action", "advise"]).output.splitlines()
    assert [json.loads(line)["action"] for line in lines] == ["advise", "advise"]
    counts = json.loads(run(audit, ["stats", "--audit", url, "--json"]).output)
    assert counts["decisions"] == 3
    assert counts["action"] == {"advise": 2, "pass": 1}
    assert counts["country"]["CN"] == 2
    assert "cn.gift.clocks" in run(audit, ["stats", "--audit", url]).output
    assert run(audit, ["export", "--audit", url, "--until", "2001-01-01"]).output == ""
