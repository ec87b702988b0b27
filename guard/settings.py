"""Settings of a deployment: ``normguard.yaml``, then ``NORMGUARD_*`` in the environment, then flags; the later wins."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar, get_origin

from platformdirs import user_state_path
from pydantic import Field, HttpUrl, SecretStr, ValidationError, model_validator

from guard.errors import SettingsError
from guard.files import Strict, nearest, read_yaml, told
from guard.policy.model import DEFAULT_POLICY
from guard.upstreams.config import Kind, Route, UpstreamConfig, check_routes

DEFAULT_FILE = Path("normguard.yaml")
PREFIX = "NORMGUARD_"
WORKER = f"{PREFIX}WORKER_GIVEN_"
EXTRAS = frozenset({f"{PREFIX}MODELS", f"{PREFIX}API_KEY", WORKER})
"""Variables with our prefix that are no settings: folder of pulled models, key for `bench cross`, a worker's own."""
AUTO = "auto"

T = TypeVar("T")
LIVE = object()
Live = Annotated[T, LIVE]
"""A setting that a reload brings into force; the others need a new process."""


class Settings(Strict):
    """What a deployment sets.

    Attributes:
        host, port: where the proxy listens; port 0 takes a free one.
        upstream: base URL of an API compatible with OpenAI's or Anthropic's (``https://api.openai.com/v1``); the demo
            model where None.
        upstream_kind: how its key is sent: ``openai`` as a bearer token, ``anthropic`` as x-api-key; by its host where
            None.
        upstream_api_key: sent in place of the caller's credentials; the caller's are forwarded where None.
        upstreams: several upstreams, by name, in place of the one.
        routes: which models go to which of them.
        default_upstream: where requests go that name no model (files, batches ...).
        policy: deployment policy of requests that name none.
        policies: folder of further deployment policies.
        norms: folders of further norm packs; a pack there adds to and changes the one that comes with NormGuard.
        classifier: what judges: ``auto`` for the one that comes along, ``lexical``, or the folder of another.
        vision: what looks at pictures: name of a pulled model or a folder with a manifest; ``auto`` takes the best that
            was pulled, ``none`` looks at none.
        ocr: whether text in pictures is read.
        ocr_budget: seconds that a request waits for the text of one picture.
        connect_timeout: seconds to reach the upstream.
        read_timeout: seconds between two pieces of an answer.
        max_body: bytes of the largest request that is read to be guarded.
        audit: URL of the database in which decisions are kept (``postgresql+psycopg://...``); ``auto`` for an SQLite
            file of the user who serves (`audit_file`), if it can be written; not kept where ``none``.
        audit_content: whether questions and guidance are kept in plain text, and not only as hashes.
        audit_retention_days: days after which they are deleted; kept for ever where None.
        keys: URL of the database that keeps proxy keys (``sqlite:///keys.db``, ``redis://...``); none are asked for
            where None.
        allow_anonymous: whether a public address is served without keys.
        admin_token: opens ``/metrics`` and the operator's routes; without it they are open on loopback only.
        redis: URL of a Redis or Valkey over which workers and machines share limits and what they remember.
        workers: processes that serve.
        max_in_flight: requests under way in a worker, above which others are told to come back.
        max_lag: seconds that a worker's event loop may be late, above which others are told to come back.
        body_timeout: seconds in which a request's body must have come.
        guard_timeout: seconds for fetching, decoding and looking at the pictures of a request; then its text alone
            counts.
        request_timeout: seconds for a request and its answer as a whole.
        upstream_concurrency, upstream_queue, queue_timeout: requests under way to one upstream, requests that wait for
            their turn, and the seconds that they wait.
        breaker_failures, breaker_rest: failures in a row after which an upstream is left alone (0 for never), and for
            how many seconds.
        drain: seconds that answers in flight get to finish at shutdown.
        drain_delay: seconds before that in which requests are still taken while ``/readyz`` says no.
        reload_on_change: whether settings, packs, policies and models are reloaded when their files change (``SIGHUP``
            and the operator's route reload in any case); ``reload_every``, its older name, takes seconds for true.
        log_format: ``text`` or ``json``.
        log_level: least level of what is logged.
        log_requests: whether each request gets a line.
        otlp: URL of an OpenTelemetry collector (OTLP over HTTP) for traces and metrics; none are sent where None.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=8017, ge=0, le=65535)
    upstream: Live[HttpUrl | None] = None
    upstream_kind: Live[Kind | None] = None
    upstream_api_key: Live[SecretStr | None] = None
    upstreams: Live[dict[str, UpstreamConfig]] = {}
    routes: Live[tuple[Route, ...]] = ()
    default_upstream: Live[str | None] = None
    policy: Live[str] = DEFAULT_POLICY
    policies: Live[Path | None] = None
    norms: Live[tuple[Path, ...]] = ()
    classifier: Live[str] = "auto"
    vision: Live[str] = "auto"
    ocr: Live[bool] = False
    ocr_budget: Live[float] = Field(default=0.8, gt=0, le=60)
    connect_timeout: Live[float] = Field(default=5.0, gt=0)
    read_timeout: Live[float] = Field(default=600.0, gt=0)
    max_body: int = Field(default=64 * 2**20, gt=0)
    audit: SecretStr | None = SecretStr(AUTO)
    audit_content: bool = False
    audit_retention_days: float | None = Field(default=90.0, gt=0)
    keys: SecretStr | None = None
    allow_anonymous: bool = False
    admin_token: SecretStr | None = Field(default=None, min_length=16)
    redis: SecretStr | None = None
    workers: int = Field(default=1, ge=1, le=256)
    max_in_flight: int = Field(default=2000, ge=1)
    max_lag: float = Field(default=0.5, gt=0)
    body_timeout: float = Field(default=60.0, gt=0)
    guard_timeout: float = Field(default=10.0, gt=0)
    request_timeout: float = Field(default=3600.0, gt=0)
    upstream_concurrency: Live[int] = Field(default=512, ge=1)
    upstream_queue: Live[int] = Field(default=512, ge=0)
    queue_timeout: Live[float] = Field(default=10.0, gt=0)
    breaker_failures: Live[int] = Field(default=10, ge=0)
    breaker_rest: Live[float] = Field(default=10.0, gt=0)
    drain: int = Field(default=30, ge=0)
    drain_delay: float = Field(default=0.0, ge=0)
    reload_on_change: bool = False
    log_format: Literal["text", "json"] = "text"
    log_level: Literal["debug", "info", "warning", "error"] = "warning"
    log_requests: bool = False
    otlp: HttpUrl | None = None

    @property
    def audit_is_auto(self) -> bool:
        """Whether nobody said where decisions are to be kept."""
        return self.audit is not None and self.audit.get_secret_value() == AUTO

    @property
    def audit_url(self) -> str | None:
        """The database in which decisions are kept; None where they are not."""
        return audit_url(self.audit.get_secret_value()) if self.audit is not None else None

    @model_validator(mode="after")
    def _one_way_to_name_upstreams(self) -> Self:
        if self.upstream is not None and self.upstreams:
            raise ValueError("upstream: give either one upstream or upstreams with routes, not both")
        check_routes(self.upstreams, self.routes, self.default_upstream)
        return self

    @model_validator(mode="before")
    @classmethod
    def _older_names(cls, given: Any) -> Any:
        if not isinstance(given, dict) or "reload_every" not in given:
            return given
        every = given["reload_every"]
        return {"reload_on_change": bool(every), **{n: v for n, v in given.items() if n != "reload_every"}}


def live_settings() -> frozenset[str]:
    """Names of the settings that a reload brings into force."""
    return frozenset(name for name, field in Settings.model_fields.items() if LIVE in field.metadata)


def audit_file() -> Path:
    """Where decisions are kept that nobody named a database for: the user's folder for state, as his system has it."""
    older = Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state").expanduser() / "normguard" / "audit.db"
    return older if older.exists() else user_state_path("normguard", appauthor=False) / "audit.db"


