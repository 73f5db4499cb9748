"""Who gave words their tags, and who took them off, is kept.

Revision ID: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

APPEND_ONLY = """
CREATE TRIGGER tagging_no_{event} BEFORE {event} ON tagging {when}
BEGIN SELECT RAISE(ABORT, 'taggings are append-only'); END
"""
COLUMNS = ("word_id", "name", "author", "created_at")


def upgrade() -> None:
    op.create_table(
        "tagging",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("word_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("given", sa.Boolean(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tagging"),
        sa.ForeignKeyConstraint(["word_id"], ["word.id"], name="fk_tagging_word_id_word"),
    )
    op.create_index("ix_tagging_word_id", "tagging", ["word_id"])
    # Of tags that were taken off before, nothing is known any more.
    tags, taggings = (sa.table(name, *map(sa.column, COLUMNS)) for name in ("word_tag", "tagging"))
    taggings.append_column(sa.column("given"))
    found = sa.select(*(tags.c[name] for name in COLUMNS), sa.true()).order_by(tags.c.created_at, tags.c.word_id)
    op.execute(taggings.insert().from_select([*COLUMNS, "given"], found))
    if op.get_bind().dialect.name == "sqlite":
        for event, when in (
            ("update", ""),
            ("delete", ""),
            ("insert", "WHEN EXISTS (SELECT 1 FROM tagging WHERE id = NEW.id)"),
        ):
            op.execute(APPEND_ONLY.format(event=event, when=when))


def downgrade() -> None:
    raise NotImplementedError("projects are not taken back; the copy in backups/ is")
