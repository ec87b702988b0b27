"""Running the proxy from settings."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.types import ASGIApp

from guard.access.store import open_keys
from guard.audit.trail import AuditTrail
from guard.classifier.student import open_scorer
from guard.deployment.settings import Settings, audit_file
from guard.errors import SettingsError, missing
from guard.files import folder
from guard.norms.library import Library
from guard.norms.packs import read_packs
from guard.norms.vocabulary import Vocabulary
from guard.observability.metrics import Metrics
from guard.observability.telemetry import Telemetry
from guard.pictures.decode import PictureCache
from guard.pictures.isolated import Decoders
from guard.pipeline import Guard
from guard.policy.model import OnFault, Policies
from guard.proxy.admission import check_exposure
from guard.proxy.app import create_app
from guard.proxy.generation import Generation
from guard.proxy.lifespan import Lifespan, Source
from guard.proxy.reload import Outcome
from guard.proxy.slow_clients import SlowClientProtocol
from guard.stores.redis import Redis
from guard.upstreams.base import Upstream
from guard.upstreams.config import UpstreamConfig
from guard.upstreams.demo import DemoUpstream
from guard.upstreams.http import HttpUpstream
from guard.upstreams.litellm import LiteLLMUpstream
from guard.upstreams.protected import Bounds, Protected, Watch
from guard.upstreams.routes import Router
from guard.vision.model import open_vision
from guard.vision.ocr import SignReader

if TYPE_CHECKING:
    from guard.audit.store import Store

log = logging.getLogger("normguard")


def build_guard(settings: Settings, old: Guard | None = None) -> Guard:
    """The guard that `settings` describe, going on with the caches of an `old` one.

    Raises:
        PackError, PolicyError, ModelError: what they name is missing or faulty.
    """
    shipped = folder("policies")
    policies: list[Path] = [shipped / "deployments"]
    if settings.policies is not None:
        if not settings.policies.is_dir():
            raise SettingsError(f"policies: there is no folder {settings.policies}.")
        policies.append(settings.policies)
    library = Library(read_packs([shipped / "norms", *settings.norms]), Vocabulary())
    known = Policies(policies)
    forgiving = known.get(settings.policy).on_fault.guard is OnFault.OPEN
    return Guard(
        library=library,
        policies=known,
        policy=settings.policy,
        scorer=open_scorer(settings.classifier, library, forgiving=forgiving),
        vision=open_vision(settings.vision, library.vocabulary, forgiving=forgiving),
        ocr=SignReader(settings.ocr_budget) if settings.ocr else None,
        pictures=old.pictures if old is not None else PictureCache(decoder=Decoders() if os.name == "posix" else None),
        memory=old.memory if old is not None else None,
    )


def upstream_maker(settings: Settings, watch: Watch | None = None) -> Callable[[], Upstream]:
    """A function that makes what `settings` send requests to; raises `SettingsError` if a key is missing.

    Args:
        watch: told of the state of each upstream.
    """
    bounds = Bounds(
        concurrency=settings.upstream_concurrency,
        queue=settings.upstream_queue,
        patience=settings.queue_timeout,
        failures=settings.breaker_failures,
        rest=settings.breaker_rest,
    )
    if settings.upstreams:
        if any(config.kind == "litellm" for config in settings.upstreams.values()):
            LiteLLMUpstream()  # missing, it is missed at the start and not by the first request
        keys = {name: _key(name, config) for name, config in settings.upstreams.items()}

        def make() -> Upstream:
            made = {
                name: Protected(_upstream(settings, config, keys[name]), bounds, name=name, watch=watch)
                for name, config in settings.upstreams.items()
            }
            return Router(made, settings.routes, default=settings.default_upstream)

        return make
    if settings.upstream is None:
        return DemoUpstream
    key = settings.upstream_api_key.get_secret_value() if settings.upstream_api_key else None
    host = settings.upstream.host or ""
    kind = settings.upstream_kind or ("anthropic" if host.endswith("anthropic.com") else "openai")
    base = str(settings.upstream)

    def only() -> Upstream:
        upstream = HttpUpstream(
            base, kind=kind, api_key=key, connect_timeout=settings.connect_timeout, read_timeout=settings.read_timeout
        )
        return Protected(upstream, bounds, name="upstream", watch=watch)

    return only


def _upstream(settings: Settings, config: UpstreamConfig, key: str | None) -> Upstream:
    if config.kind == "litellm":
        return LiteLLMUpstream(api_key=key, options=config.options, read_timeout=settings.read_timeout)
    return HttpUpstream(
        str(config.base),
        kind=config.kind,
        api_key=key,
        forward_auth=config.forward_auth,
        connect_timeout=settings.connect_timeout,
        read_timeout=settings.read_timeout,
    )


def _key(name: str, config: UpstreamConfig) -> str | None:
    if config.api_key_env is None:
        return None
    key = os.environ.get(config.api_key_env)
    if not key:
        raise SettingsError(f"upstreams.{name}.api_key_env: the environment variable {config.api_key_env} is not set.")
    return key


def open_audit(settings: Settings) -> AuditTrail | None:
    """The audit trail that `settings` ask for; raises as `open_decisions`."""
    store = open_decisions(settings)
    if store is None:
        return None
    from guard.audit.writer import Writer  # an extra

    return AuditTrail(Writer(store, retention_days=settings.audit_retention_days), content=settings.audit_content)


def open_decisions(settings: Settings) -> Store | None:
    """The database in which decisions are kept; None where they are not.

    Raises:
        SettingsError: the database that `settings` name cannot be used. One that nobody named is done without, and the
            log says so.
    """
    if settings.audit_url is None:
        return None
    try:
        if settings.audit_is_auto:
            audit_file().parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return _open_store(settings.audit_url)
    except (SettingsError, OSError, RuntimeError) as error:  # no extra, no right to write there, no home
        if not settings.audit_is_auto:
            raise
        log.warning("Decisions are not kept. %s Set audit to the URL of a database, or to none.", error)
        return None


def _open_store(url: str) -> Store:
    try:
        from guard.audit.store import Store  # an extra
    except ImportError as error:
        raise SettingsError(missing("audit: keeping decisions", "database")) from error
    return Store(url)


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
    except OSError as error:
        bound.close()
        raise SettingsError(
            f"Cannot listen on {settings.host}:{settings.port}: {error.strerror}. Choose another --port, or stop what "
            "runs there."
        ) from error
    return bound


def make_app(
    settings: Settings,
    guard: Guard,
    *,
    source: Callable[[], Settings] | None = None,
    file: Path | None = None,
    reload_all: Callable[[], Awaitable[Outcome]] | None = None,
) -> ASGIApp:
    """The application that `settings` describe, with `guard` to begin with.

    Args:
        source: reads the settings anew for a reload; there is none where None.
        file: the settings file that was named.
        reload_all: has every worker reload, where there are several.

    Raises:
        SettingsError: something that they name is missing or cannot be used.
    """
    # The lexicon is some hundred thousand objects that live as long as the process: without this, each full garbage
    # collection walks them all and stops the world for a tenth of a second.
    gc.collect()
    gc.freeze()
    metrics = Metrics()
    first = upstream_maker(settings, metrics)

    def build(new: Settings, old: Generation) -> Generation:
        make = upstream_maker(new, metrics)
        guard = build_guard(new, old.guard)
        # Connection pools belong to the event loop, and this runs in a thread.
        return Generation(guard, asyncio.run_coroutine_threadsafe(_awaited(make), loop[0]).result())

    loop: list[asyncio.AbstractEventLoop] = []

    def live() -> Generation:
        loop.append(asyncio.get_running_loop())
        return Generation(guard, first())

    parts = Lifespan(
        settings,
        live,
        metrics,
        keys=open_keys(settings.keys.get_secret_value()) if settings.keys else None,
        audit=open_audit(settings),
        shared=Redis(settings.redis.get_secret_value()) if settings.redis else None,
        telemetry=Telemetry(str(settings.otlp)) if settings.otlp else None,
        source=Source(source, build, file) if source is not None else None,
        reload_all=reload_all,
    )
    return create_app(parts, settings)


async def _awaited(make: Callable[[], Upstream]) -> Upstream:
    return make()


def make_server(
    settings: Settings,
    guard: Guard | None = None,
    *,
    source: Callable[[], Settings] | None = None,
    file: Path | None = None,
) -> uvicorn.Server:
    """A server ready to run on a socket from `listen`; arguments as `make_app`."""
    return uvicorn.Server(
        config(settings, make_app(settings, guard or build_guard(settings), source=source, file=file))
    )


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
