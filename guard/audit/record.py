"""One decision, as it is kept."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from guard import __version__
from guard.types import Decision, Exchange


class Policy(Protocol):
    """A deployment policy, as far as it is kept."""

    @property
    def name(self) -> str: ...

    @property
    def digest(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Record:
    """What is kept of one request.

    Attributes:
        time: UTC.
        api: ``chat``, ``responses`` or ``messages``.
        policy, policy_hash: the deployment policy that applied, by name and by what it said.
        packs_hash: of the norms that were in force.
        version: of NormGuard.
        http_status: what the caller got.
        verify: what became of a checked answer, or None.
        query_hash, image_hashes: HMAC-SHA256 under the deployment's secret, so that the same question can be found
            again and a short one cannot be guessed by trying.
        key: public id of the proxy key that it was asked with, or None.
        query, rewritten, guidance: in plain text, only where the operator wants content kept.
    """

    time: datetime
    request_id: str
    api: str
    model: str | None
    policy: str | None
    http_status: int
    action: str
    shadow: str | None
    sensitivity: float
    cultures: list[str]
    situations: list[str]
    norms: list[str]
    tokens: int
    degraded: list[str]
    latency_ms: float
    verify: str | None
    classifier: str
    query_hash: str
    image_hashes: list[str]
    query: str | None = None
    rewritten: str | None = None
    guidance: str | None = None
    key: str | None = None
    policy_hash: str | None = None
    packs_hash: str | None = None
    version: str | None = None

    @classmethod
    def of(
        cls,
        exchange: Exchange,
        decision: Decision,
        *,
        secret: bytes,
        request_id: str,
        api: str,
        model: str | None,
        policy: Policy,
        packs_hash: str,
        http_status: int,
        latency_ms: float,
        verify: str | None = None,
        content: bool = False,
        key: str | None = None,
    ) -> Record:
        """The record of a decision on `exchange`, by the policy that applied and packs of that digest."""

        def keyed(data: bytes) -> str:
            return hmac.new(secret, data, hashlib.sha256).hexdigest()

        rewritten = decision.rewritten
        return cls(
            time=datetime.now(UTC),
            request_id=request_id,
            api=api,
            model=_storable(model)[:200] if model else None,
            policy=policy.name,
            policy_hash=policy.digest,
            packs_hash=packs_hash,
            version=__version__,
            http_status=http_status,
            action=str(decision.action),
            shadow=str(decision.shadow) if decision.shadow else None,
            sensitivity=round(decision.sensitivity, 4),
            cultures=[str(culture["code"]) for culture in decision.cultures],
            situations=list(decision.situations),
            norms=[norm.id for norm in decision.norms],
            tokens=decision.tokens,
            degraded=list(decision.degraded),
            latency_ms=round(latency_ms, 2),
            verify=verify,
            classifier=decision.model,
            query_hash=keyed(exchange.query.encode("utf-8", "replace")),
            image_hashes=[keyed(image.key) for image in exchange.images if image.data is not None],
            query=_storable(exchange.query) if content else None,
            rewritten=_storable(rewritten) if content and rewritten else None,
            guidance=decision.guidance if content else None,
            key=key,
        )

    def row(self) -> dict[str, Any]:
        """The record by field."""
        return {name: getattr(self, name) for name in self.__slots__}


def _storable(text: str) -> str:
    """Text as every database takes it: PostgreSQL refuses the character 0, and none takes half of a surrogate pair."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")
