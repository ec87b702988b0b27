"""What a server needs beside its guard: upstreams, the audit trail."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from guard.audit.trail import AuditTrail
from guard.audit.writer import Writer
from guard.errors import SettingsError, missing
from guard.settings import Settings, audit_file
from guard.upstreams.base import Upstream
from guard.upstreams.config import UpstreamConfig
from guard.upstreams.demo import DemoUpstream
from guard.upstreams.http import HttpUpstream
from guard.upstreams.litellm import LiteLLMUpstream
from guard.upstreams.protected import Bounds, Protected, Watch
from guard.upstreams.routes import Router

if TYPE_CHECKING:
    from guard.audit.store import Store

log = logging.getLogger("normguard")


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


def open_audit(settings: Settings, *, auto: bool = False) -> AuditTrail | None:
    """The audit trail that `settings` ask for; raises as `open_decisions`."""
    store = open_decisions(settings, auto=auto)
    if store is None:
        return None
    return AuditTrail(Writer(store, retention_days=settings.audit_retention_days), content=settings.audit_content)


def open_decisions(settings: Settings, *, auto: bool = False) -> Store | None:
    """The database in which decisions are kept; None where they are not.

    Args:
        auto: whether the file that serves where nobody named a database is made and opened: `normguard serve` does.

    Raises:
        SettingsError: the database that `settings` name cannot be used. One that nobody named is done without, and the
            log says so.
    """
    if settings.audit_url is None or (settings.audit_is_auto and not auto):
        return None
    try:
        if settings.audit_is_auto:
            audit_file().parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return open_store(settings.audit_url)
    except (SettingsError, OSError, RuntimeError) as error:  # no extra, no right to write there, no home
        if not settings.audit_is_auto:
            raise
        log.warning("Decisions are not kept. %s Set audit to the URL of a database, or to none.", error)
        return None


def open_store(url: str) -> Store:
    """The decisions in a database; raises `SettingsError` where it or the extra for it is not to be had."""
    try:
        from guard.audit.store import Store  # an extra
    except ImportError as error:
        raise SettingsError(missing("audit: keeping decisions", "database")) from error
    return Store(url)
