"""The audit trail: what is kept, what is not, and what becomes of it when things go wrong."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from guard import Exchange, Guard, Image
from guard.audit.record import Record
from guard.audit.store import Store
from guard.audit.writer import Writer
from guard.cli.audit import audit
from guard.deployment.build import open_audit
from guard.errors import SettingsError
from guard.settings import Settings
from tests.conftest import FakeUpstream
from tests.policies import POLICIES, AsPolicies, Scripted
from tests.test_proxy import CLOCK, HARMLESS, png


def record(guard: Guard, query: str = CLOCK, **more: Any) -> Record:
    exchange = Exchange.of(query, images=[Image(data=png())])
    given: dict[str, Any] = {
        "secret": b"s",
        "request_id": "1",
        "api": "chat",
        "model": "m",
        "policy": None,
        "http_status": 200,
        "latency_ms": 1.0,
    }
    return Record.of(exchange, guard.check(exchange), **{**given, **more})


def wait_for(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_record_holds_hashes_and_no_text_unless_asked(guard: Guard) -> None:
    kept = record(guard)
    assert kept.query is kept.guidance is kept.rewritten is None
    assert len(kept.query_hash) == 64
    assert len(kept.image_hashes) == 1
    assert "cn.gift.clocks" in kept.norms
    assert record(guard).query_hash == kept.query_hash
    assert record(guard, secret=b"other").query_hash != kept.query_hash
    assert record(guard, content=True).query == CLOCK


def test_written_soon_read_back_and_deleted_when_old(guard: Guard, tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/audit.db")
    writer = Writer(store)
    for _ in range(700):
        writer.record(record(guard, HARMLESS))
    wait_for(lambda: writer.written == 700)
    found = list(store.read())
    assert len(found) == store.count() == 700
    assert found[0]["action"] == "pass"
    assert list(store.read(action="advise")) == []
    now = datetime.now(UTC)
    assert list(store.read(until=now - timedelta(minutes=5))) == []
    assert store.prune(now - timedelta(days=1)) == 0
    assert store.prune(now + timedelta(minutes=1)) == 700
    writer.close()
    again = Writer(Store(f"sqlite:///{tmp_path}/audit.db"), retention_days=1e-9)
    again.record(record(guard))
    again.close()
    assert again.written == 1


def test_what_finds_no_room_is_dropped_and_counted(guard: Guard, tmp_path: Path) -> None:
    class Away(Store):
        def add(self, records: Any) -> int:
            raise OSError("gone")

    writer = Writer(Away(f"sqlite:///{tmp_path}/audit.db"), room=10)
    kept = record(guard)
    start = time.perf_counter()
    for _ in range(5000):
        writer.record(kept)
    assert time.perf_counter() - start < 1, "requests do not wait for the database"
    assert writer.dropped >= 5000 - 10 - 500
    writer.close()
    assert writer.dropped == 5000
    assert writer.written == 0


def test_a_database_that_comes_back(guard: Guard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Limping(Store):
        failures = 2

        def add(self, records: Any) -> int:
            if self.failures:
                self.failures -= 1
                raise OSError("gone")
            return super().add(records)

    monkeypatch.setattr("guard.audit.writer._AGAIN", 0.05)
    writer = Writer(Limping(f"sqlite:///{tmp_path}/audit.db"))
    writer.record(record(guard))
    wait_for(lambda: writer.written == 1)
    assert writer.dropped == 0
    writer.close()


def test_the_proxy_keeps_every_decision(
    start_proxy: Callable[..., str], guard: Guard, upstream: FakeUpstream, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/audit.db"
    acting = Guard(library=guard.library, scorer=guard.scorer, policies=AsPolicies(**POLICIES), checker=Scripted())
    address = start_proxy(acting, upstream=upstream.base, audit=url)

    def ask(query: str, policy: str = "default", **more: Any) -> str:
        body = {"model": "m", "messages": [{"role": "user", "content": query}], **more}
        headers = {"x-normguard-policy": policy}
        response = httpx.post(f"{address}/v1/chat/completions", json=body, headers=headers)
        return response.headers["x-normguard-request-id"]

    ids = [ask(CLOCK), ask(HARMLESS), ask(CLOCK, "block"), ask(CLOCK, "shadow"), ask(CLOCK, "verify", stream=True)]
    ids.append(ask(CLOCK, model="rate-limited"))
    store = Store(url)
    wait_for(lambda: store.count() == 6)
    found = {row["request_id"]: row for row in store.read()}
    rows = [found[id_] for id_ in ids]
    assert [row["action"] for row in rows] == ["advise", "pass", "block", "monitor", "verify", "advise"]
    assert [row["shadow"] for row in rows] == [None, None, None, "advise", None, None]
    assert [row["http_status"] for row in rows] == [200, 200, 200, 200, 200, 429]
    assert rows[0]["query_hash"] == rows[2]["query_hash"] != rows[1]["query_hash"]
    assert rows[4]["verify"] in {"cleared", "revised", "noted", "unsure"}, "told once the stream is over"
    wait_for(lambda: "normguard_audit_written_total 6.0" in httpx.get(f"{address}/metrics").text)
    raw = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"Shanghai" not in raw, "no text is kept unless the operator says so"


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


def test_the_original_of_a_rewritten_question_is_kept_where_content_is(
    start_proxy: Callable[..., str], guard: Guard, upstream: FakeUpstream, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/audit.db"
    acting = Guard(library=guard.library, scorer=guard.scorer, policies=AsPolicies(**POLICIES), policy="rewrite")
    address = start_proxy(acting, upstream=upstream.base, audit=url, audit_content=True)
    body = {"model": "m", "messages": [{"role": "user", "content": CLOCK}]}
    httpx.post(f"{address}/v1/chat/completions", json=body)
    store = Store(url)
    wait_for(lambda: store.count() == 1)
    (row,) = store.read()
    assert row["query"] == CLOCK
    assert row["rewritten"].startswith(f"{CLOCK}\n\nPlease take into account")


_LOAD = """
import sys, time
from datetime import UTC, datetime
from guard.audit.record import Record
from guard.audit.store import Store
from guard.audit.writer import Writer
writer = Writer(Store(sys.argv[1]))
n = 0
while True:
    n += 1
    now = datetime.now(UTC)
    pass_ = (200, "pass", None, 0.1, [], [], [], 0, [], 1.0, None, "x", "h", [])
    writer.record(Record(now, str(n), "chat", "m", None, *pass_))
    if n % 50 == 0:
        print(n, time.time(), flush=True)
        time.sleep(0.01)
"""


def test_a_killed_process_loses_at_most_the_last_second(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/audit.db"
    with subprocess.Popen([sys.executable, "-c", _LOAD, url], stdout=subprocess.PIPE, text=True) as process:
        time.sleep(4)
        os.kill(process.pid, signal.SIGKILL)
        told = [line.split() for line in process.communicate()[0].splitlines() if len(line.split()) == 2]
    killed = float(told[-1][1])
    a_second_ago = max((int(n) for n, at in told if float(at) < killed - 1.0), default=0)
    assert a_second_ago > 500
    with sqlite3.connect(tmp_path / "audit.db") as database:
        assert database.execute("pragma integrity_check").fetchone() == ("ok",)
        ids = [int(row[0]) for row in database.execute("select request_id from normguard_decisions order by id")]
    assert ids == list(range(1, len(ids) + 1)), "nothing is missing in between"
    assert len(ids) >= a_second_ago


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
