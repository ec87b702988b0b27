"""The tables and their migrations."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from guard import Guard
from guard.access.keys import new_key
from guard.access.store import open_keys
from guard.audit.store import Store
from guard.stores.engine import connect
from tests.audit.records import record
from tests.services import PostgresServer


def test_tables_are_what_the_code_thinks(tmp_path: Path, postgres: PostgresServer) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from guard.stores.tables import META

    for url in (f"sqlite:///{tmp_path}/a.db", postgres.url):
        with connect(url, setting="audit").connect() as connection:
            assert compare_metadata(MigrationContext.configure(connection), META) == []


def test_a_database_from_before_migrations_is_taken_along(tmp_path: Path, guard: Guard) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    Store(url).close()
    with sqlite3.connect(tmp_path / "a.db") as database:
        database.execute("drop table normguard_keys")
        for column in ("key", "policy_hash", "packs_hash", "version"):
            database.execute(f"alter table normguard_decisions drop column {column}")
        database.execute("drop table alembic_version")
        database.execute("insert into normguard_about values ('kept', 'yes')")
    store = Store(url)
    store.add([record(guard)])
    assert store.count() == 1
    open_keys(url).add(new_key("x")[1])
    with sqlite3.connect(tmp_path / "a.db") as database:
        assert database.execute("select value from normguard_about where name = 'kept'").fetchone() == ("yes",)


def test_older_decisions_are_kept_and_do_not_tell_who_decided(
    tmp_path: Path, postgres: PostgresServer, guard: Guard
) -> None:
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine, text

    from guard.stores import engine

    admin = create_engine(postgres.url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text("create database older"))
    for url in (f"sqlite:///{tmp_path}/a.db", postgres.url.replace("/postgres", "/older")):
        store = Store(url)
        store.add([record(guard)])
        store.close()
        config = Config()
        config.set_main_option("script_location", str(engine._MIGRATIONS))
        made = create_engine(url)
        with made.begin() as connection:
            config.attributes["connection"] = connection
            command.downgrade(config, "0002")
        made.dispose()
        store = Store(url)
        store.add([record(guard)])
        older, newer = store.read()
        assert (older["policy_hash"], older["packs_hash"], older["version"]) == (None, None, None)
        assert (newer["policy_hash"], newer["packs_hash"]) == (guard.policy.digest, guard.library.digest)
        assert older["policy"] == newer["policy"] == "default"
        store.close()
