"""How the tables come to be: from nothing, from older projects, and never from newer ones."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

import db.migrate
import db.store
from db import FILE, NewerProject, Store, StoreError
from db.engine import best_sqlite
from db.migrate import MIGRATIONS
from db.schema import HEAD, Base
from tests.db.make import add, assert_whole, correct

NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "next"
down_revision = "{head}"


def upgrade():
    with op.batch_alter_table("word") as table:  # remakes the table, which others refer to
        table.add_column(sa.Column("note", sa.Text(), server_default="none"))
        table.alter_column("name", new_column_name="title")
    {more}
"""


@pytest.fixture
def next_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the code one revision newer; returns the new revision's file."""
    folder = tmp_path / "next-migrations"
    shutil.copytree(MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    step = folder / "versions" / "next.py"
    step.write_text(NEXT.format(head=HEAD, more="pass"))
    monkeypatch.setattr(
        db.store, "prepare", lambda path, module: db.migrate.prepare(path, module, head="next", migrations=folder)
    )
    return step


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of today's version with a word and a correction."""
    folder = tmp_path / "project"
    with Store.open(folder, create=True) as store:
        correct(store, *add(store, "abc"))
    return folder


def tables(path: Path) -> list[tuple[str, ...]]:
    connection = best_sqlite().connect(path)
    try:
        return connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY type, name").fetchall()
    finally:
        connection.close()


def test_migrations_make_the_tables_the_code_has(store: Store) -> None:
    with store.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == HEAD
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_opening_again_changes_nothing(project: Path) -> None:
    before = tables(project / FILE)
    with Store.open(project) as store, Store.open(project, create=True):
        assert store.word_count() == 1
    assert tables(project / FILE) == before
    assert [each.name for each in project.iterdir()] == [FILE]


def test_opening_does_not_wait_for_alembic_where_nothing_is_to_do(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "alembic", None)
    Store.open(project).close()


def test_an_empty_file_becomes_a_project(tmp_path: Path) -> None:
    (tmp_path / FILE).touch()  # what is left of a process killed at its first step
    with Store.open(tmp_path) as store:
        assert_whole(store)
        assert store.word_count() == 0
    assert not (tmp_path / "backups").exists()


def test_an_older_project_is_copied_and_updated(project: Path, next_version: Path) -> None:
    before = tables(project / FILE)
    with Store.open(project) as store, store.read() as connection:
        assert connection.execute(text("SELECT title, note, length FROM word")).one()[1:] == ("none", 3)
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "next"
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
        assert connection.execute(text("SELECT count(*) FROM correction")).scalar() == 1
    (copy,) = (project / "backups").iterdir()
    assert copy.name.startswith(f"charloc-{HEAD}-") and copy.suffix == ".db"
    assert tables(copy) == before
    Store.open(project).close()
    assert list((project / "backups").iterdir()) == [copy]


def test_the_copy_is_a_project(project: Path, next_version: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Store.open(project).close()
    monkeypatch.undo()
    (copy,) = (project / "backups").iterdir()
    restored = project.parent / "restored"
    restored.mkdir()
    shutil.copy(copy, restored / FILE)
    with Store.open(restored) as store:
        assert_whole(store)
        assert store.counts().corrected == 1


FIRST_VERSION = """
INSERT INTO image VALUES (1, 'a', 'image/png', 40, 20, X'00');
INSERT INTO word VALUES (1, 'b', 1, 'one.png', '["a", "b"]', 2, '{}');
INSERT INTO standing VALUES (1, 0, -0.5, NULL, 0, 0);
INSERT INTO round (id, number, method, state, settings, corrections_upto, phase, done, total, message, pid, host,
    attempt, started_at, heartbeat_at, cancel_requested, words, learned)
  VALUES (1, 0, 'guess', 'finished', '{}', 0, '', 0, 0, '', 1, '', 1, '2026-01-01', '2026-01-01', 0, 1, '{}');
INSERT INTO proposal (round_id, word_id, method, score, uncertainty, boxes, confidence)
  VALUES (1, 1, 'guess', -1.5, 0.5, zeroblob(32), zeroblob(8));
"""


def test_a_project_of_the_first_version_is_updated(tmp_path: Path) -> None:
    """Its proposals stay; how far other methods disagree with them is not known."""
    module = best_sqlite()
    db.migrate.prepare(tmp_path / FILE, module, head="0001")
    connection = module.connect(tmp_path / FILE)
    connection.executescript(FIRST_VERSION)
    connection.close()
    with Store.open(tmp_path) as store:
        assert_whole(store)
        assert store.proposals(1, [1])[1].boxes.shape == (2, 4)
        assert store.disagreements(1, [1]) == {1: None}
        assert store.round(1).heldback_share is None, "rounds that did not keep what they say by themselves"
        assert store.queue(1, []) == [1]
    (copy,) = (tmp_path / "backups").iterdir()
    assert copy.name.startswith("charloc-0001-")


def test_tags_of_the_third_version_are_in_the_history(tmp_path: Path) -> None:
    module = best_sqlite()
    db.migrate.prepare(tmp_path / FILE, module, head="0003")
    connection = module.connect(tmp_path / FILE)
    connection.executescript("""
        INSERT INTO image VALUES (1, 'a', 'image/png', 40, 20, X'00');
        INSERT INTO word VALUES (1, 'b', 1, 'one.png', '["a", "b"]', 2, '{}', NULL, NULL);
        INSERT INTO standing (word_id, place, turn, accepted, pinned, both, diverse, search)
          VALUES (1, 0, 9e999, 0, 0, 9e999, 9e999, 'ab' || char(10) || 'one.png');
        INSERT INTO word_tag VALUES (1, 'hard', 'Ada', '2026-01-01 00:00:00.000000');
    """)
    connection.close()
    with Store.open(tmp_path) as store:
        assert_whole(store)
        (kept,) = store.taggings(1)
        assert (kept.name, kept.given, kept.author, kept.created_at.year) == ("hard", True, "Ada", 2026)
        store.untag([1], "hard", "Ben")
        assert [each.author for each in store.taggings(1)] == ["Ada", "Ben"] and store.tags() == []
    (copy,) = (tmp_path / "backups").iterdir()
    assert copy.name.startswith("charloc-0003-")


@pytest.mark.parametrize(
    ("step", "error"),
    [
        ('raise RuntimeError("half way")', RuntimeError),
        ('op.execute("DELETE FROM image")', StoreError),  # breaks a reference
    ],
)
def test_an_update_that_fails_leaves_the_old_project(
    project: Path, next_version: Path, step: str, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tables(project / FILE)
    next_version.write_text(NEXT.format(head=HEAD, more=step))
    with pytest.raises(error, match=r"half way|leave 1 rows of word without"):
        Store.open(project)
    assert tables(project / FILE) == before
    monkeypatch.undo()
    with Store.open(project) as store:
        assert_whole(store)


def test_a_newer_project_is_refused(project: Path) -> None:
    connection = best_sqlite().connect(project / FILE)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    with pytest.raises(NewerProject, match=f"revision 9999, .* up to {HEAD}.* Update charloc"):
        Store.open(project)
    assert not (project / "backups").exists()


def test_somebody_elses_database_is_left_alone(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / FILE)
    connection.execute("CREATE TABLE recipes (id INTEGER)")
    connection.close()
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(StoreError, match=r"not one of charloc's \(it has the tables recipes"):
        Store.open(tmp_path)
    assert (tmp_path / FILE).read_bytes() == before
