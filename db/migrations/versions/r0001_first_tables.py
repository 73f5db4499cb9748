"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Corrections are append-only, whatever statement is tried: INSERT OR REPLACE deletes without firing DELETE triggers,
# so an insert over an existing row is refused too.
APPEND_ONLY = """
CREATE TRIGGER correction_no_{event} BEFORE {event} ON correction {when}
BEGIN SELECT RAISE(ABORT, 'corrections are append-only'); END
"""
OVER_AN_EXISTING_ROW = "WHEN EXISTS (SELECT 1 FROM correction WHERE id = NEW.id OR uuid = NEW.uuid)"


def upgrade() -> None:
    op.create_table(
        "image",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sha", sa.String(length=64), nullable=False),
        sa.Column("media_type", sa.String(length=64), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_image"),
        sa.UniqueConstraint("sha", name="uq_image_sha"),
    )
    op.create_table(
        "round",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("method", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("parent_id", sa.Integer()),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("corrections_upto", sa.Integer(), nullable=False),
        sa.Column("phase", sa.String(length=64), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("checkpoint", sa.Text()),
        sa.Column("words", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.Double()),
        sa.Column("words_per_s", sa.Double()),
        sa.Column("log_likelihood", sa.Double()),
        sa.Column("moved", sa.Integer()),
        sa.Column("learned", sa.JSON(), nullable=False),
        sa.Column("prequential_words", sa.Integer()),
        sa.Column("prequential_chars", sa.Integer()),
        sa.Column("prequential_centre_h", sa.Double()),
        sa.Column("prequential_wrong", sa.Integer()),
        sa.ForeignKeyConstraint(["parent_id"], ["round.id"], name="fk_round_parent_id_round"),
        sa.PrimaryKeyConstraint("id", name="pk_round"),
    )
    op.create_index(
        "uq_round_finished",
        "round",
        ["number"],
        unique=True,
        sqlite_where=sa.text("state = 'finished'"),
        postgresql_where=sa.text("state = 'finished'"),
    )
    op.create_index(
        "uq_round_running",
        "round",
        ["state"],
        unique=True,
        sqlite_where=sa.text("state = 'running'"),
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_table(
        "word",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("characters", sa.JSON(), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column("meta", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["image_id"], ["image.id"], name="fk_word_image_id_image"),
        sa.PrimaryKeyConstraint("id", name="pk_word"),
        sa.UniqueConstraint("key", name="uq_word_key"),
    )
    op.create_table(
        "correction",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("word_id", sa.Integer(), nullable=False),
        sa.Column("uuid", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("characters", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("round_id", sa.Integer()),
        sa.Column("base_id", sa.Integer()),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["base_id"], ["correction.id"], name="fk_correction_base_id_correction"),
        sa.ForeignKeyConstraint(["round_id"], ["round.id"], name="fk_correction_round_id_round"),
        sa.ForeignKeyConstraint(["word_id"], ["word.id"], name="fk_correction_word_id_word"),
        sa.PrimaryKeyConstraint("id", name="pk_correction"),
        sa.UniqueConstraint("uuid", name="uq_correction_uuid"),
    )
    op.create_index("ix_correction_word_id_id", "correction", ["word_id", "id"])
    op.create_table(
        "proposal",
        sa.Column("round_id", sa.Integer(), nullable=False),
        sa.Column("word_id", sa.Integer(), nullable=False),
        sa.Column("method", sa.String(length=64), nullable=False),
        sa.Column("score", sa.Double()),
        sa.Column("uncertainty", sa.Double(), nullable=False),
        sa.Column("boxes", sa.LargeBinary(), nullable=False),
        sa.Column("confidence", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["round_id"], ["round.id"], name="fk_proposal_round_id_round"),
        sa.ForeignKeyConstraint(["word_id"], ["word.id"], name="fk_proposal_word_id_word"),
        sa.PrimaryKeyConstraint("round_id", "word_id", name="pk_proposal"),
    )
    op.create_table(
        "reference",
        sa.Column("word_id", sa.Integer(), nullable=False),
        sa.Column("boxes", sa.JSON(), nullable=False),
        sa.Column("approx", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["word_id"], ["word.id"], name="fk_reference_word_id_word"),
        sa.PrimaryKeyConstraint("word_id", name="pk_reference"),
    )
    op.create_table(
        "standing",
        sa.Column("word_id", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("turn", sa.Double(), nullable=False),
        sa.Column("correction_id", sa.Integer()),
        sa.Column("accepted", sa.Integer(), nullable=False),
        sa.Column("pinned", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["correction_id"], ["correction.id"], name="fk_standing_correction_id_correction"),
        sa.ForeignKeyConstraint(["word_id"], ["word.id"], name="fk_standing_word_id_word"),
        sa.PrimaryKeyConstraint("word_id", name="pk_standing"),
    )
    op.create_index("ix_standing_queue", "standing", ["place", "turn", "word_id"])
    if op.get_bind().dialect.name == "sqlite":
        op.execute(APPEND_ONLY.format(event="update", when=""))
        op.execute(APPEND_ONLY.format(event="delete", when=""))
        op.execute(APPEND_ONLY.format(event="insert", when=OVER_AN_EXISTING_ROW))


def downgrade() -> None:
    raise NotImplementedError("projects are not taken back; the copy in backups/ is")
