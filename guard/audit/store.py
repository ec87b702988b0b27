"""Where records lie: one table, in SQLite or any database that SQLAlchemy speaks to (extra ``audit``)."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import stamina
from sqlalchemy import (
    JSON,
    Column,
    DateTime,
    Engine,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    delete,
    event,
    func,
    insert,
    select,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, IntegrityError, SQLAlchemyError

from guard.audit.record import Record
from guard.errors import SettingsError

_META = MetaData()
_RECORDS = Table(
    "normguard_decisions",
    _META,
    Column("id", Integer, primary_key=True),
    Column("time", DateTime(timezone=True), nullable=False, index=True),
    Column("request_id", String(64), nullable=False),
    Column("api", String(16), nullable=False),
    Column("model", String(200)),
    Column("policy", String(200)),
    Column("http_status", Integer, nullable=False),
    Column("action", String(16), nullable=False),
    Column("shadow", String(16)),
    Column("sensitivity", Float, nullable=False),
    Column("cultures", JSON, nullable=False),
    Column("situations", JSON, nullable=False),
    Column("norms", JSON, nullable=False),
    Column("tokens", Integer, nullable=False),
    Column("degraded", JSON, nullable=False),
    Column("latency_ms", Float, nullable=False),
    Column("verify", String(32)),
    Column("classifier", String(200), nullable=False),
    Column("query_hash", String(64), nullable=False),
    Column("image_hashes", JSON, nullable=False),
    Column("query", Text),
    Column("rewritten", Text),
    Column("guidance", Text),
)
_ABOUT = Table("normguard_about", _META, Column("name", String(40), primary_key=True), Column("value", String(200)))
_SCHEMA = "1"
_FIELDS = [column for column in _RECORDS.columns if column.name != "id"]


class Store:
    """The table of decisions.

    Args:
        url: of the database (``sqlite:///audit.db``, ``postgresql+psycopg://...``).

    Raises:
        SettingsError: the URL cannot be used, the database cannot be reached, or it is of a newer NormGuard.
    """

    def __init__(self, url: str) -> None:
        try:
            self._engine = _engine(url)
            # Workers that start together may all find no table, and all but one fail to make it.
            for attempt in stamina.retry_context(on=DatabaseError, attempts=5, wait_initial=0.05, wait_max=0.5):
                with attempt:
                    _META.create_all(self._engine)
            self.secret = self._about("secret", secrets.token_hex(32)).encode()
            schema = self._about("schema", _SCHEMA)
        except (ArgumentError, ImportError) as error:
            raise SettingsError(f"audit: the URL of the database cannot be used: {type(error).__name__}.") from error
        except SQLAlchemyError as error:
            shown = make_url(url).render_as_string(hide_password=True)
            raise SettingsError(f"audit: {shown} cannot be opened: {type(error).__name__}.") from error
        if schema != _SCHEMA:
            raise SettingsError(f"audit: the database is of schema {schema}; this NormGuard knows {_SCHEMA}.")

    def add(self, records: Sequence[Record]) -> None:
        """Write records, all or none; raises `SQLAlchemyError` where the database is away."""
        with self._engine.begin() as connection:
            connection.execute(insert(_RECORDS), [record.row() for record in records])

    def prune(self, before: datetime) -> int:
        """Delete what is older than `before`; how many there were."""
        with self._engine.begin() as connection:
            return connection.execute(delete(_RECORDS).where(_RECORDS.c.time < before)).rowcount

    def read(
        self, *, since: datetime | None = None, until: datetime | None = None, action: str | None = None
    ) -> Iterator[dict[str, Any]]:
        """The records, oldest first, a few at a time."""
        query = select(*_FIELDS).order_by(_RECORDS.c.id)
        if since is not None:
            query = query.where(_RECORDS.c.time >= since)
        if until is not None:
            query = query.where(_RECORDS.c.time < until)
        if action is not None:
            query = query.where(_RECORDS.c.action == action)
        with self._engine.connect().execution_options(yield_per=500) as connection:
            for row in connection.execute(query):
                found = dict(row._mapping)
                time = found["time"]
                found["time"] = (time if time.tzinfo else time.replace(tzinfo=UTC)).isoformat()
                yield found

    def count(self) -> int:
        """How many records there are."""
        with self._engine.connect() as connection:
            return int(connection.execute(select(func.count()).select_from(_RECORDS)).scalar_one())

    def close(self) -> None:
        self._engine.dispose()

    def _about(self, name: str, otherwise: str) -> str:
        """What the database says of itself; written by the first process that asks, read by all."""
        asked = select(_ABOUT.c.value).where(_ABOUT.c.name == name)
        with self._engine.begin() as connection:
            if (found := connection.execute(asked).scalar()) is not None:
                return str(found)
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(_ABOUT), {"name": name, "value": otherwise})
            return otherwise
        except IntegrityError:  # another process was first
            with self._engine.begin() as connection:
                return str(connection.execute(asked).scalar_one())


def _engine(url: str) -> Engine:
    engine = create_engine(url, pool_pre_ping=True)
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def _durable(connection: Any, _: Any) -> None:
            # With a write-ahead log a process may be killed at any moment; readers and other workers do not wait long.
            for pragma in ("busy_timeout=10000", "journal_mode=WAL", "synchronous=NORMAL"):
                connection.execute(f"PRAGMA {pragma}")

    return engine
