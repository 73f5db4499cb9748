"""Alembic's entry point. `db.migrate` hands in the connection, inside a transaction of its own.

There is no alembic.ini, so that it works wherever the package is.
"""

from __future__ import annotations

from alembic import context

from db.schema import Base

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
