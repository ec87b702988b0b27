"""Traces that go on, and hold no words."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import FakeUpstream
from tests.processes import served
from tests.samples import BODY


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
