"""Checks of a deployment, each on its own: one that fails does not keep the others from being made."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path

from guard.deployment.build import open_decisions, upstream_maker
from guard.deployment.exposure import check_exposure, listens_beyond_this_machine
from guard.errors import NormGuardError, PolicyError, UpstreamError
from guard.pipeline import Guard
from guard.policy.model import Policies
from guard.settings import Settings, audit_file, read_settings
from guard.upstreams.base import Upstream

_PROBE = "Is a wall clock a nice gift for my host in Shanghai?"
_SECONDS = 5.0
_SLOW_MS = 20.0
_ROOM = 500 * 2**20


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        what: the part of the deployment.
        found: what was seen.
        mend: what to do about it; empty where nothing needs doing.
    """

    level: Level
    what: str
    found: str
    mend: str = ""

    def to_dict(self) -> dict[str, str]:
        return {"level": str(self.level), "what": self.what, "found": self.found, "mend": self.mend}


def examine(file: Path | None = None, *, offline: bool = False) -> list[Finding]:
    """All findings about the deployment that the settings describe.

    Args:
        file: the settings file; ``normguard.yaml`` here, if there is one, where None.
        offline: leave out what needs the network.
    """
    try:
        settings = read_settings(file)
    except NormGuardError as error:
        return [
            Finding(Level.ERROR, "settings", str(error), "Correct it; docs/reference/settings.md lists all settings.")
        ]
    findings = [Finding(Level.OK, "settings", "read")]
    checks: list[Callable[[Settings], Iterator[Finding]]] = [_exposure, _guard, _machine]
    if not offline:
        checks += [_upstreams, _keys, _audit, _redis]
    for check in checks:
        try:
            findings += check(settings)
        except NormGuardError as error:
            findings.append(Finding(Level.ERROR, check.__name__.strip("_"), str(error)))
        except Exception as error:  # a check that breaks is a finding too, and its message may hold a password
            name = check.__name__.strip("_")
            findings.append(Finding(Level.ERROR, name, f"the check itself failed: {type(error).__name__}"))
    return findings


def _exposure(settings: Settings) -> Iterator[Finding]:
    check_exposure(settings)
    public = listens_beyond_this_machine(settings.host)
    if public and settings.keys is None:
        yield Finding(
            Level.WARNING,
            "address",
            f"{settings.host} is served to anybody, as allow_anonymous says",
            "Be sure that something else keeps strangers out, or set NORMGUARD_KEYS.",
        )
    else:
        yield Finding(Level.OK, "address", f"{settings.host}, {'keys' if settings.keys else 'this machine only'}")
    if public and settings.admin_token is None:
        yield Finding(
            Level.WARNING, "metrics", "refused on a public address without a token", "Set NORMGUARD_ADMIN_TOKEN."
        )
    if (
        settings.upstream is not None
        and settings.upstream.scheme == "http"
        and listens_beyond_this_machine(settings.upstream.host or "")
    ):
        yield Finding(
            Level.WARNING, "upstream", "is spoken to without encryption", "Use https, unless the network is your own."
        )
    if settings.keys is not None and not settings.upstreams and settings.upstream_api_key is None and settings.upstream:
        yield Finding(
            Level.WARNING,
            "upstream",
            "has no key of its own, and callers' proxy keys are not sent on",
            "Set NORMGUARD_UPSTREAM_API_KEY, or have callers send the proxy key in x-normguard-key.",
        )
    if settings.audit_content:
        yield Finding(Level.WARNING, "audit", "keeps what users ask in plain text", "Tell your users.")
    if settings.audit_url is not None and settings.audit_retention_days is None:
        yield Finding(Level.WARNING, "audit", "keeps decisions for ever", "Set NORMGUARD_AUDIT_RETENTION_DAYS.")


def _guard(settings: Settings) -> Iterator[Finding]:
    start = time.perf_counter()
    guard = Guard.from_settings(settings)
    took = time.perf_counter() - start
    norms, packs = len(guard.library.norms), len(guard.library.packs)
    yield Finding(Level.OK, "norms", f"{norms} of {packs} countries, loaded in {took:.1f} s")
    yield Finding(Level.OK, "policies", ", ".join(guard.policies.names()))
    yield from _judges(settings, guard)
    if guard.vision is None and settings.vision not in {"none", "auto"}:
        yield Finding(Level.ERROR, "vision", f"{settings.vision} cannot be used", "normguard models verify")
    elif guard.vision is None and settings.vision == "auto":
        yield Finding(
            Level.WARNING,
            "vision",
            "pictures are not looked at",
            "normguard models pull mobilenet-v2",
        )
    elif guard.vision is not None:
        yield Finding(Level.OK, "vision", f"{guard.vision.name} on {guard.vision.provider}")


def _judges(settings: Settings, guard: Guard) -> Iterator[Finding]:
    if settings.classifier == "auto" and guard.scorer.name == "lexical":
        yield Finding(Level.ERROR, "classifier", "the one that comes along cannot be loaded", "Install NormGuard anew.")
    for _ in range(3):
        guard.check(_PROBE)
    start = time.perf_counter()
    decision = guard.check(_PROBE)
    ms = (time.perf_counter() - start) * 1000
    china = settings.policy == "default"
    if china and "cn.gift.clocks" not in [norm.id for norm in decision.norms]:
        yield Finding(Level.ERROR, "guard", "does not know a clock in Shanghai", "normguard norms show cn.gift.clocks")
    elif ms > _SLOW_MS:
        yield Finding(Level.WARNING, "guard", f"a check takes {ms:.1f} ms", "The machine is slow or busy.")
    else:
        yield Finding(Level.OK, "guard", f"{guard.scorer.name}, a check takes {ms:.1f} ms")


