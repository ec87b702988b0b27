"""Running the proxy from settings."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from guard.deployment.exposure import check_exposure
from guard.errors import SettingsError
from guard.pipeline import Guard
from guard.proxy.app import create_app
from guard.proxy.server import Server
from guard.proxy.slow_clients import SlowClientProtocol
from guard.settings import Settings

_BACKLOG = 2048


def listen(settings: Settings) -> socket.socket:
    """A socket bound to the settings' address.

    Raises:
        SettingsError: the address is taken or not ours, or it is public and nothing keeps strangers out.
    """
    check_exposure(settings)
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((settings.host, settings.port))
        bound.listen(_BACKLOG)  # from here on callers wait where they would be refused
    except OSError as error:
        bound.close()
        raise SettingsError(
            f"Cannot listen on {settings.host}:{settings.port}: {error.strerror}. Choose another --port, or stop what "
            "runs there."
        ) from error
    return bound


def make_server(
    settings: Settings,
    guard: Guard | None = None,
    *,
    read: Callable[[], Settings] | None = None,
    file: Path | None = None,
) -> uvicorn.Server:
    """A server ready to run on a socket from `listen`; arguments and errors as `Server`."""
    return uvicorn.Server(config(settings, create_app(Server(settings, guard, read=read, file=file))))


def config(settings: Settings, app: ASGIApp | str, **more: Any) -> uvicorn.Config:
    """How uvicorn runs the application."""
    return uvicorn.Config(
        app,
        http=SlowClientProtocol,
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=settings.drain,
        **more,
    )
