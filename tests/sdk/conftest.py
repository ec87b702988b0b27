"""Wrapped clients before the scriptable upstream."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from anthropic import Anthropic
from openai import OpenAI

from guard import Guard, wrap
from tests.conftest import FakeUpstream
from tests.policies import POLICIES, AsPolicies, Scripted


@pytest.fixture(scope="package")
def acting(guard: Guard) -> Guard:
    return Guard(library=guard.library, scorer=guard.scorer, policies=AsPolicies(**POLICIES), checker=Scripted())


@pytest.fixture
def api(upstream: FakeUpstream, acting: Guard) -> Iterator[OpenAI]:
    with wrap(OpenAI(base_url=upstream.base, api_key="k", max_retries=0), guard=acting) as client:
        yield client


@pytest.fixture
def claude(upstream: FakeUpstream, acting: Guard) -> Iterator[Anthropic]:
    with wrap(Anthropic(base_url=upstream.base[:-3], api_key="k", max_retries=0), guard=acting) as client:
        yield client
