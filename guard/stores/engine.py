"""Opening a database: SQLite or PostgreSQL, its tables brought up to date."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import stamina
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, SQLAlchemyError

from guard.errors import SettingsError

_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 0x6E6F726D  # any number that no other program takes for its own: "norm"
_SECONDS = 5


def connect(url: str, *, setting: str) -> Engine:
    """An engine for the database at `url`, whose tables are those that this version knows.

    Migrations run at the start, one process at a time, so that a deployment needs no step of its own for them.

    Args:
        setting: what the URL was given as; errors name it.

    Raises:
        SettingsError: the URL cannot be used, a driver is missing, the database cannot be reached, or it was made by a
            newer version.
    """
    try:
        engine = _engine(url)
        # Workers that start together may all find an old SQLite file, and all but one fail to change it.
        for attempt in stamina.retry_context(on=DatabaseError, attempts=5, wait_initial=0.05, wait_max=0.5):
            with attempt:
                _upgrade(engine)
    except (ArgumentError, ImportError) as error:
        raise SettingsError(
            f"{setting}: the URL of the database cannot be used: {type(error).__name__}. Give sqlite:///file.db or "
            "postgresql+psycopg://user:password@host/database (with the extra [postgres])."
        ) from error
    except SQLAlchemyError as error:
        shown = make_url(url).render_as_string(hide_password=True)
        raise SettingsError(f"{setting}: {shown} cannot be opened: {type(error).__name__}.") from error
    except CommandError as error:
        raise SettingsError(f"{setting}: the database was made by a newer NormGuard: {error}.") from error
    return engine


def _engine(url: str) -> Engine:
    made = make_url(url)
    if made.get_backend_name() == "sqlite":
        engine = create_engine(made)

        @event.listens_for(engine, "connect")
        def _durable(connection: Any, _: Any) -> None:
            # With a write-ahead log a process may be killed at any moment; readers and other workers do not wait long.
            for pragma in ("busy_timeout=10000", "journal_mode=WAL", "synchronous=NORMAL"):
                connection.execute(f"PRAGMA {pragma}")

        return engine
    # A database that is gone must be noticed in seconds: whoever waits for it holds a thread.
    limits = {"connect_timeout": _SECONDS, "options": f"-c statement_timeout={_SECONDS * 1000}"}
    postgres = made.get_driver_name() in {"psycopg", "psycopg2"}
    return create_engine(made, pool_pre_ping=True, pool_size=4, connect_args=limits if postgres else {})


def _upgrade(engine: Engine) -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"select pg_advisory_xact_lock({_LOCK})"))
        config.attributes["connection"] = connection
        if _unversioned(connection):
            command.stamp(config, "0001")
        command.upgrade(config, "head")


def _unversioned(connection: Connection) -> bool:
    """Whether the tables are there, but from before there were migrations."""
    tables = inspect(connection).get_table_names()
    return "normguard_about" in tables and "alembic_version" not in tables
