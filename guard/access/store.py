"""Where keys are kept: a database (extra ``database``) or Redis (extra ``redis``), by the URL."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from guard.access.keys import Key
from guard.errors import SettingsError, missing

_TIMES = ("created", "expires", "revoked")


class KeyStore(Protocol):
    """Keeps keys. All methods block, and raise whatever the database's driver raises where it is away."""

    def get(self, id_: str) -> Key | None: ...

    def add(self, key: Key) -> None: ...

    def all(self) -> list[Key]:
        """All keys, also those that ended, oldest first."""
        ...

    def revoke(self, id_: str, at: datetime) -> bool:
        """End a key; whether there is one of that id that had not ended so before."""
        ...


def open_keys(url: str) -> KeyStore:
    """The store at `url`: ``sqlite:///keys.db``, ``postgresql+psycopg://...`` or ``redis://...``.

    Raises:
        SettingsError: the URL cannot be used, a package is missing, or the database cannot be reached.
    """
    if url.partition("://")[0] in {"redis", "rediss", "unix"}:
        return RedisKeys(url)
    try:
        return SqlKeys(url)
    except ImportError as error:
        raise SettingsError(missing("keys: keeping them", "database")) from error


class SqlKeys:
    """Keys in a table."""

    def __init__(self, url: str) -> None:
        from guard.stores.engine import connect  # an extra
        from guard.stores.tables import KEYS

        self._table = KEYS
        self._engine = connect(url, setting="keys")

    def get(self, id_: str) -> Key | None:
        with self._engine.connect() as connection:
            row = connection.execute(self._table.select().where(self._table.c.id == id_)).one_or_none()
        return _key(dict(row._mapping)) if row is not None else None

    def add(self, key: Key) -> None:
        with self._engine.begin() as connection:
            connection.execute(self._table.insert(), {**_fields(key), "models": list(key.models)})

    def all(self) -> list[Key]:
        with self._engine.connect() as connection:
            rows = connection.execute(self._table.select().order_by(self._table.c.created))
            return [_key(dict(row._mapping)) for row in rows]

    def revoke(self, id_: str, at: datetime) -> bool:
        table = self._table
        valid = (table.c.id == id_) & table.c.revoked.is_(None)
        with self._engine.begin() as connection:
            return connection.execute(table.update().where(valid).values(revoked=at)).rowcount > 0


class RedisKeys:
    """Keys in one Redis hash, by id."""

    _NAME = "normguard:keys"

    def __init__(self, url: str) -> None:
        try:
            import redis  # an extra
        except ImportError as error:
            raise SettingsError(missing("keys: Redis", "redis")) from error
        try:
            self._redis: Any = redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2)
            self._redis.ping()
        except (redis.RedisError, ValueError, OSError) as error:
            raise SettingsError(f"keys: Redis cannot be used: {type(error).__name__}.") from error

    def get(self, id_: str) -> Key | None:
        found = self._redis.hget(self._NAME, id_)
        return _parsed(found) if found is not None else None

    def add(self, key: Key) -> None:
        self._redis.hset(self._NAME, key.id, _written(key))

    def all(self) -> list[Key]:
        return sorted(map(_parsed, self._redis.hvals(self._NAME)), key=lambda key: key.created)

    def revoke(self, id_: str, at: datetime) -> bool:
        key = self.get(id_)
        if key is None or key.revoked is not None:
            return False
        self._redis.hset(self._NAME, id_, _written(_key({**_fields(key), "revoked": at})))
        return True


def _fields(key: Key) -> dict[str, Any]:
    return {name: getattr(key, name) for name in key.__slots__}


def _key(found: Mapping[str, Any]) -> Key:
    fields = {name: found[name] for name in Key.__slots__}
    for name in _TIMES:
        if isinstance(fields[name], str):
            fields[name] = datetime.fromisoformat(fields[name])
        if fields[name] is not None and fields[name].tzinfo is None:  # SQLite forgets the zone
            fields[name] = fields[name].replace(tzinfo=UTC)
    return Key(**{**fields, "models": tuple(fields["models"])})


def _written(key: Key) -> str:
    return json.dumps(_fields(key), default=lambda value: value.isoformat())


def _parsed(found: bytes) -> Key:
    return _key(json.loads(found))
