"""Settings of the proxy: ``normguard.yaml``, then ``NORMGUARD_*`` in the environment, then flags."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, HttpUrl, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, YamlConfigSettingsSource

from guard.errors import SettingsError
from guard.pipeline import DEFAULT_POLICY
from guard.upstreams.config import Route, UpstreamConfig, check_routes
from guard.upstreams.http import Kind

DEFAULT_FILE = Path("normguard.yaml")
AUTO = "auto"


class Settings(BaseSettings):
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
        reload_every: seconds between looks whether settings, packs, policies or models have changed on disk; None for
            never (``SIGHUP`` and the operator's route reload all the same).
        log_format: ``text`` or ``json``.
        log_level: least level of what is logged.
        log_requests: whether each request gets a line.
        otlp: URL of an OpenTelemetry collector (OTLP over HTTP) for traces and metrics; none are sent where None.
    """

    model_config = SettingsConfigDict(env_prefix="NORMGUARD_", extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(default=8017, ge=0, le=65535)
    upstream: HttpUrl | None = None
    upstream_kind: Kind | None = None
    upstream_api_key: SecretStr | None = None
    upstreams: dict[str, UpstreamConfig] = {}
    routes: tuple[Route, ...] = ()
    default_upstream: str | None = None
    policy: str = DEFAULT_POLICY
    policies: Path | None = None
    norms: tuple[Path, ...] = ()
    classifier: str = "auto"
    vision: str = "auto"
    ocr: bool = False
    ocr_budget: float = Field(default=0.8, gt=0, le=60)
    connect_timeout: float = Field(default=5.0, gt=0)
    read_timeout: float = Field(default=600.0, gt=0)
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
    upstream_concurrency: int = Field(default=512, ge=1)
    upstream_queue: int = Field(default=512, ge=0)
    queue_timeout: float = Field(default=10.0, gt=0)
    breaker_failures: int = Field(default=10, ge=0)
    breaker_rest: float = Field(default=10.0, gt=0)
    drain: int = Field(default=30, ge=0)
    drain_delay: float = Field(default=0.0, ge=0)
    reload_every: float | None = Field(default=None, gt=0)
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

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del dotenv_settings, file_secret_settings
        yaml_file = settings_cls.model_config.get("yaml_file")
        return (init_settings, env_settings, YamlConfigSettingsSource(settings_cls, yaml_file=yaml_file))


def audit_file() -> Path:
    """Where decisions are kept that nobody named a database for (XDG Base Directory Specification: state)."""
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(state).expanduser() / "normguard" / "audit.db"


def audit_url(setting: str) -> str | None:
    """The database that `setting` means: a URL, ``auto`` or ``none``."""
    return {AUTO: f"sqlite:///{audit_file()}", "none": None}.get(setting, setting)


def read_settings(file: Path | None = None, **flags: Any) -> Settings:
    """Settings from `file` (``normguard.yaml`` here, if there is one), the environment and `flags` that are not None.

    Raises:
        SettingsError: the file is missing or no YAML, or a value cannot be used; the message names each.
    """
    if file is not None and not file.is_file():
        raise SettingsError(f"{file}: no such settings file.")

    class FromFile(Settings):
        model_config = SettingsConfigDict(yaml_file=file or DEFAULT_FILE)

    try:
        return FromFile(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors(include_url=False))
        raise SettingsError("Settings cannot be used: " + "; ".join(faults)) from error
    except Exception as error:  # whatever a YAML parser raises
        raise SettingsError(f"{file or DEFAULT_FILE}: cannot be read: {error}") from error
