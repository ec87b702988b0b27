"""What operators see and set up: databases, Redis, traces, logs, the doctor, the OpenAPI document."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from sqlalchemy import create_engine, inspect, text

from guard import Guard
from guard.access.keys import new_key
from guard.access.store import open_keys
from guard.audit.store import Store
from guard.audit.writer import Writer
from guard.cache import Recent
from guard.cli.doctor import doctor
from guard.deployment.doctor import Level, examine
from guard.errors import SettingsError
from guard.observability.logs import configure, without_content
from guard.stores.engine import connect
from guard.stores.redis import Redis
from guard.vision.model import VisionModel
from tests.conftest import FakeUpstream
from tests.services import PostgresServer, RedisServer, free_port
from tests.test_audit import record, wait_for
from tests.test_proxy import CLOCK, HARMLESS, data_url, picture_message, png
from tests.test_resilience import served

BODY = {"model": "m", "messages": [{"role": "user", "content": CLOCK}]}


# --- databases --------------------------------------------------------------------------------------------------------


def test_tables_are_what_the_code_thinks(tmp_path: Path, postgres: PostgresServer) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from guard.stores.tables import META

    for url in (f"sqlite:///{tmp_path}/a.db", postgres.url):
        with connect(url, setting="audit").connect() as connection:
            assert compare_metadata(MigrationContext.configure(connection), META) == []


def test_a_database_from_before_migrations_is_taken_along(tmp_path: Path, guard: Guard) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    Store(url).close()
    with sqlite3.connect(tmp_path / "a.db") as database:
        database.execute("drop table normguard_keys")
        database.execute("alter table normguard_decisions drop column key")
        database.execute("drop table alembic_version")
        database.execute("insert into normguard_about values ('kept', 'yes')")
    store = Store(url)
    store.add([record(guard)])
    assert store.count() == 1
    open_keys(url).add(new_key("x")[1])
    with sqlite3.connect(tmp_path / "a.db") as database:
        assert database.execute("select value from normguard_about where name = 'kept'").fetchone() == ("yes",)


def test_many_start_on_one_new_postgres(postgres: PostgresServer) -> None:
    admin = create_engine(postgres.url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text("create database fresh"))
    url = postgres.url.replace("/postgres", "/fresh")
    code = "import sys; from guard.audit.store import Store; print(Store(sys.argv[1]).secret.decode())"
    started = [subprocess.Popen([sys.executable, "-c", code, url], stdout=subprocess.PIPE, text=True) for _ in range(4)]
    secrets = {process.communicate()[0].strip() for process in started}
    assert len(secrets) == 1
    assert "normguard_keys" in inspect(create_engine(url)).get_table_names()


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


def test_no_caller_can_say_what_a_database_refuses(tmp_path: Path, postgres: PostgresServer, guard: Guard) -> None:
    odd = record(guard, f"{CLOCK}\0\ud800", model="a\0b\ud800", content=True)
    for url in (postgres.url, f"sqlite:///{tmp_path}/a.db"):
        store = Store(url)
        assert store.add([odd]) == 1
        assert "a\ufffdb?" in {row["model"] for row in store.read()}
        store.close()


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


def test_a_database_that_cannot_be_reached(tmp_path: Path) -> None:
    start = time.perf_counter()
    with pytest.raises(SettingsError, match="audit: ") as caught:
        Store(f"postgresql+psycopg://tester:sesame@127.0.0.1:{free_port()}/postgres")
    assert "sesame" not in str(caught.value)
    assert time.perf_counter() - start < 20


# --- Redis ------------------------------------------------------------------------------------------------------------


class CountingVision(VisionModel):
    """A vision model that sees a clock in everything, and counts how often it looks."""

    def __init__(self) -> None:
        self.name, self.provider, self.looks = "counting", "none", 0
        self._seen = Recent(10)

    def concepts(self, picture: Any, key: bytes) -> Any:
        if (known := self.knows(key)) is not None:
            return known
        self.looks += 1
        self.put(key, {"clock": 0.9})
        return {"clock": 0.9}


def test_machines_tell_each_other_what_pictures_show(
    start_proxy: Callable[..., str], guard: Guard, upstream: FakeUpstream, redis_server: RedisServer
) -> None:
    vision = [CountingVision(), CountingVision()]
    guards = [Guard(library=guard.library, scorer=guard.scorer, vision=each) for each in vision]
    addresses = [start_proxy(each, upstream=upstream.base, redis=redis_server.url) for each in guards]
    messages = picture_message(data_url(png((70, 51))), "Is this a good gift for my host in Shanghai?")
    for address in (addresses[0], addresses[0], addresses[1]):
        response = httpx.post(f"{address}/v1/chat/completions", json={"model": "m", "messages": messages})
        assert "cn.gift.clocks" in response.headers["x-normguard-norms"]
        time.sleep(0.1)
    assert [each.looks for each in vision] == [1, 0]


def test_machines_tell_each_other_what_turns_were_about(
    start_proxy: Callable[..., str], guard: Guard, upstream: FakeUpstream, redis_server: RedisServer
) -> None:
    guards = [Guard(library=guard.library, scorer=guard.scorer) for _ in range(3)]
    shared = [start_proxy(each, upstream=upstream.base, redis=redis_server.url) for each in guards[:2]]
    alone = start_proxy(guards[2], upstream=upstream.base)
    first = httpx.post(f"{shared[0]}/v1/responses", json={"model": "m", "input": CLOCK}).json()
    follow = {"model": "m", "input": "Which colour of wrapping paper?", "previous_response_id": first["id"]}
    time.sleep(0.2)
    second = httpx.post(f"{shared[1]}/v1/responses", json=follow)
    assert second.headers["x-normguard-cultures"].startswith("CN")
    assert second.headers["x-normguard-status"] == "ok"
    assert httpx.post(f"{alone}/v1/responses", json=follow).headers["x-normguard-status"] == "degraded"
    import redis

    kept = redis.Redis.from_url(redis_server.url)
    values = b"".join(kept.get(name) or b"" for name in kept.scan_iter("normguard:thread:*"))
    assert b"Shanghai" not in values
    assert first["id"].encode() not in b"".join(kept.scan_iter("normguard:*"))


def test_what_another_version_kept_is_no_fault(
    start_proxy: Callable[..., str], upstream: FakeUpstream, redis_server: RedisServer
) -> None:
    import redis

    address = start_proxy(upstream=upstream.base, redis=redis_server.url)
    name = f"normguard:thread:{hashlib.sha256(b'resp_of_old').hexdigest()}"
    redis.Redis.from_url(redis_server.url).set(name, b'{"in": "another form"}')
    body = {"model": "m", "input": CLOCK, "previous_response_id": "resp_of_old"}
    response = httpx.post(f"{address}/v1/responses", json=body)
    assert response.headers["x-normguard-status"] == "degraded", "as if nothing had been kept"
    assert "cn.gift.clocks" in response.headers["x-normguard-norms"]


def test_a_crowd_waits_for_a_connection_to_redis(redis_server: RedisServer) -> None:
    async def ask() -> list[object]:
        shared, errors = Redis(redis_server.url), []
        shared.on_error = errors.append
        answers = await asyncio.gather(*(shared.ask("limits", shared.redis.ping) for _ in range(400)))
        await shared.close()
        return [*errors, *(answer for answer in answers if answer is not True)]

    assert asyncio.run(ask()) == []


def test_redis_gone_and_back_under_load(
    start_proxy: Callable[..., str], upstream: FakeUpstream, tmp_path_factory: pytest.TempPathFactory
) -> None:
    server = RedisServer(tmp_path_factory.mktemp("redis-away"))
    token, key = new_key("app", per_minute=10_000, concurrent=50)
    open_keys(server.url).add(key)
    address = start_proxy(upstream=upstream.base, redis=server.url, keys=server.url)
    headers = {"authorization": f"Bearer {token}"}
    slowest = 0.0

    def ask(count: int) -> None:
        nonlocal slowest
        for _ in range(count):
            start = time.perf_counter()
            response = httpx.post(f"{address}/v1/chat/completions", json=BODY, headers=headers)
            slowest = max(slowest, time.perf_counter() - start)
            assert response.status_code == 200

    ask(5)
    server.stop()
    ask(20)
    server.start()
    time.sleep(2.2)
    ask(5)
    assert slowest < 3
    assert 'normguard_shared_errors_total{what="limits"}' in httpx.get(f"{address}/metrics").text
    unknown = {"authorization": f"Bearer {new_key('x')[0]}"}
    assert httpx.post(f"{address}/v1/chat/completions", json=BODY, headers=unknown).status_code == 401
    server.stop()
    assert httpx.post(f"{address}/v1/chat/completions", json=BODY, headers=unknown).status_code in {401, 503}


# --- traces and logs --------------------------------------------------------------------------------------------------


@pytest.fixture
def collector() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """An OTLP collector that keeps what it is sent."""
    received: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", received
    server.shutdown()


def test_traces_go_on_and_hold_no_words(
    upstream: FakeUpstream, tmp_path: Path, collector: tuple[str, list[tuple[str, bytes]]]
) -> None:
    endpoint, received = collector
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with served(tmp_path, upstream.base, NORMGUARD_OTLP=endpoint) as (process, address):
        headers = {"traceparent": parent, "authorization": "Bearer sk-QX77Z"}
        assert httpx.post(f"{address}/v1/chat/completions", json=BODY, headers=headers).status_code == 200
        sent = upstream.headers[-1]["traceparent"].split("-")
        assert sent[1] == "0af7651916cd43dd8448eb211c80319c", "the caller's trace goes on"
        assert sent[2] != "b7ad6b7169203331", "the upstream hangs on our span"
        process.terminate()
        process.wait(20)
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    spans: dict[str, Any] = {}
    metrics: set[str] = set()
    for path, body in received:
        if path == "/v1/traces":
            told = ExportTraceServiceRequest.FromString(body)
            spans |= {s.name: s for r in told.resource_spans for scope in r.scope_spans for s in scope.spans}
        else:
            counted = ExportMetricsServiceRequest.FromString(body)
            metrics |= {m.name for r in counted.resource_metrics for s in r.scope_metrics for m in s.metrics}
    request = spans["POST /v1/chat/completions"]
    assert request.trace_id.hex() == sent[1]
    assert spans["upstream"].parent_span_id == request.span_id
    assert spans["upstream"].span_id.hex() == sent[2]
    assert {"guard evidence", "guard scores"} <= set(spans)
    assert "cn.gift.clocks" in str(request.attributes)
    assert {"normguard.decisions", "normguard.guard.duration", "http.server.request.duration"} <= metrics
    everything = b"".join(body for _, body in received)
    assert b"Shanghai" not in everything
    assert b"QX77Z" not in everything


def test_without_a_collector_trace_headers_pass_through(proxy: str, upstream: FakeUpstream) -> None:
    headers = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate": "a=b"}
    httpx.post(f"{proxy}/v1/chat/completions", json=BODY, headers=headers)
    assert {name: upstream.headers[-1][name] for name in headers} == headers


def test_logs_as_objects(upstream: FakeUpstream, tmp_path: Path) -> None:
    settings = {"NORMGUARD_LOG_FORMAT": "json", "NORMGUARD_LOG_LEVEL": "info", "NORMGUARD_LOG_REQUESTS": "true"}
    with served(tmp_path, upstream.base, **settings) as (process, address):
        response = httpx.post(f"{address}/v1/chat/completions", json=BODY)
        httpx.get(f"{address}/v1/files/secret-name-QX77Z")
        process.terminate()
        process.wait(20)
        assert process.stdout is not None
        lines = [json.loads(line) for line in process.stdout.read().splitlines() if line.startswith("{")]
    requests = [line for line in lines if line["event"] == "request"]
    chat = next(line for line in requests if line["route"] == "/v1/chat/completions")
    assert chat["request_id"] == response.headers["x-normguard-request-id"]
    assert (chat["status"], chat["level"].lower()) == (200, "info")
    assert any(line["route"] == "/v1/*" for line in requests)
    assert "QX77Z" not in json.dumps(lines)
    assert "Shanghai" not in json.dumps(lines)


def test_logs_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("normguard")
    before = (logger.handlers, logger.propagate, logger.level)
    try:
        configure("text", "warning")
        logger.warning("Redis is away (%s)", "TimeoutError")
        logger.info("not shown")
        assert "Redis is away (TimeoutError)" in capsys.readouterr().err
    finally:
        logger.handlers, logger.propagate, logger.level = before


def test_a_fault_without_its_message() -> None:
    try:
        raise ValueError("my password is QX77Z")
    except ValueError as error:
        told = without_content(error)
    assert "ValueError" in told
    assert "test_operation.py" in told
    assert "QX77Z" not in told


# --- the doctor and the document --------------------------------------------------------------------------------------


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


def test_the_doctors_command(tmp_path: Path, upstream: FakeUpstream) -> None:
    file = tmp_path / "normguard.yaml"
    file.write_text(json.dumps({"upstream": upstream.base, "vision": "none"}))
    run = CliRunner().invoke(doctor, ["--settings", str(file)])
    assert run.exit_code == 0, run.output
    assert "norms: 1" in run.output
    file.write_text(json.dumps({"upstream": f"http://127.0.0.1:{free_port()}/v1", "vision": "none"}))
    run = CliRunner().invoke(doctor, ["--settings", str(file), "--json"])
    assert run.exit_code == 1
    assert any(finding["level"] == "error" for finding in json.loads(run.output))
    assert CliRunner().invoke(doctor, ["--settings", str(file), "--offline"]).exit_code == 0


def test_the_document_tells_of_the_guarded_routes(proxy: str) -> None:
    document = httpx.get(f"{proxy}/openapi.json").json()
    for path in ("/v1/chat/completions", "/v1/responses", "/v1/messages", "/normguard/apply", "/readyz"):
        assert path in document["paths"]
    import jsonschema

    schema = document["paths"]["/v1/chat/completions"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate({**BODY, "normguard": {"country": "CN"}}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"messages": []}, schema)
