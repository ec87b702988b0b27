"""The operator's routes: health, metrics, state, reload."""

from __future__ import annotations

import os
import time
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import JSONResponse, PlainTextResponse, Response

from guard import __version__
from guard.proxy.server import Server

ANYBODYS = frozenset({"/healthz", "/readyz"})
"""What needs neither a key nor a token: probes have none."""
OPERATORS = ("/metrics", "/docs", "/redoc", "/openapi.json", "/normguard/admin/")
"""Beginnings of the paths that are the operator's."""


def routes(server: Server) -> APIRouter:
    """``/healthz``, ``/readyz``, ``/metrics``, ``/normguard/admin/status`` and ``/normguard/admin/reload``."""
    guarded = server.guarded
    router = APIRouter()

    @router.get("/healthz", tags=["operation"])
    async def healthz() -> dict[str, str]:
        """The process is alive."""
        return {"status": "ok"}

    @router.get("/readyz", tags=["operation"])
    async def readyz() -> Response:
        """The guard is loaded, and requests are taken; 503 from the moment that the server is told to stop."""
        guard = guarded.live.guard
        about = {
            "status": "draining" if server.draining else "ready",
            "norms": len(guard.library.norms),
            "vision": guard.vision.name if guard.vision else None,
            "upstream": guarded.live.upstream.name,
        }
        return JSONResponse(about, 503 if server.draining else 200)

    @router.get("/metrics", tags=["operation"], response_class=PlainTextResponse)
    async def metrics() -> Response:
        """Prometheus metrics."""
        return Response(guarded.metrics.exposition(), media_type=CONTENT_TYPE_LATEST)

    @router.get("/normguard/admin/status", tags=["operation"])
    async def status() -> dict[str, Any]:
        """What this worker is, has loaded, and does."""
        guard = guarded.live.guard
        return {
            "version": __version__,
            "process": os.getpid(),
            "seconds": round(time.time() - server.started),
            "draining": server.draining,
            "in_flight": server.load.in_flight,
            "lag_ms": round(server.load.lag * 1000, 1),
            "upstream": guarded.live.upstream.name,
            "norms": len(guard.library.norms),
            "countries": len(guard.library.packs),
            "policies": guard.policies.names(),
            "classifier": guard.scorer.name,
            "vision": guard.vision.name if guard.vision else None,
            "reload": asdict(server.last) if server.last else None,
        }

    @router.post("/normguard/admin/reload", tags=["operation"])
    async def reload() -> Response:
        """Load settings, packs, policies and models anew; 409 where they cannot be used, and the old ones stay."""
        outcome = await (server.reload_all or server.reload)()
        return JSONResponse(asdict(outcome), 200 if outcome.ok else 409)

    return router