def audit_url(setting: str) -> str | None:
    """The database that `setting` means: a URL, ``auto`` or ``none``."""
    return f"sqlite:///{audit_file()}" if setting == AUTO else None if setting == "none" else setting


def read_settings(file: Path | None = None, **flags: Any) -> Settings:
    """Settings from `file` (``normguard.yaml`` here, if there is one), the environment and `flags` that are not None.

    A value that a later source overrides is never used, and not looked at; a name that is none is refused anywhere.

    Raises:
        SettingsError: the file is missing or no YAML, a name is unknown, or a value cannot be used; the message tells
            the source of each fault: ``normguard.yaml: port: ...``, ``NORMGUARD_PORT: ...``, ``--port: ...``.
    """
    if file is not None and not file.is_file():
        raise SettingsError(f"{file}: no such settings file.")
    values: dict[str, Any] = {}
    called: dict[str, str] = {}
    for name, here, value in _given(file or DEFAULT_FILE, flags):
        values[name], called[name] = value, here
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        raise SettingsError("\n".join(_faults(error, called))) from error
    keys = {config.api_key_env for config in settings.upstreams.values()}
    known = {f"{PREFIX}{name.upper()}" for name in _names()}
    if unknown := [name for name in _variables() if name not in known | EXTRAS | keys]:
        raise SettingsError("\n".join(f"{name}: there is no such setting{nearest(name, known)}" for name in unknown))
    return settings


def _names() -> list[str]:
    return [*Settings.model_fields, "reload_every"]


def _variables() -> list[str]:
    return sorted(name for name in os.environ if name.startswith(PREFIX))


def _given(file: Path, flags: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Each setting that is given, the weakest source first: its name, what it is called there, and its value."""
    written = read_yaml(file, SettingsError) if file.is_file() else None
    if not isinstance(written or {}, dict):
        raise SettingsError(f"{file}: settings are needed, each with its name, such as port: 8017.")
    for name, value in (written or {}).items():
        yield str(name), f"{file}: {name}", value
    for name in _names():
        variable = f"{PREFIX}{name.upper()}"
        if variable in os.environ:
            yield name, variable, _parsed(name, variable)
    for name, value in flags.items():
        if value is not None:
            yield name, f"--{name.replace('_', '-')}", value


def _parsed(name: str, variable: str) -> Any:
    """What a variable says: JSON where the setting is a list or a mapping, else its text."""
    field, text = Settings.model_fields.get(name), os.environ[variable]
    if field is None or get_origin(field.annotation) not in {tuple, dict}:
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        raise SettingsError(f"{variable}: not valid JSON: {error}") from error


def _faults(error: ValidationError, called: dict[str, str]) -> Iterator[str]:
    for fault in error.errors(include_url=False):
        line = told(fault["loc"], fault, Settings)
        name = str(fault["loc"][0]) if fault["loc"] else ""
        yield f"{called.get(name, name)}{line[len(name) :]}"
