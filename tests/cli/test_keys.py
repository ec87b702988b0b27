"""normguard keys."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from click.testing import CliRunner

from guard.cli.keys import keys as keys_command
from guard.errors import SettingsError


def test_the_commands(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/keys.db"
    run = CliRunner().invoke
    given = ["create", "--keys", url, "--name", "shop", "--model", "a*", "--per-minute", "9", "--days", "30", "--json"]
    answer = json.loads(run(keys_command, given).output)
    assert answer["key"].startswith(f"ng-{answer['id']}-")
    listed = json.loads(run(keys_command, ["list", "--keys", url, "--json"]).output)
    assert [(key["name"], key["state"], key["models"], key["per_minute"]) for key in listed] == [
        ("shop", "valid", ["a*"], 9)
    ]
    assert answer["id"] in run(keys_command, ["list", "--keys", url]).output
    assert "Revoked" in run(keys_command, ["revoke", "--keys", url, answer["id"]]).output
    again = run(keys_command, ["revoke", "--keys", url, answer["id"]])
    assert isinstance(again.exception, SettingsError)
    assert run(keys_command, ["create", "--keys", url, "--name", "x", "--per-minute", "0"]).exit_code == 2
    raw = (tmp_path / "keys.db").read_bytes()
    with sqlite3.connect(tmp_path / "keys.db") as database:
        assert len(database.execute("select digest from normguard_keys").fetchone()[0]) == 64
    assert answer["key"].rpartition("-")[2].encode() not in raw
