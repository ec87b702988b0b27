"""One reader for the session."""

from __future__ import annotations

import pytest

from guard import Guard
from guard.reading.reader import Reader


@pytest.fixture(scope="session")
def reader(guard: Guard) -> Reader:
    return Reader(guard.library)
