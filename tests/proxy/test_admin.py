"""The routes for operators."""

from __future__ import annotations

import httpx

from tests.samples import CLOCK, client


def test_operation_routes(proxy: str) -> None:
    client(proxy).chat.completions.create(model="m", messages=[{"role": "user", "content": CLOCK}])
    assert httpx.get(f"{proxy}/healthz").json() == {"status": "ok"}
    assert httpx.get(f"{proxy}/readyz").json()["status"] == "ready"
    text = httpx.get(f"{proxy}/metrics").text
    for name in (
        'normguard_requests_total{route="chat",status="2xx"}',
        'normguard_decisions_total{action="advise"}',
        'normguard_guard_status_total{status="ok"}',
        'normguard_stage_seconds_count{stage="total"}',
        "normguard_upstream_seconds_count",
        "normguard_in_flight",
    ):
        assert name in text, name
