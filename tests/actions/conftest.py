"""A guard with a policy for each action, and a proxy in front of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from guard import Guard
from tests.conftest import FakeUpstream
from tests.policies import POLICIES, AsPolicies, Scripted


@pytest.fixture(scope="package")
def acting(guard: Guard) -> Guard:
    return Guard(library=guard.library, scorer=guard.scorer, policies=AsPolicies(**POLICIES), checker=Scripted())


@pytest.fixture(scope="package")
def _address(start_proxy: Callable[..., str], acting: Guard, _upstream: FakeUpstream) -> str:
    return start_proxy(acting, upstream=_upstream.base)


@pytest.fixture
def address(_address: str, upstream: FakeUpstream) -> str:
    return _address
