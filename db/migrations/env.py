"""Alembic's entry point. The store hands in the connection, inside a transaction of its own.

`alembic.command` is called from `db.migrate`; to write a new revision, see CONTRIBUTING.md.
"""

from __future__ import annotations

from alembic import context

from db.schema import Base

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
