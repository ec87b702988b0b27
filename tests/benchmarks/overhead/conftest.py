"""The bare upstream on a real socket."""

from __future__ import annotations

import pytest
import uvicorn

from benchmarks.overhead import upstream as bare
from guard.deployment.settings import Settings
from guard.proxy.serve import listen
from tests.conftest import running


@pytest.fixture(scope="package")
def address() -> object:
    bound = listen(Settings(port=0))
    with running(uvicorn.Server(uvicorn.Config(bare.app, log_level="error", lifespan="off")), [bound]):
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
