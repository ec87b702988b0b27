"""Prometheus metrics of the proxy; labels take few, known values only."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_DEGRADED = frozenset({"hint", "text", "picture", "caption", "remote-image", "thread", "vision", "ocr", "model"})


class Metrics:
    """The proxy's counters and histograms, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "normguard_requests", "Requests by route and status class.", ["route", "status"], registry=self.registry
        )
        self.decisions = Counter("normguard_decisions", "Decisions by action.", ["action"], registry=self.registry)
        self.guarded = Counter(
            "normguard_guard_status", "Requests by guard status.", ["status"], registry=self.registry
        )
        self.stages = Histogram(
            "normguard_stage_seconds",
            "Time in each stage of the guard.",
            ["stage"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.upstream = Histogram(
            "normguard_upstream_seconds",
            "Time to the upstream's status line.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.upstream_errors = Counter(
            "normguard_upstream_errors", "Upstream failures by kind.", ["code"], registry=self.registry
        )
        self.degraded = Counter(
            "normguard_degraded", "Evidence sources that failed or were off.", ["source"], registry=self.registry
        )
        self.side_calls = Counter(
            "normguard_side_calls", "Model calls of the guard's own.", ["kind", "outcome"], registry=self.registry
        )
        self.verified = Counter(
            "normguard_verified", "Answers checked, by what became of them.", ["outcome"], registry=self.registry
        )
        self.in_flight = Gauge("normguard_in_flight", "Requests being answered.", registry=self.registry)

    def watch_audit(self, written: Callable[[], int], dropped: Callable[[], int]) -> None:
        """Tell how many decisions were kept, and how many found no room."""
        for name, what, of in (("written", "kept", written), ("dropped", "that found no room", dropped)):
            gauge = Gauge(f"normguard_audit_{name}", f"Decisions {what} in the audit trail.", registry=self.registry)
            gauge.set_function(of)

    def count_degraded(self, source: str) -> None:
        self.degraded.labels(source if source in _DEGRADED else "other").inc()
