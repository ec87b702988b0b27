"""Proxy keys, and whose key a decision was made for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "normguard_keys",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("policy", sa.String(200)),
        sa.Column("models", sa.JSON, nullable=False),
        sa.Column("per_minute", sa.Integer),
        sa.Column("concurrent", sa.Integer),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires", sa.DateTime(timezone=True)),
        sa.Column("revoked", sa.DateTime(timezone=True)),
    )
    op.add_column("normguard_decisions", sa.Column("key", sa.String(16)))


def downgrade() -> None:
    op.drop_column("normguard_decisions", "key")
    op.drop_table("normguard_keys")
