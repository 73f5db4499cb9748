"""How the file is opened, and what people are told when it cannot be used."""

from __future__ import annotations

import logging
import multiprocessing
import os
import sqlite3
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import text

import db.engine
from db import FILE, NoProject, Store, StoreError
from db.engine import best_sqlite
from tests.db.make import add, item


def pragma(store: Store, name: str) -> object:
    with store.read() as connection:
        return connection.execute(text(f"PRAGMA {name}")).scalar()


def test_every_connection_is_durable_and_checks_references(store: Store) -> None:
    barrier, found = threading.Barrier(4), []

    def look() -> None:
        with store.read() as connection:
            barrier.wait()  # four connections at once
            found.append(
                [connection.execute(text(f"PRAGMA {name}")).scalar() for name in ("synchronous", "foreign_keys")]
            )

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[2, 1]] * 4


def test_the_newest_sqlite_is_used() -> None:
    module = best_sqlite()
    assert module.sqlite_version_info >= sqlite3.sqlite_version_info


def test_wal_where_it_is_safe(store: Store) -> None:
    if best_sqlite().sqlite_version_info < db.engine.WAL_RESET_FIXED:
        pytest.skip(f"SQLite {best_sqlite().sqlite_version} has the WAL-reset bug and pysqlite3 is not installed")
    assert pragma(store, "journal_mode") == "wal"


def test_no_wal_where_it_is_not_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with Store.open(tmp_path, create=True) as first:
        ids = add(first, "abc")
    monkeypatch.setattr(db.engine, "WAL_RESET_FIXED", (99, 0, 0))
    with caplog.at_level(logging.WARNING), Store.open(tmp_path) as store:
        assert pragma(store, "journal_mode") == "delete"
        assert store.word_ids() == ids
        assert len(add(store, "def")) == 1
    assert "Install pysqlite3" in caplog.text and "journal_mode=DELETE" in caplog.text


def test_two_libraries_never_share_a_wal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store.open(tmp_path, create=True) as store:
        add(store, "abc")
        if pragma(store, "journal_mode") != "wal":
            pytest.skip("no SQLite here that may use WAL")
        monkeypatch.setattr(db.engine, "WAL_RESET_FIXED", (99, 0, 0))
        monkeypatch.setattr(db.engine, "BUSY_TIMEOUT_S", 0.05)
        with pytest.raises(StoreError, match="open in another process that uses a newer SQLite"):
            Store.open(tmp_path)


def test_a_file_system_without_wal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(db.engine, "WAL_RESET_FIXED", (3, 0, 0))
    monkeypatch.setattr(db.engine, "_ask_journal_mode", lambda *_: "delete")
    with Store.open(tmp_path, create=True) as store:
        assert len(add(store, "abc")) == 1
    assert "does not carry WAL; journal_mode=delete" in caplog.text


def test_an_interpreter_without_pysqlite3(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pysqlite3.dbapi2", None)
    assert best_sqlite() is sqlite3


def test_there_is_no_project(tmp_path: Path) -> None:
    with pytest.raises(NoProject, match=r"There is no project in .*nowhere\. Import some words"):
        Store.open(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("name", ["a b", "what?mode=ro#x", "100%25", "Ḃí 'quoted\" \\", "file:x"])
def test_a_project_may_have_any_name(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "deep" / name
    with Store.open(folder, create=True) as store:
        add(store, "abc")
    assert (folder / FILE).is_file()
    with Store.open(folder) as store:
        assert store.word_count() == 1
    assert [each.name for each in folder.iterdir()] == [FILE]  # nothing left behind


def test_a_relative_folder_stays_the_same_when_the_process_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with Store.open(Path("project"), create=True) as store:
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
        threads = [threading.Thread(target=store.word_count) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert store.path == tmp_path / "project" / FILE


def test_files_that_are_no_project(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"PK\3\4 not a database at all" * 100)
    with pytest.raises(StoreError, match=r"not a database\. It is some other kind of file"):
        Store.open(tmp_path)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / FILE).mkdir()
    with pytest.raises(StoreError, match="unable to open"):
        Store.open(tmp_path / "b")
    (tmp_path / "c").write_text("a file where a folder should be")
    with pytest.raises(StoreError, match="cannot be made"):
        Store.open(tmp_path / "c" / "d", create=True)


def test_a_damaged_database(tmp_path: Path) -> None:
    with Store.open(tmp_path, create=True) as store:
        store.add_words([item("abc", b"x" * 9000) for _ in range(50)])
    path = tmp_path / FILE
    path.write_bytes(path.read_bytes()[:8192] + b"\xff" * (path.stat().st_size - 8192))
    with pytest.raises(StoreError, match="Put back a copy"), Store.open(tmp_path) as store:
        store.words(store.word_ids())


def test_a_full_disk_keeps_nothing_of_the_step(store: Store) -> None:
    add(store, "abc")
    with store.read() as connection:  # the one connection of this store
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
        connection.execute(text(f"PRAGMA max_page_count = {pages + 10}"))
    with pytest.raises(StoreError, match="Make room on the disk"):
        store.add_words([item("def", b"x" * 100_000)])
    assert store.word_count() == 1


def test_a_lock_that_is_never_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db.engine, "BUSY_TIMEOUT_S", 0.05)
    with Store.open(tmp_path, create=True) as one, Store.open(tmp_path) as two:
        with one.write(), pytest.raises(StoreError, match="Another process has been writing"):
            add(two, "abc")
        assert len(add(two, "abc")) == 1


def test_a_transaction_is_kept_whole_or_not_at_all(store: Store) -> None:
    (id,) = add(store, "abc")

    def change(then: Exception) -> None:
        with store.write() as connection:
            connection.execute(text("UPDATE word SET name = 'changed'"))
            raise then

    with pytest.raises(KeyError):
        change(KeyError())
    assert store.words([id])[0].name != "changed"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_is_told_to_open_its_own(store: Store) -> None:
    def child(answers: multiprocessing.queues.SimpleQueue[str]) -> None:
        try:
            store.word_count()
        except StoreError as error:
            answers.put(str(error))
        else:
            answers.put("no error")

    fork = multiprocessing.get_context("fork")
    answers: multiprocessing.queues.SimpleQueue[str] = fork.SimpleQueue()
    process = fork.Process(target=child, args=(answers,))
    process.start()
    assert "open the project again" in answers.get()
    process.join()
