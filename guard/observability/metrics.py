"""Prometheus metrics of the proxy; labels take few, known values only."""

from __future__ import annotations

import os
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from guard.errors import AccessError, NormGuardError, UpstreamError
from guard.types import Decision

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_REASONS = {
    "missing_api_key": "no_key",
    "invalid_api_key": "wrong_key",
    "key_expired": "expired",
    "key_revoked": "revoked",
    "keys_unavailable": "unavailable",
    "rate_limit_exceeded": "rate",
    "concurrency_limit_exceeded": "concurrency",
    "model_not_allowed": "model",
    "policy_not_allowed": "policy",
    "invalid_admin_token": "admin",
    "no_admin_token": "admin",
}


class Metrics:
    """The proxy's counters and histograms.

    With several workers (``PROMETHEUS_MULTIPROC_DIR`` is set) each answers for all: the values lie in files they share.
    """

    def __init__(self) -> None:
        self._several = "PROMETHEUS_MULTIPROC_DIR" in os.environ
        self._registry = registry = CollectorRegistry()

        def counter(name: str, what: str, *labels: str) -> Counter:
            return Counter(f"normguard_{name}", what, labels, registry=registry)

        def gauge(name: str, what: str, *labels: str) -> Gauge:
            return Gauge(f"normguard_{name}", what, labels, registry=registry, multiprocess_mode="livesum")

        def seconds(name: str, what: str, *labels: str) -> Histogram:
            return Histogram(f"normguard_{name}_seconds", what, labels, buckets=_SECONDS, registry=registry)

        self.requests = counter("requests", "Requests by route and status class.", "route", "status")
        self.decisions = counter("decisions", "Decisions by action.", "action")
        self.guarded = counter("guard_status", "Requests by guard status.", "status")
        self.stages = seconds("stage", "Time in each stage of the guard.", "stage")
        self.upstream = seconds("upstream", "Time to the upstream's status line.")
        self.upstream_errors = counter("upstream_errors", "Upstream failures by kind.", "code")
        self.degraded = counter("degraded", "Evidence sources that failed or were off.", "source")
        self.side_calls = counter("side_calls", "Model calls of the guard's own.", "kind", "outcome")
        self.verified = counter("verified", "Answers checked, by what became of them.", "outcome")
        self.refused = counter("refused", "Requests that their key did not let in.", "reason")
        self.shed = counter("shed", "Requests turned away because there was too much to do.", "reason")
        self.reloads = counter("reloads", "Reloads of settings, packs and models, by outcome.", "outcome")
        self.shared_errors = counter("shared_errors", "Times that Redis was away, by what was wanted of it.", "what")
        self.audit_written = counter("audit_written", "Decisions kept in the audit trail.")
        self.audit_dropped = counter("audit_dropped", "Decisions that found no room in the audit trail.")
        self.in_flight = gauge("in_flight", "Requests being answered.")
        self._running = gauge("upstream_running", "Requests under way to an upstream.", "upstream")
        self._waiting = gauge("upstream_waiting", "Requests that wait for their turn with an upstream.", "upstream")
        self._resting = gauge("breaker_open", "Workers in which an upstream is left alone.", "upstream")

        self._stage = cache(self.stages.labels)  # labels are looked up once: these are told with every request
        self._upstreams: dict[str, tuple[Gauge, Gauge]] = {}
        # A series that begins with its first event has no rate yet: what alerts watch begins at nought.
        for status in ("ok", "degraded", "bypassed"):
            self.guarded.labels(status)
        for reason in ("in_flight", "lag"):
            self.shed.labels(reason)
        for outcome in ("ok", "failed"):
            self.reloads.labels(outcome)

    def exposition(self) -> bytes:
        """All values in Prometheus' text format."""
        if not self._several:
            return generate_latest(self._registry)
        everybody = CollectorRegistry()
        MultiProcessCollector(everybody)  # type: ignore[no-untyped-call]
        return generate_latest(everybody)

    def count_decision(self, decision: Decision, seconds: float) -> None:
        """Count a decision that took so many seconds."""
        self.decisions.labels(decision.action).inc()
        self.guarded.labels("degraded" if decision.degraded else "ok").inc()
        for stage, ms in decision.timings_ms.items():
            self._stage(stage).observe(ms / 1000)
        self._stage("total").observe(seconds)
        for source in decision.degraded:
            self.degraded.labels(source).inc()  # names are constants of the sources' code

    def count_error(self, error: NormGuardError) -> None:
        """Count what no answer came of: an upstream that failed, a request that was not let in."""
        if isinstance(error, UpstreamError):
            self.upstream_errors.labels(error.code).inc()
        elif isinstance(error, AccessError):
            self._count_access(error)

    def _count_access(self, error: AccessError) -> None:
        if error.code.startswith("overloaded_"):
            self.shed.labels(error.code.removeprefix("overloaded_")).inc()
        else:
            self.refused.labels(_REASONS.get(error.code, "other")).inc()

    def upstream_state(self, name: str, *, running: int, waiting: int) -> None:
        if (gauges := self._upstreams.get(name)) is None:
            gauges = self._upstreams[name] = (self._running.labels(name), self._waiting.labels(name))
        gauges[0].set(running)
        gauges[1].set(waiting)

    def upstream_resting(self, name: str, resting: bool) -> None:
        self._resting.labels(name).set(resting)
