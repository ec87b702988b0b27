"""What decided: hashes of the policy and of the packs, and the version."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_COLUMNS = {"policy_hash": 16, "packs_hash": 16, "version": 40}


def upgrade() -> None:
    for name, length in _COLUMNS.items():
        op.add_column("normguard_decisions", sa.Column(name, sa.String(length)))


def downgrade() -> None:
    for name in _COLUMNS:
        op.drop_column("normguard_decisions", name)
