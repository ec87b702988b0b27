"""Where records lie: one table, in SQLite or PostgreSQL (extra ``database``)."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.exc import DataError, IntegrityError

from guard.audit.record import Record
from guard.stores.engine import connect
from guard.stores.tables import ABOUT, DECISIONS

_FIELDS = [column for column in DECISIONS.columns if column.name != "id"]


class Store:
    """The table of decisions.

    Args:
        url: of the database (``sqlite:///audit.db``, ``postgresql+psycopg://...``).

    Raises:
        SettingsError: as `guard.stores.engine.connect`.
    """

    def __init__(self, url: str) -> None:
        self._engine = connect(url, setting="audit")
        self.secret = self._about("secret", secrets.token_hex(32)).encode()

    def add(self, records: Sequence[Record]) -> int:
        """Write records; how many there were, less those that the database will never take.

        Raises:
            SQLAlchemyError: the database is away. (Where it goes away in the middle of a search for bad records, some
                are written, and written again by the next try.)
        """
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(DECISIONS), [record.row() for record in records])
        except (DataError, IntegrityError, UnicodeError):
            # One of them must not keep the others out: who is to blame is found by halves.
            if len(records) == 1:
                return 0
            middle = len(records) // 2
            return self.add(records[:middle]) + self.add(records[middle:])
        return len(records)

    def prune(self, before: datetime) -> int:
        """Delete what is older than `before`; how many there were."""
        with self._engine.begin() as connection:
            return connection.execute(delete(DECISIONS).where(DECISIONS.c.time < before)).rowcount

    def read(
        self, *, since: datetime | None = None, until: datetime | None = None, action: str | None = None
    ) -> Iterator[dict[str, Any]]:
        """The records, oldest first, a few at a time."""
        query = select(*_FIELDS).order_by(DECISIONS.c.id)
        if since is not None:
            query = query.where(DECISIONS.c.time >= since)
        if until is not None:
            query = query.where(DECISIONS.c.time < until)
        if action is not None:
            query = query.where(DECISIONS.c.action == action)
        with self._engine.connect().execution_options(yield_per=500) as connection:
            for row in connection.execute(query):
                found = dict(row._mapping)
                time = found["time"]
                found["time"] = (time if time.tzinfo else time.replace(tzinfo=UTC)).isoformat()
                yield found

    def count(self) -> int:
        """How many records there are."""
        with self._engine.connect() as connection:
            return int(connection.execute(select(func.count()).select_from(DECISIONS)).scalar_one())

    def close(self) -> None:
        self._engine.dispose()

    def _about(self, name: str, otherwise: str) -> str:
        """What the database says of itself; written by the first process that asks, read by all."""
        asked = select(ABOUT.c.value).where(ABOUT.c.name == name)
        with self._engine.begin() as connection:
            if (found := connection.execute(asked).scalar()) is not None:
                return str(found)
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(ABOUT), {"name": name, "value": otherwise})
            return otherwise
        except IntegrityError:  # another process was first
            with self._engine.begin() as connection:
                return str(connection.execute(asked).scalar_one())
