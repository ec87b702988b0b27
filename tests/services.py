"""Private PostgreSQL and Redis servers for tests; without them tests skip."""

from __future__ import annotations

from collections.abc import Iterator

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
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    server = PostgresServer(tmp_path_factory.mktemp("postgres"))
    yield server
    server.stop()
