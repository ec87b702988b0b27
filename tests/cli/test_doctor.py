"""normguard doctor."""

from __future__ import annotations

import json
import re
from pathlib import Path

from click.testing import CliRunner

from guard.cli.doctor import doctor
from tests.conftest import FakeUpstream
from tests.services import free_port


def test_the_doctors_command(tmp_path: Path, upstream: FakeUpstream) -> None:
    file = tmp_path / "normguard.yaml"
    file.write_text(json.dumps({"upstream": upstream.base, "vision": "none"}))
    run = CliRunner().invoke(doctor, ["--settings", str(file)])
    assert run.exit_code == 0, run.output
    assert re.search(r"norms: \d{4} of \d\d countries", run.output)
    file.write_text(json.dumps({"upstream": f"http://127.0.0.1:{free_port()}/v1", "vision": "none"}))
    run = CliRunner().invoke(doctor, ["--settings", str(file), "--json"])
    assert run.exit_code == 1
    assert any(finding["level"] == "error" for finding in json.loads(run.output))
    assert CliRunner().invoke(doctor, ["--settings", str(file), "--offline"]).exit_code == 0
