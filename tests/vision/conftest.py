"""The vocabulary that vision models are mapped to."""

from __future__ import annotations

import pytest

from guard.norms.vocabulary import Vocabulary


@pytest.fixture(scope="session")
def vocabulary() -> Vocabulary:
    return Vocabulary()
