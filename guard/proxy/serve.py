"""Running the proxy from settings."""

from __future__ import annotations

import gc
import os
import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn

from guard.classifier.student import open_scorer
from guard.errors import SettingsError
from guard.evidence.ocr import TextReader
from guard.norms.library import Library
from guard.norms.packs import read_packs
from guard.norms.vocabulary import Vocabulary
from guard.pipeline import Guard
from guard.policy.model import OnFault, Policies
from guard.proxy.app import create_app
from guard.proxy.guarded import Audit
from guard.resources import folder
from guard.settings import Settings
from guard.upstreams.base import Upstream
from guard.upstreams.config import UpstreamConfig
from guard.upstreams.demo import DemoUpstream
from guard.upstreams.http import HttpUpstream
from guard.upstreams.litellm import LiteLLMUpstream
from guard.upstreams.routes import Router
from guard.vision.eyes import open_eyes


def build_guard(settings: Settings) -> Guard:
    """The guard that `settings` describe; raises `PackError`, `PolicyError` or `ModelError`."""
    shipped = folder("policies")
    policies: list[Path] = [shipped / "deployments"]
    if settings.policies is not None:
        if not settings.policies.is_dir():
            raise SettingsError(f"policies: there is no folder {settings.policies}.")
        policies.append(settings.policies)
    library = Library(read_packs([shipped / "norms", *settings.norms]), Vocabulary())
    known = Policies(policies)
    on_fault = known.get(settings.policy).on_fault
    forgiving = on_fault is OnFault.OPEN
    return Guard(
        library=library,
        policies=known,
        policy=settings.policy,
        scorer=open_scorer(settings.classifier, library, forgiving=forgiving),
        eyes=open_eyes(settings.vision, library.vocabulary, forgiving=forgiving),
        ocr=TextReader(settings.ocr_budget) if settings.ocr else None,
    )


def upstream_maker(settings: Settings) -> Callable[[], Upstream]:
    """A function that makes what `settings` send requests to; raises `SettingsError` if a key is missing."""
    if settings.upstreams:
        if any(config.kind == "litellm" for config in settings.upstreams.values()):
            LiteLLMUpstream()  # missing, it is missed at the start and not by the first request
        keys = {name: _key(name, config) for name, config in settings.upstreams.items()}

        def make() -> Upstream:
            made = {name: _upstream(settings, config, keys[name]) for name, config in settings.upstreams.items()}
            return Router(made, settings.routes, default=settings.default_upstream)

        return make
    if settings.upstream is None:
        return DemoUpstream
    key = settings.upstream_api_key.get_secret_value() if settings.upstream_api_key else None
    host = settings.upstream.host or ""
    kind = settings.upstream_kind or ("anthropic" if host.endswith("anthropic.com") else "openai")
    base = str(settings.upstream)
    return lambda: HttpUpstream(
        base, kind=kind, api_key=key, connect_timeout=settings.connect_timeout, read_timeout=settings.read_timeout
    )


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


def open_audit(settings: Settings) -> Audit | None:
    """The audit trail that `settings` ask for; raises `SettingsError` if its database cannot be used."""
    if settings.audit is None:
        return None
    try:
        from guard.audit.store import Store  # noqa: PLC0415  (an extra)
        from guard.audit.writer import Writer  # noqa: PLC0415
    except ImportError as error:
        raise SettingsError("audit: keeping decisions needs an extra: pip install 'normguard[audit]'.") from error
    writer = Writer(Store(settings.audit.get_secret_value()), retention_days=settings.audit_retention_days)
    return Audit(writer, content=settings.audit_content)


def listen(settings: Settings) -> socket.socket:
    """A socket bound to the settings' address; raises `SettingsError` if that is taken or not ours."""
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


def make_server(settings: Settings, guard: Guard | None = None) -> uvicorn.Server:
    """A server ready to run on a socket from `listen`."""
    guard = guard or build_guard(settings)
    # The lexicon is some hundred thousand objects that live as long as the process: without this, each full garbage
    # collection walks them all and stops the world for a tenth of a second.
    gc.collect()
    gc.freeze()
    app = create_app(guard, upstream_maker(settings), max_body=settings.max_body, audit=open_audit(settings))
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=settings.drain,
    )
    return uvicorn.Server(config)
