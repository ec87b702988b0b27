"""The vocabulary that vision models are mapped to, and the library that some are exported with."""

from __future__ import annotations

from typing import Any

import pytest

from guard.norms.vocabulary import Vocabulary
from tests.torchvision_shim import make_torchvision_fit


@pytest.fixture(scope="session")
def vocabulary() -> Vocabulary:
    return Vocabulary()


@pytest.fixture(scope="session")
def open_clip() -> Any:
    make_torchvision_fit()
    return pytest.importorskip("open_clip", reason="open_clip is not installed (extra vision-export)")
