"""A guard that also blocks and verifies, for all integrations."""

from __future__ import annotations

import pytest

from guard import Guard
from tests.policies import POLICIES, AsPolicies, Scripted


@pytest.fixture(scope="session")
def acting(guard: Guard) -> Guard:
    return Guard(library=guard.library, scorer=guard.scorer, policies=AsPolicies(**POLICIES), checker=Scripted())
