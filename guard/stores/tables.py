"""The tables, as the newest migration leaves them."""

from __future__ import annotations

from sqlalchemy import JSON, Column, DateTime, Float, Integer, MetaData, String, Table, Text

META = MetaData()

DECISIONS = Table(
    "normguard_decisions",
    META,
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
    Column("key", String(16)),
    Column("policy_hash", String(16)),
    Column("packs_hash", String(16)),
    Column("version", String(40)),
)

ABOUT = Table("normguard_about", META, Column("name", String(40), primary_key=True), Column("value", String(200)))

KEYS = Table(
    "normguard_keys",
    META,
    Column("id", String(16), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("name", String(200), nullable=False),
    Column("policy", String(200)),
    Column("models", JSON, nullable=False),
    Column("per_minute", Integer),
    Column("concurrent", Integer),
    Column("created", DateTime(timezone=True), nullable=False),
    Column("expires", DateTime(timezone=True)),
    Column("revoked", DateTime(timezone=True)),
)
