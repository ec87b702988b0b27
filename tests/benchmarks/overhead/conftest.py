"""The bare upstream on a real socket."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks.overhead import upstream as bare
from guard.testing import serve


@pytest.fixture(scope="package")
def address() -> Iterator[str]:
    with serve(bare.app) as base:
        yield base
