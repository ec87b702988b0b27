"""Proxy keys: their form, and what they allow."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from guard.access.keys import new_key, parts


def test_a_key_is_shown_once_and_kept_as_a_hash() -> None:
    token, key = new_key("app")
    found = parts(token)
    assert found is not None
    id_, secret = found
    assert id_ == key.id
    assert key.opens(secret)
    assert not key.opens(secret[:-1])
    assert secret not in repr(key)
    assert len({new_key("app")[0] for _ in range(100)}) == 100


@pytest.mark.parametrize(
    "token", ["", "sk-1", "ng-", "ng-abc", "ng-abcdefabcdef", "ng-abcdefabcdef-", "ng-" + "a" * 500]
)
def test_what_has_not_the_form_of_a_key(token: str) -> None:
    assert parts(token) is None


def test_what_a_key_allows() -> None:
    _, key = new_key("app", models=("gpt-4o*", "claude-?"), expires=datetime.now(UTC) + timedelta(seconds=5))
    assert key.allows("gpt-4o-mini")
    assert not key.allows("gpt-5")
    assert not key.allows(None)
    assert new_key("app")[1].allows(None)
    now = datetime.now(UTC)
    assert key.ended(now) is None
    assert key.ended(now + timedelta(seconds=6)) == "expired"
    assert replace(key, revoked=now).ended(now) == "revoked"
