"""Proxy keys: what a key looks like, and what it allows."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase

PREFIX = "ng-"


@dataclass(frozen=True, slots=True)
class Key:
    """What is kept of a proxy key; the key itself is shown once, when it is made.

    Attributes:
        id: the public part of the key, by which it is found, listed and revoked.
        digest: SHA-256 of the secret part. The secret has 256 random bits, so that no slow hash is needed.
        name: whose it is, in the operator's words.
        policy: the deployment policy of its requests, which then cannot ask for another; the callers choose where None.
        models: names or patterns (``*``, ``?``) of the models it may ask for; all where empty.
        per_minute: requests in any minute; unbounded where None.
        concurrent: requests under way at one time; unbounded where None.
        created, expires, revoked: times, UTC.
    """

    id: str
    digest: str
    name: str
    policy: str | None
    models: tuple[str, ...]
    per_minute: int | None
    concurrent: int | None
    created: datetime
    expires: datetime | None = None
    revoked: datetime | None = None

    def opens(self, secret: str) -> bool:
        """Whether `secret` is this key's, in a time that does not tell how nearly it is."""
        return hmac.compare_digest(self.digest, _digest(secret))

    def ended(self, now: datetime) -> str | None:
        """Why the key is not valid (any more), or None."""
        if self.revoked is not None:
            return "revoked"
        return "expired" if self.expires is not None and now >= self.expires else None

    def allows(self, model: str | None) -> bool:
        """Whether the key may ask for a model of that name; None is for requests that name none."""
        return not self.models or (model is not None and any(fnmatchcase(model, known) for known in self.models))


def new_key(
    name: str,
    *,
    policy: str | None = None,
    models: tuple[str, ...] = (),
    per_minute: int | None = None,
    concurrent: int | None = None,
    expires: datetime | None = None,
) -> tuple[str, Key]:
    """A new key for the caller, and what is kept of it."""
    id_, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    now = datetime.now(UTC)
    key = Key(id_, _digest(secret), name, policy, models, per_minute, concurrent, now, expires)
    return f"{PREFIX}{id_}-{secret}", key


def parts(token: str) -> tuple[str, str] | None:
    """The public and the secret part of what claims to be a key; None where it has not the form of one."""
    if not token.startswith(PREFIX) or len(token) > 200:
        return None
    id_, dash, secret = token.removeprefix(PREFIX).partition("-")
    return (id_, secret) if dash and len(id_) == 12 and id_.isalnum() and id_.isascii() and secret else None


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
