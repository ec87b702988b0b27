"""Who gets in: keys and their limits, and the operator's own token."""

from __future__ import annotations

import contextlib
import hmac
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from guard.access.keyring import Keyring
from guard.access.keys import PREFIX, Key
from guard.access.limits import Limits
from guard.errors import AccessError

OWN_HEADER = "x-normguard-key"
_CREDENTIALS = ("authorization", "x-api-key", "api-key")


@dataclass(frozen=True, slots=True)
class Grant:
    """What a request may do.

    Attributes:
        key: whose it is; None where the deployment asks for no keys.
        spent: the header that carried the proxy key and must not reach an upstream; None where it was our own header.
    """

    key: Key | None = None
    spent: str | None = None

    def policy(self, asked: str | None) -> str | None:
        """The policy that applies where `asked` was asked for; raises `AccessError` (403) if the key has another."""
        if self.key is None or self.key.policy is None:
            return asked
        if asked is not None and asked != self.key.policy:
            raise AccessError(
                f"The key {self.key.id} has the policy {self.key.policy!r}; leave x-normguard-policy out.",
                status=403,
                code="policy_not_allowed",
            )
        return self.key.policy

    def check(self, model: str | None) -> None:
        """Raises `AccessError` (403) if the key may not ask for `model`; None is for requests that name none."""
        if self.key is not None and not self.key.allows(model):
            known = ", ".join(self.key.models)
            what = f"for model {model[:80]!r}" if model is not None else "for what names no model"
            raise AccessError(
                f"The key {self.key.id} may not ask {what}; it may for: {known}.",
                status=403,
                code="model_not_allowed",
            )


ANYBODY = Grant()


class Admission:
    """Lets requests in.

    Args:
        keyring: None where no keys are asked for.
        admin_token: opens the operator's routes; without it they are open to loopback servers only.
        public: whether others than this machine reach the server.
    """

    def __init__(
        self, keyring: Keyring | None, limits: Limits | None, *, admin_token: str | None = None, public: bool = False
    ) -> None:
        self._keyring = keyring
        self._limits = limits
        self._admin_token = admin_token
        self._public = public

    @contextlib.asynccontextmanager
    async def admitted(self, headers: Mapping[str, str]) -> AsyncIterator[Grant]:
        """The grant of a request, for as long as it is under way.

        Raises:
            AccessError: there is no key, it is wrong or has ended (401), its limits are reached (429), or keys cannot
                be checked (503).
        """
        if self._keyring is None or self._limits is None:
            yield ANYBODY
            return
        token, spent = _token(headers)
        key = await self._keyring.find(token)
        async with self._limits.held(key):
            yield Grant(key, spent)

    def operator(self, headers: Mapping[str, str]) -> None:
        """See that a request is the operator's; raises `AccessError` (401, 403) if it is not."""
        if self._admin_token is None:
            if self._public:
                raise AccessError(
                    "On a public address this needs a token: set NORMGUARD_ADMIN_TOKEN.",
                    status=403,
                    code="no_admin_token",
                )
            return
        scheme, _, given = headers.get("authorization", "").partition(" ")
        right = hmac.compare_digest(given.strip().encode("utf-8", "replace"), self._admin_token.encode())
        if scheme.lower() != "bearer" or not right:
            raise AccessError("The operator's token is missing or wrong.", status=401, code="invalid_admin_token")

    async def close(self) -> None:
        if self._limits is not None:
            await self._limits.close()


def _token(headers: Mapping[str, str]) -> tuple[str, str | None]:
    """The proxy key that a request brings, and which of the callers' own headers it stands in."""
    if own := headers.get(OWN_HEADER):
        return own.strip(), None
    for name in _CREDENTIALS:
        token = headers.get(name, "").strip()
        if name == "authorization":
            token = token.removeprefix("Bearer ").removeprefix("bearer ").strip()
        if token.startswith(PREFIX):
            return token, name
    raise AccessError(
        "A proxy key is needed: send it as the API's key, or in x-normguard-key where that is the upstream's own.",
        status=401,
        code="missing_api_key",
    )
