"""Decisions written in the background: none is lost that need not be."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from guard import Guard
from guard.audit.store import Store
from guard.audit.writer import Writer
from tests.audit.records import record
from tests.conftest import FakeUpstream
from tests.samples import BODY, HARMLESS
from tests.services import PostgresServer
from tests.waiting import wait_for


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
        assert process.stdout is not None
        told = [process.stdout.readline().split()]
        while float(told[-1][1]) - float(told[0][1]) < 2.5 or int(told[-1][0]) < 2000:
            told.append(process.stdout.readline().split())
        os.kill(process.pid, signal.SIGKILL)
        told += [line.split() for line in process.communicate()[0].splitlines() if len(line.split()) == 2]
    killed = float(told[-1][1])
    a_second_ago = max((int(n) for n, at in told if float(at) < killed - 1.0), default=0)
    assert a_second_ago > 500
    with sqlite3.connect(tmp_path / "audit.db") as database:
        assert database.execute("pragma integrity_check").fetchone() == ("ok",)
        ids = [int(row[0]) for row in database.execute("select request_id from normguard_decisions order by id")]
    assert ids == list(range(1, len(ids) + 1)), "nothing is missing in between"
    assert len(ids) >= a_second_ago


def test_what_a_database_refuses_does_not_keep_the_rest_out(
    tmp_path: Path, postgres: PostgresServer, guard: Guard
) -> None:
    """PostgreSQL takes no zero, SQLite no half of a surrogate pair."""
    fine = record(guard, HARMLESS)
    for url, poison in ((postgres.url, "\0"), (f"sqlite:///{tmp_path}/a.db", "\ud800")):
        store = Store(url)
        writer = Writer(store)
        before = store.count()
        for at in range(10):
            writer.record(replace(fine, model=poison) if at == 4 else fine)
        wait_for(lambda writer=writer: writer.written + writer.dropped == 10)
        assert (writer.written, writer.dropped) == (9, 1)
        assert store.count() == before + 9
        writer.close()


def test_postgres_gone_and_back_under_load(
    start_proxy: Callable[..., str],
    upstream: FakeUpstream,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("guard.audit.writer._AGAIN", 0.2)
    server = PostgresServer(tmp_path_factory.mktemp("postgres-away"))
    address = start_proxy(upstream=upstream.base, audit=server.url)

    def ask(count: int) -> None:
        for _ in range(count):
            start = time.perf_counter()
            assert httpx.post(f"{address}/v1/chat/completions", json=BODY).status_code == 200
            assert time.perf_counter() - start < 2, "requests do not wait for the database"

    ask(5)
    wait_for(lambda: Store(server.url).count() == 5)
    server.stop()
    ask(20)
    server.start()
    ask(5)
    wait_for(lambda: Store(server.url).count() == 30)
    told = httpx.get(f"{address}/metrics").text
    assert "normguard_audit_written_total 30.0" in told
    assert "normguard_audit_dropped_total 0.0" in told
    server.stop()
