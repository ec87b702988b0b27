"""The operator's routes: health, metrics, state, reload."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import JSONResponse, PlainTextResponse, Response

from guard import __version__
from guard.proxy.guarded import Guarded
from guard.proxy.overload import OverloadGuard
from guard.proxy.reload import Outcome, Reloader

ANYBODYS = frozenset({"/healthz", "/readyz"})
"""What needs neither a key nor a token: probes have none."""
OPERATORS = ("/metrics", "/docs", "/redoc", "/openapi.json", "/normguard/admin/")
"""Beginnings of the paths that are the operator's."""


class ServerState:
    """What a server knows of itself.

    Attributes:
        draining: whether it is about to shut down.
        reloader: None until the event loop runs.
        reload_all: reloads every worker, where there are several.
    """

    def __init__(self, reload_all: Callable[[], Awaitable[Outcome]] | None = None) -> None:
        self.draining = False
        self.started = time.time()
        self.reloader: Reloader | None = None
        self.reload_all = reload_all


def routes(guarded: Guarded, load: OverloadGuard, state: ServerState) -> APIRouter:
    """``/healthz``, ``/readyz``, ``/metrics``, ``/normguard/admin/status`` and ``/normguard/admin/reload``."""
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
            "status": "draining" if state.draining else "ready",
            "norms": len(guard.library.norms),
            "vision": guard.vision.name if guard.vision else None,
            "upstream": guarded.live.upstream.name,
        }
        return JSONResponse(about, 503 if state.draining else 200)

    @router.get("/metrics", tags=["operation"], response_class=PlainTextResponse)
    async def metrics() -> Response:
        """Prometheus metrics."""
        return Response(guarded.metrics.exposition(), media_type=CONTENT_TYPE_LATEST)

    @router.get("/normguard/admin/status", tags=["operation"])
    async def status() -> dict[str, Any]:
        """What this worker is, has loaded, and does."""
        guard = guarded.live.guard
        last = state.reloader.last if state.reloader else None
        return {
            "version": __version__,
            "process": os.getpid(),
            "seconds": round(time.time() - state.started),
            "draining": state.draining,
            "in_flight": load.in_flight,
            "lag_ms": round(load.lag * 1000, 1),
            "upstream": guarded.live.upstream.name,
            "norms": len(guard.library.norms),
            "countries": len(guard.library.packs),
            "policies": guard.policies.names(),
            "classifier": guard.scorer.name,
            "vision": guard.vision.name if guard.vision else None,
            "reload": {"ok": last.ok, "message": last.message} if last else None,
        }

    @router.post("/normguard/admin/reload", tags=["operation"])
    async def reload() -> Response:
        """Load settings, packs, policies and models anew; 409 where they cannot be used, and the old ones stay."""
        if state.reload_all is not None:
            outcome = await state.reload_all()
        elif state.reloader is not None:
            outcome = await state.reloader()
        else:
            outcome = Outcome(False, "this server was given its guard and has nothing to reload it from")
        return JSONResponse({"ok": outcome.ok, "message": outcome.message}, 200 if outcome.ok else 409)

    return router
