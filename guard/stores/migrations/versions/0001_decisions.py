"""The audit trail."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "normguard_decisions",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False, index=True),
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("api", sa.String(16), nullable=False),
        sa.Column("model", sa.String(200)),
        sa.Column("policy", sa.String(200)),
        sa.Column("http_status", sa.Integer, nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("shadow", sa.String(16)),
        sa.Column("sensitivity", sa.Float, nullable=False),
        sa.Column("cultures", sa.JSON, nullable=False),
        sa.Column("situations", sa.JSON, nullable=False),
        sa.Column("norms", sa.JSON, nullable=False),
        sa.Column("tokens", sa.Integer, nullable=False),
        sa.Column("degraded", sa.JSON, nullable=False),
        sa.Column("latency_ms", sa.Float, nullable=False),
        sa.Column("verify", sa.String(32)),
        sa.Column("classifier", sa.String(200), nullable=False),
        sa.Column("query_hash", sa.String(64), nullable=False),
        sa.Column("image_hashes", sa.JSON, nullable=False),
        sa.Column("query", sa.Text),
        sa.Column("rewritten", sa.Text),
        sa.Column("guidance", sa.Text),
    )
    op.create_table(
        "normguard_about",
        sa.Column("name", sa.String(40), primary_key=True),
        sa.Column("value", sa.String(200)),
    )


def downgrade() -> None:
    op.drop_table("normguard_about")
    op.drop_table("normguard_decisions")
