"""OpenTelemetry: traces and metrics, sent to a collector where one is named (extra ``telemetry``)."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from typing import Any

from guard import __version__
from guard.errors import SettingsError, missing
from guard.types import Decision
from guard.upstreams.base import Headers


class Telemetry:
    """Spans and counts of a server, over OTLP/HTTP.

    A caller's trace (W3C ``traceparent``) is gone on with, and the upstream is told of it. Attributes carry what the
    guard decided (action, countries, ids of norms), sizes and times; never texts, pictures, keys or addresses.

    Args:
        endpoint: URL of the collector (``http://collector:4318``).
        exporters: where spans and metrics go instead, for tests: a span exporter and a metric reader.

    Raises:
        SettingsError: the packages are missing.
    """

    def __init__(self, endpoint: str, *, exporters: tuple[Any, Any] | None = None) -> None:
        try:
            from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.metrics import MeterProvider
            from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
            from opentelemetry.trace import SpanKind, Status, StatusCode, get_current_span
            from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
        except ImportError as error:
            raise SettingsError(missing("otlp: sending traces", "telemetry")) from error
        base = endpoint.rstrip("/")
        resource = Resource.create({"service.name": "normguard", "service.version": __version__})
        self._spans = TracerProvider(resource=resource)
        if exporters is None:
            self._spans.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{base}/v1/traces")))
            reader = PeriodicExportingMetricReader(OTLPMetricExporter(f"{base}/v1/metrics"))
        else:
            self._spans.add_span_processor(SimpleSpanProcessor(exporters[0]))
            reader = exporters[1]
        self._meters = MeterProvider(resource=resource, metric_readers=[reader])
        self._tracer = self._spans.get_tracer("normguard", __version__)
        meter = self._meters.get_meter("normguard", __version__)
        self._requests = meter.create_histogram(
            "http.server.request.duration", unit="s", description="Time to an answer's last byte."
        )
        self._guard = meter.create_histogram("normguard.guard.duration", unit="s", description="Time in the guard.")
        self._decisions = meter.create_counter("normguard.decisions", description="Decisions by action.")
        self._context = TraceContextTextMapPropagator()
        self._kinds, self._status, self._codes = SpanKind, Status, StatusCode
        self._current = get_current_span

    @contextlib.contextmanager
    def request(self, method: str, route: str, headers: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """The span of a request; what is put into the mapping that it gives becomes its attributes."""
        told: dict[str, Any] = {}
        start = time.perf_counter()
        with self._tracer.start_as_current_span(
            f"{method} {route}",
            context=self._context.extract(headers),
            kind=self._kinds.SERVER,
            attributes={"http.request.method": method, "http.route": route},
            record_exception=False,  # its message may hold what a user said
            set_status_on_exception=False,
        ) as span:
            try:
                yield told
            finally:
                status = told.get("http.response.status_code", 500)
                span.set_attributes(told)
                if status >= 500:
                    span.set_status(self._status(self._codes.ERROR))
                self._requests.record(
                    time.perf_counter() - start,
                    {"http.request.method": method, "http.route": route, "http.response.status_code": status},
                )

    @contextlib.contextmanager
    def upstream(self, path: str, model: str | None, headers: Headers) -> Iterator[Headers]:
        """The span of a call to the upstream, and the headers to send with it."""
        with self._tracer.start_as_current_span(
            "upstream",
            kind=self._kinds.CLIENT,
            attributes={"url.path": path.partition("?")[0][:100], "gen_ai.request.model": (model or "")[:100]},
            record_exception=False,
            set_status_on_exception=False,
        ):
            carrier: dict[str, str] = {}
            self._context.inject(carrier)
            kept = [pair for pair in headers if pair[0].lower() not in carrier]
            yield [*kept, *carrier.items()]

    def answered(self, status: int) -> None:
        """What the upstream answered, on the span of the call."""
        span = self._current()
        span.set_attribute("http.response.status_code", status)
        if status >= 500:
            span.set_status(self._status(self._codes.ERROR))

    def decided(self, decision: Decision, elapsed: float) -> None:
        """What the guard decided, on the span of the request, with a span for each of its stages."""
        self._decisions.add(1, {"action": str(decision.action)})
        self._guard.record(elapsed)
        self._current().set_attributes(
            {
                "normguard.action": str(decision.action),
                "normguard.sensitivity": round(decision.sensitivity, 4),
                "normguard.cultures": [str(culture["code"]) for culture in decision.cultures],
                "normguard.norms": [norm.id for norm in decision.norms],
                "normguard.tokens": decision.tokens,
                "normguard.degraded": list(decision.degraded),
            }
        )
        at = time.time_ns() - int(sum(decision.timings_ms.values()) * 1e6)
        for stage, ms in decision.timings_ms.items():
            span = self._tracer.start_span(f"guard {stage}", start_time=at)
            at += int(ms * 1e6)
            span.end(at)

    def close(self) -> None:
        """Send what is left."""
        self._spans.shutdown()
        self._meters.shutdown()
