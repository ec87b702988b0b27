"""Connections to databases."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, text

from guard.audit.store import Store
from guard.errors import SettingsError
from tests.services import PostgresServer, free_port


def test_many_start_on_one_new_postgres(postgres: PostgresServer) -> None:
    admin = create_engine(postgres.url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text("create database fresh"))
    url = postgres.url.replace("/postgres", "/fresh")
    code = "import sys; from guard.audit.store import Store; print(Store(sys.argv[1]).secret.decode())"
    started = [subprocess.Popen([sys.executable, "-c", code, url], stdout=subprocess.PIPE, text=True) for _ in range(4)]
    secrets = {process.communicate()[0].strip() for process in started}
    assert len(secrets) == 1
    assert "normguard_keys" in inspect(create_engine(url)).get_table_names()


def test_a_database_that_cannot_be_reached(tmp_path: Path) -> None:
    start = time.perf_counter()
    with pytest.raises(SettingsError, match="audit: ") as caught:
        Store(f"postgresql+psycopg://tester:sesame@127.0.0.1:{free_port()}/postgres")
    assert "sesame" not in str(caught.value)
    assert time.perf_counter() - start < 20
