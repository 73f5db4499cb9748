"""Corrected transcripts, people, and what reviewing a data set needs.

Revision ID: 0003
"""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

APPEND_ONLY = """
CREATE TRIGGER {table}_no_{event} BEFORE {event} ON {table} {when}
BEGIN SELECT RAISE(ABORT, '{table}s are append-only'); END
"""


def upgrade() -> None:
    _add_columns()
    _review_tables()
    _people_tables()
    if op.get_bind().dialect.name == "sqlite":
        existing = "WHEN EXISTS (SELECT 1 FROM {table} WHERE id = NEW.id{more})"
        for table, more in (("opinion", " OR uuid = NEW.uuid"), ("verdict", "")):
            op.execute(APPEND_ONLY.format(table=table, event="update", when=""))
            op.execute(APPEND_ONLY.format(table=table, event="delete", when=""))
            when = existing.format(table=table, more=more)
            op.execute(APPEND_ONLY.format(table=table, event="insert", when=when))


def downgrade() -> None:
    raise NotImplementedError("projects are not taken back; the copy in backups/ is")


def _add_columns() -> None:
    op.add_column("word", sa.Column("page", sa.Text()))
    op.add_column("word", sa.Column("source", sa.Text()))
    op.create_index("ix_word_page", "word", ["page"])
    op.create_index("ix_word_source", "word", ["source"])
    for table in ("correction", "proposal", "standing"):
        op.add_column(table, sa.Column("text", sa.JSON()))
    op.add_column("round", sa.Column("pause_requested", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("round") as table_:  # no default in the database: the code gives one
        table_.alter_column("pause_requested", server_default=None)
    for name, kind in (
        ("words", sa.Integer()),
        ("chars", sa.Integer()),
        ("centre_h", sa.Double()),
        ("wrong", sa.Integer()),
    ):
        op.add_column("round", sa.Column(f"heldback_{name}", kind))
    op.add_column("round", sa.Column("heldback_share", sa.Double()))
    op.add_column("proposal", sa.Column("unaided", sa.LargeBinary()))
    op.add_column("standing", sa.Column("apart", sa.Double()))
    for name in ("both", "diverse"):
        op.add_column("standing", sa.Column(name, sa.Double(), nullable=False, server_default=sa.text("9e999")))
    op.add_column("standing", sa.Column("search", sa.Text(), nullable=False, server_default=""))
    with op.batch_alter_table("standing") as table_:
        for name in ("both", "diverse", "search"):
            table_.alter_column(name, server_default=None)
    for name in ("apart", "both", "diverse"):
        op.create_index(f"ix_standing_{name}", "standing", ["place", name, "word_id"])
    where = sa.text("kind = 'flag'")
    op.create_index("ix_correction_flag", "correction", ["id"], sqlite_where=where, postgresql_where=where)
    _fill_page_and_source()
    _fill_search()


def _fill_search() -> None:
    word = sa.table("word", sa.column("id"), sa.column("name"), sa.column("characters", sa.JSON()))
    standing = sa.table("standing", sa.column("word_id"), sa.column("search"))
    connection = op.get_bind()
    words = connection.execute(sa.select(word.c.id, word.c.name, word.c.characters))
    found = [{"of": id, "search": folded(f"{''.join(characters)}\n{name}")} for id, name, characters in words]
    if found:
        connection.execute(sa.update(standing).where(standing.c.word_id == sa.bindparam("of")), found)


def folded(text: str) -> str:
    """As `db.asked.folded` has it."""
    marked = unicodedata.normalize("NFKD", text)
    plain = "".join(each for each in marked if not unicodedata.combining(each))
    return unicodedata.normalize("NFC", plain.casefold())


def _fill_page_and_source() -> None:
    word = sa.table("word", sa.column("id"), sa.column("meta", sa.JSON()), sa.column("page"), sa.column("source"))
    connection = op.get_bind()
    found = [
        {"of": id, "page": as_text(meta.get("page")), "source": as_text(meta.get("source"))}
        for id, meta in connection.execute(sa.select(word.c.id, word.c.meta))
    ]
    found = [each for each in found if each["page"] is not None or each["source"] is not None]
    if found:
        change = sa.update(word).where(word.c.id == sa.bindparam("of"))
        connection.execute(change.values(page=sa.bindparam("page"), source=sa.bindparam("source")), found)


def as_text(value: object) -> str | None:
    """As `db.words` has it: text as it is, other values as JSON."""
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _table(name: str, *columns: Any, refers: tuple[tuple[str, str], ...] = (), **more: Any) -> None:
    """A table whose columns that `refers` names point at another table's key."""
    keys = [
        sa.ForeignKeyConstraint([column], [target], name=f"fk_{name}_{column}_{target.split('.')[0]}")
        for column, target in refers
    ]
    op.create_table(name, *columns, *keys, **more)


def _time(name: str, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _need(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _review_tables() -> None:
    word, round_ = ("word_id", "word.id"), ("round_id", "round.id")
    _table(
        "character_turn",
        _need("round_id", sa.Integer()),
        _need("character", sa.Text()),
        _need("turn", sa.Double()),
        _need("word_id", sa.Integer()),
        sa.PrimaryKeyConstraint("round_id", "character", "turn", "word_id", name="pk_character_turn"),
        refers=(round_, word),
        sqlite_with_rowid=False,
    )
    _table(
        "suspicion",
        _need("round_id", sa.Integer()),
        _need("word_id", sa.Integer()),
        _need("score", sa.Double()),
        _need("reason", sa.String(length=32)),
        sa.Column("suggestion", sa.Text()),
        _need("details", sa.JSON()),
        sa.PrimaryKeyConstraint("round_id", "word_id", name="pk_suspicion"),
        refers=(round_, word),
    )
    op.create_index("ix_suspicion_round_id_score", "suspicion", ["round_id", "score"])
    _table(
        "oddity",
        _need("round_id", sa.Integer()),
        _need("word_id", sa.Integer()),
        _need("values", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("round_id", "word_id", name="pk_oddity"),
        refers=(round_, word),
    )
    _table(
        "audit",
        _need("id", sa.Integer()),
        _need("seed", sa.Integer()),
        _need("population", sa.Integer()),
        _need("note", sa.Text()),
        _need("author", sa.Text()),
        _time("created_at"),
        _time("closed_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    _table(
        "audit_word",
        _need("audit_id", sa.Integer()),
        _need("position", sa.Integer()),
        _need("word_id", sa.Integer()),
        sa.PrimaryKeyConstraint("audit_id", "position", name="pk_audit_word"),
        refers=(("audit_id", "audit.id"), word),
    )
    op.create_index("ix_audit_word_word_id", "audit_word", ["word_id"])
    _table(
        "opinion",
        _need("id", sa.Integer()),
        _need("uuid", sa.String(length=64)),
        _need("word_id", sa.Integer()),
        _need("purpose", sa.String(length=16)),
        sa.Column("audit_id", sa.Integer()),
        _need("kind", sa.String(length=16)),
        _need("characters", sa.JSON()),
        sa.Column("text", sa.JSON()),
        _need("reason", sa.Text()),
        sa.Column("round_id", sa.Integer()),
        _need("author", sa.Text()),
        _time("created_at"),
        sa.PrimaryKeyConstraint("id", name="pk_opinion"),
        sa.UniqueConstraint("uuid", name="uq_opinion_uuid"),
        refers=(word, ("audit_id", "audit.id"), round_),
    )
    op.create_index("ix_opinion_purpose_word_id", "opinion", ["purpose", "word_id"])
    _table(
        "verdict",
        _need("id", sa.Integer()),
        _need("word_id", sa.Integer()),
        _need("subject", sa.String(length=16)),
        sa.Column("position", sa.Integer()),
        _need("value", sa.String(length=16)),
        _need("author", sa.Text()),
        _time("created_at"),
        sa.PrimaryKeyConstraint("id", name="pk_verdict"),
        refers=(word,),
    )
    op.create_index("ix_verdict_subject_word_id", "verdict", ["subject", "word_id"])
    _table(
        "word_tag",
        _need("word_id", sa.Integer()),
        _need("name", sa.Text()),
        _need("author", sa.Text()),
        _time("created_at"),
        sa.PrimaryKeyConstraint("word_id", "name", name="pk_word_tag"),
        refers=(word,),
    )
    op.create_index("ix_word_tag_name", "word_tag", ["name"])
    _table(
        "setting",
        _need("key", sa.String(length=64)),
        _need("value", sa.JSON()),
        sa.PrimaryKeyConstraint("key", name="pk_setting"),
    )


def _people_tables() -> None:
    _table(
        "person",
        _need("id", sa.Integer()),
        _need("name", sa.String(length=64)),
        _need("role", sa.String(length=16)),
        _need("password", sa.Text()),
        _time("created_at"),
        _time("disabled_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_person"),
        sa.UniqueConstraint("name", name="uq_person_name"),
    )
    _table(
        "session",
        _need("token_sha", sa.String(length=64)),
        _need("person_id", sa.Integer()),
        _time("created_at"),
        _time("expires_at"),
        sa.PrimaryKeyConstraint("token_sha", name="pk_session"),
        refers=(("person_id", "person.id"),),
    )
    op.create_index("ix_session_person_id", "session", ["person_id"])
    _table(
        "lease",
        _need("id", sa.Integer()),
        _need("word_id", sa.Integer()),
        _need("purpose", sa.String(length=16)),
        _need("holder", sa.Text()),
        _time("taken_at"),
        _time("expires_at"),
        _time("ended_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_lease"),
        refers=(("word_id", "word.id"),),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_lease_expires_at", "lease", ["expires_at"])
    op.create_index("ix_lease_holder", "lease", ["holder"])
    op.create_index("ix_lease_word_id_purpose", "lease", ["word_id", "purpose"])
    _table(
        "check_word",
        _need("word_id", sa.Integer()),
        _need("boxes", sa.JSON()),
        _need("author", sa.Text()),
        _time("created_at"),
        sa.PrimaryKeyConstraint("word_id", name="pk_check_word"),
        refers=(("word_id", "word.id"),),
    )
