"""The doctor: what is sound, and what is wrong with its cure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from guard.access.keys import new_key
from guard.access.store import open_keys
from guard.deployment import doctor
from guard.deployment.doctor import Level, examine
from guard.settings import Settings, audit_file
from tests.conftest import FakeUpstream
from tests.services import RedisServer, free_port


def found(file: Path | None = None, **more: Any) -> dict[str, tuple[Level, str]]:
    return {finding.what: (finding.level, f"{finding.found} {finding.mend}") for finding in examine(file, **more)}


def test_a_sound_deployment(tmp_path: Path, upstream: FakeUpstream, redis_server: RedisServer) -> None:
    keys = f"sqlite:///{tmp_path}/keys.db"
    open_keys(keys).add(new_key("app")[1])
    given = {"upstream": upstream.base, "keys": keys, "audit": f"sqlite:///{tmp_path}/audit.db", "vision": "none"}
    file = tmp_path / "normguard.yaml"
    file.write_text(
        json.dumps({**given, "redis": redis_server.url, "audit_retention_days": 30, "upstream_api_key": "x"})
    )
    findings = found(file)
    assert {what for what, (level, _) in findings.items() if level is Level.ERROR} == set()
    for what in ("settings", "address", "norms", "policies", "guard", "upstream", "keys", "audit", "redis"):
        assert findings[what][0] is Level.OK, (what, findings[what])
    assert "answers with 200" in findings["upstream"][1]


def test_what_is_wrong_is_named_with_its_cure(tmp_path: Path, upstream: FakeUpstream) -> None:
    file = tmp_path / "normguard.yaml"

    def examined(**given: Any) -> dict[str, tuple[Level, str]]:
        file.write_text(json.dumps({"vision": "none", **given}))
        return found(file)

    assert "keys create" in examined(host="0.0.0.0")["exposure"][1]
    assert examined(upstream=f"http://127.0.0.1:{free_port()}/v1")["upstream"][0] is Level.ERROR
    assert examined(keys=f"sqlite:///{tmp_path}/none.db")["keys"] == (
        Level.ERROR,
        "there is no valid key normguard keys create --name ...",
    )
    assert examined(redis=f"redis://127.0.0.1:{free_port()}")["redis"][0] is Level.ERROR
    assert examined(audit="sqlite:////no/such/a.db")["audit"][0] is Level.ERROR
    assert examined(policy="nope")["guard"][0] is Level.ERROR
    assert examined(workers=250)["workers"][0] is Level.WARNING
    assert examined(audit=f"sqlite:///{tmp_path}/a.db", audit_content=True)["audit"][0] is Level.OK
    file.write_text("colour: red")
    assert found(file) == {"settings": (Level.ERROR, found(file)["settings"][1])}
    assert "colour" in found(file)["settings"][1]


def test_keys_whose_policy_is_gone_are_named(tmp_path: Path) -> None:
    keys = f"sqlite:///{tmp_path}/keys.db"
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "mine.yaml").write_text("max_norms: 1\n")
    for name, policy in (("shop", "mine"), ("desk", "strict"), ("any", None)):
        open_keys(keys).add(new_key(name, policy=policy)[1])
    settings = Settings(keys=keys, policies=tmp_path / "own")  # type: ignore[arg-type]
    assert [finding.level for finding in doctor._keys(settings)] == [Level.OK], "an older name of a policy is one too"
    (tmp_path / "own" / "mine.yaml").rename(tmp_path / "own" / "mime.yaml")
    _, wrong = doctor._keys(settings)
    assert wrong.level is Level.ERROR
    assert "(shop): There is no policy 'mine'; did you mean 'mime'?" in wrong.found
    assert "revoke" in wrong.mend


def test_the_doctor_makes_no_file_of_decisions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    (finding,) = doctor._audit(Settings())
    assert (finding.level, finding.found) == (Level.OK, f"decisions will be kept in {audit_file()}")
    assert not audit_file().exists()