def _machine(settings: Settings) -> Iterator[Finding]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if settings.workers > cores:
        yield Finding(
            Level.WARNING,
            "workers",
            f"{settings.workers} on {cores} cores",
            f"NORMGUARD_WORKERS={cores}",
        )
    else:
        yield Finding(Level.OK, "workers", f"{settings.workers} on {cores} cores")
    if settings.workers > 1 and settings.redis is None and settings.keys is not None:
        yield Finding(
            Level.WARNING,
            "limits",
            f"each of the {settings.workers} workers counts a key's requests for itself",
            "Set NORMGUARD_REDIS, so that they count together.",
        )
    free = shutil.disk_usage(Path.cwd()).free
    if free < _ROOM:
        yield Finding(Level.WARNING, "disk", f"{free / 2**20:.0f} MiB are free here", "Make room for the databases.")
    try:
        import resource  # not on every system

        files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    except ImportError:  # pragma: no cover
        return
    needed = 2 * settings.max_in_flight + 100
    if files < needed:
        yield Finding(
            Level.WARNING,
            "open files",
            f"{files} are allowed, and {settings.max_in_flight} requests may need {needed}",
            f"ulimit -n {needed}, or a smaller max_in_flight.",
        )


def _upstreams(settings: Settings) -> Iterator[Finding]:
    make = upstream_maker(settings)

    async def asked() -> list[Finding]:
        upstream = make()
        try:
            return [await _asked("upstream", upstream)]
        finally:
            await upstream.close()

    if settings.upstream is None and not settings.upstreams:
        yield Finding(Level.WARNING, "upstream", "none: the demo model answers", "Set NORMGUARD_UPSTREAM.")
    elif settings.upstreams:
        for name, config in settings.upstreams.items():
            if config.base is not None:
                alone = settings.model_copy(update={"upstreams": {}, "routes": (), "upstream": config.base})
                yield from _one(name, alone)
    else:
        yield from asyncio.run(asked())


def _one(name: str, settings: Settings) -> Iterator[Finding]:
    async def asked() -> Finding:
        upstream = upstream_maker(settings)()
        try:
            return await _asked(f"upstream {name}", upstream)
        finally:
            await upstream.close()

    yield asyncio.run(asked())


async def _asked(what: str, upstream: Upstream) -> Finding:
    """Ask for the list of models: it costs nothing, and any answer shows that somebody is there."""
    start = time.perf_counter()
    try:
        async with asyncio.timeout(_SECONDS):
            reply = await upstream.send("GET", "models", [], b"")
            await reply.body.aclose()  # type: ignore[attr-defined]
    except (UpstreamError, TimeoutError) as error:
        said = str(error) or "no answer in time"
        return Finding(Level.ERROR, what, said, "See that its address is right and can be reached from here.")
    ms = (time.perf_counter() - start) * 1000
    if reply.status == 404:
        return Finding(Level.WARNING, what, "answers, but has no list of models", "Its base URL should end in /v1.")
    if reply.status >= 500:
        return Finding(Level.ERROR, what, f"answers with {reply.status}", "It has a fault of its own.")
    told = " (a key is needed, as callers bring it)" if reply.status in {401, 403} else ""
    return Finding(Level.OK, what, f"answers with {reply.status} in {ms:.0f} ms{told}")


def _keys(settings: Settings) -> Iterator[Finding]:
    if settings.keys is None:
        return
    from datetime import UTC, datetime

    from guard.access.store import open_keys

    keys = open_keys(settings.keys.get_secret_value()).all()
    valid = [key for key in keys if key.ended(datetime.now(UTC)) is None]
    if not valid:
        yield Finding(Level.ERROR, "keys", "there is no valid key", "normguard keys create --name ...")
    else:
        yield Finding(Level.OK, "keys", f"{len(valid)} valid of {len(keys)}")
    policies = Policies.with_own(settings.policies)
    for key in valid:
        try:
            policies.get(key.policy or settings.policy)
        except PolicyError as error:
            mend = "Add the policy, or revoke the key and make another: each request with it is refused."
            yield Finding(Level.ERROR, "keys", f"{key.id} ({key.name}): {error}", mend)


def _audit(settings: Settings) -> Iterator[Finding]:
    if settings.audit_url is None:
        yield Finding(Level.OK, "audit", "decisions are not kept, as was set")
        return
    file = audit_file()
    if settings.audit_is_auto and not file.exists():
        there = next(folder for folder in file.parents if folder.exists())
        if os.access(there, os.W_OK) and find_spec("sqlalchemy"):
            yield Finding(Level.OK, "audit", f"decisions will be kept in {file}")
        else:
            yield Finding(Level.WARNING, "audit", f"not kept: {file} cannot be made", "Set NORMGUARD_AUDIT.")
        return
    store = open_decisions(settings, auto=True)
    if store is None:
        yield Finding(Level.WARNING, "audit", f"decisions are not kept: {file} cannot be used", "Set NORMGUARD_AUDIT.")
        return
    where = f" in {file}" if settings.audit_is_auto else ""
    yield Finding(Level.OK, "audit", f"{store.count()} decisions kept{where}")
    store.close()


def _redis(settings: Settings) -> Iterator[Finding]:
    if settings.redis is None:
        return
    from guard.stores.redis import Redis

    async def asked() -> bool:
        shared = Redis(settings.redis.get_secret_value() if settings.redis else "")
        answer = await shared.ask("doctor", shared.redis.ping)
        await shared.close()
        return bool(answer)

    if asyncio.run(asked()):
        yield Finding(Level.OK, "redis", "answers")
    else:
        yield Finding(
            Level.ERROR,
            "redis",
            "does not answer in a quarter of a second",
            "See NORMGUARD_REDIS.",
        )
