"""Private PostgreSQL and Redis servers for tests; without them tests skip."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.faults import services
from benchmarks.faults.services import free_port

__all__ = ["PostgresServer", "RedisServer", "free_port", "postgres", "redis_server"]


class RedisServer(services.RedisServer):
    def __init__(self, *given: object) -> None:
        try:
            super().__init__(*given)  # type: ignore[arg-type]
        except services.Missing as missing:
            pytest.skip(str(missing))


class PostgresServer(services.PostgresServer):
    def __init__(self, *given: object) -> None:
        try:
            super().__init__(*given)  # type: ignore[arg-type]
        except services.Missing as missing:
            pytest.skip(str(missing))


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    with tempfile.TemporaryDirectory(prefix="normguard-redis-") as folder:
        server = RedisServer(Path(folder))
        yield server
        server.stop()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    # Not among pytest's own folders, which another session that begins meanwhile may clean up.
    with tempfile.TemporaryDirectory(prefix="normguard-postgres-", ignore_cleanup_errors=True) as folder:
        server = PostgresServer(Path(folder))
        yield server
        server.stop()
