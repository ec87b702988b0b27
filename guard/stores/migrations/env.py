"""Alembic's entry: migrations run on the connection that `guard.stores.engine` holds."""

from __future__ import annotations

from alembic import context

from guard.stores.tables import META

context.configure(connection=context.config.attributes["connection"], target_metadata=META)
with context.begin_transaction():
    context.run_migrations()
