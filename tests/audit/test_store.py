"""Where decisions are kept, and what becomes of it when things go wrong."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from guard import Guard
from guard.audit.store import Store
from guard.audit.writer import Writer
from guard.cli.audit import audit
from guard.deployment.build import open_audit
from guard.errors import SettingsError
from guard.settings import Settings
from tests.audit.records import record
from tests.conftest import FakeUpstream
from tests.samples import CLOCK, HARMLESS
from tests.services import PostgresServer
from tests.waiting import wait_for


def test_decisions_are_kept_where_nobody_named_a_database(
    start_proxy: Callable[..., str], upstream: FakeUpstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    empty = CliRunner().invoke(audit, ["stats"])
    assert isinstance(empty.exception, SettingsError)
    assert str(tmp_path / "state" / "normguard" / "audit.db") in str(empty.exception)
    body = {"model": "m", "messages": [{"role": "user", "content": CLOCK}]}
    address = start_proxy(upstream=upstream.base)
    httpx.post(f"{address}/v1/chat/completions", json=body)
    wait_for(lambda: "normguard_audit_written_total 1.0" in httpx.get(f"{address}/metrics").text)
    told = CliRunner().invoke(audit, ["stats", "--json"])
    assert json.loads(told.output)["action"] == {"advise": 1}
    assert (tmp_path / "state" / "normguard").stat().st_mode & 0o077 == 0, "nobody else's business"

    address = start_proxy(upstream=upstream.base, audit="none")
    httpx.post(f"{address}/v1/chat/completions", json=body)
    time.sleep(0.7)
    assert json.loads(CliRunner().invoke(audit, ["stats", "--json"]).output)["decisions"] == 1


def test_a_place_that_cannot_be_written_is_told_and_done_without(
    start_proxy: Callable[..., str],
    upstream: FakeUpstream,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    (tmp_path / "file").write_text("no folder")
    address = start_proxy(upstream=upstream.base)
    body = {"model": "m", "messages": [{"role": "user", "content": CLOCK}]}
    assert httpx.post(f"{address}/v1/chat/completions", json=body).status_code == 200
    assert "Decisions are not kept" in caplog.text
    assert "Set audit to the URL of a database" in caplog.text


def test_many_processes_start_on_one_database(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/audit.db"
    code = "import sys; from guard.audit.store import Store; print(Store(sys.argv[1]).secret.decode())"
    started = [subprocess.Popen([sys.executable, "-c", code, url], stdout=subprocess.PIPE, text=True) for _ in range(6)]
    secrets = {process.communicate()[0].strip() for process in started}
    assert len(secrets) == 1
    assert len(secrets.pop()) == 64


def test_bad_settings(tmp_path: Path) -> None:
    for url in ("nonsense", "sqlite:////no/such/folder/audit.db", "telex://x:sesame@y/z"):
        with pytest.raises(SettingsError, match="audit: ") as caught:
            open_audit(Settings(audit=url))  # type: ignore[arg-type]
        assert "sesame" not in str(caught.value)
    Store(f"sqlite:///{tmp_path}/audit.db").close()
    with sqlite3.connect(tmp_path / "audit.db") as database:
        database.execute("update alembic_version set version_num = '9999'")
    with pytest.raises(SettingsError, match="newer NormGuard"):
        Store(f"sqlite:///{tmp_path}/audit.db")


def test_postgres_keeps_and_reads_records(postgres: PostgresServer, guard: Guard) -> None:
    store = Store(postgres.url)
    before = store.count()
    writer = Writer(store)
    for _ in range(600):
        writer.record(record(guard, HARMLESS, request_id="pg"))
    wait_for(lambda: writer.written == 600)
    assert store.count() == before + 600
    rows = [row for row in store.read(action="pass") if row["request_id"] == "pg"]
    assert len(rows) == 600
    assert datetime.fromisoformat(rows[0]["time"]).tzinfo is not None
    assert rows[0]["image_hashes"] == record(guard, HARMLESS).image_hashes[:0] or len(rows[0]["image_hashes"]) == 1
    writer.close()


def test_no_caller_can_say_what_a_database_refuses(tmp_path: Path, postgres: PostgresServer, guard: Guard) -> None:
    odd = record(guard, f"{CLOCK}\0\ud800", model="a\0b\ud800", content=True)
    for url in (postgres.url, f"sqlite:///{tmp_path}/a.db"):
        store = Store(url)
        assert store.add([odd]) == 1
        assert "a\ufffdb?" in {row["model"] for row in store.read()}
        store.close()
