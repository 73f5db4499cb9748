"""How a project's database is opened: which SQLite, which safeguards, what a transaction is.

All that is particular to SQLite is here and in the triggers of `migrations/`.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from db.records import StoreError

log = logging.getLogger(__name__)

BUSY_TIMEOUT_S = 30.0
WAL_RESET_FIXED = (3, 51, 3)
"""Older SQLite can corrupt a WAL database that has two or more connections (https://sqlite.org/wal.html)."""

_WRITES = "charloc_writes"


def best_sqlite() -> ModuleType:
    """The newer of the interpreter's SQLite and pysqlite3's, if that is installed; a DB-API module."""
    try:
        bundled = import_module("pysqlite3.dbapi2")
    except ImportError:
        return sqlite3
    return bundled if bundled.sqlite_version_info > sqlite3.sqlite_version_info else sqlite3


def sqlite_engine(path: Path, module: ModuleType, *, foreign_keys: bool = True) -> Engine:
    """An engine for the database file at `path`, which need not exist; nothing is opened yet."""
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        module=module,
        # What is not JSON (NaN, above all) fails here rather than in the next reader.
        json_serializer=partial(json.dumps, allow_nan=False),
        connect_args={"timeout": BUSY_TIMEOUT_S, "check_same_thread": False},
        # A web server's thread pool is larger than a pool by default; a reader must not wait for a connection.
        pool_size=8,
        max_overflow=56,
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: DBAPIConnection, _: object) -> None:
        # The driver begins no transactions of its own: `begin` below does.
        connection.isolation_level = None
        cursor = connection.cursor()
        # NORMAL loses acknowledged commits in a power cut; FULL does not.
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute(f"PRAGMA foreign_keys = {int(foreign_keys)}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A deferred transaction that reads, then writes, fails as locked when another wrote in between, without
        # waiting: writers ask for the lock first.
        writes = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def set_journal_mode(engine: Engine, module: ModuleType) -> str:
    """Put the database in WAL mode, or, where this SQLite has the WAL-reset bug, in DELETE mode, and say so.

    Returns:
        The journal mode in effect, "wal" or "delete".

    Raises:
        StoreError: the mode cannot be changed because another process has the database open.
    """
    wanted = "wal" if module.sqlite_version_info >= WAL_RESET_FIXED else "delete"
    if wanted == "delete":
        log.warning(
            "SQLite %s can corrupt a database that is shared in WAL mode, so journal_mode=DELETE is used: safe, but "
            "pages wait while a round is written. Install pysqlite3 (pip install pysqlite3) for SQLite %s or newer.",
            module.sqlite_version,
            ".".join(map(str, WAL_RESET_FIXED)),
        )
    connection = engine.raw_connection()
    try:
        mode = _ask_journal_mode(connection.cursor(), module, wanted)
    finally:
        connection.close()
    if mode != wanted and wanted == "delete":
        raise StoreError(
            f"The project is open in another process that uses a newer SQLite than this one ({module.sqlite_version}), "
            "and both at once could damage it. Close the other, or install pysqlite3 here too."
        )
    if mode != wanted:
        log.warning("This file system does not carry WAL; journal_mode=%s is used: safe, but slower.", mode)
    return mode


def _ask_journal_mode(cursor: Any, module: ModuleType, wanted: str) -> str:
    # Changing the mode needs the file for itself for a moment, and SQLite does not wait for that by itself.
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            return str(cursor.execute(f"PRAGMA journal_mode = {wanted}").fetchone()[0]).lower()
        except module.OperationalError as error:
            if "locked" not in str(error):
                raise
            if time.monotonic() > deadline:
                return str(cursor.execute("PRAGMA journal_mode").fetchone()[0]).lower()
        time.sleep(0.02)


def backup(source: Path, target: Path, module: ModuleType) -> None:
    """Copy a live database to `target`, consistently; it appears there whole or not at all."""
    unfinished = target.with_name(target.name + ".tmp")
    with (
        contextlib.closing(module.connect(source)) as from_connection,
        contextlib.closing(module.connect(unfinished)) as to_connection,
    ):
        from_connection.backup(to_connection)
    with unfinished.open("rb+") as file:
        os.fsync(file.fileno())
    unfinished.replace(target)


def broken_references(connection: Connection) -> str:
    """Which tables have how many rows that refer to nothing; empty where all is well."""
    found = Counter(row[0] for row in connection.exec_driver_sql("PRAGMA foreign_key_check"))
    return ", ".join(f"{number} rows of {table}" for table, number in found.items())


class Database:
    """Transactions on one project's database, for many threads of one process.

    Other processes open their own. A `Database` is of no use in a child made by fork.
    """

    def __init__(self, path: Path, engine: Engine) -> None:
        self.path = path
        self._engine = engine
        self._pid = os.getpid()
        # Threads of this process queue here rather than poll the file's lock: fair, and far less waiting.
        self._writing = threading.Lock()

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database throughout, and neither waits for nor holds up writers."""
        with self._transaction({}) as connection:
            yield connection

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction with the write lock from its start; kept whole when the block ends well, else not at all."""
        with self._writing, self._transaction({_WRITES: True}) as connection:
            yield connection

    @contextlib.contextmanager
    def _transaction(self, options: Mapping[str, Any]) -> Iterator[Connection]:
        if os.getpid() != self._pid:
            raise StoreError("This store belongs to the process that opened it: open the project again in this one.")
        with explained(self.path), self._engine.connect() as connection:
            connection.execution_options(**options)
            with connection.begin():
                yield connection

    def close(self) -> None:
        """Close every connection; the last process to do so tidies up the write-ahead log."""
        if os.getpid() == self._pid:
            self._engine.dispose()


@contextlib.contextmanager
def explained(path: Path, *drivers: ModuleType) -> Iterator[None]:
    """Turn what goes wrong with the database file into errors for people; programming errors pass unchanged.

    Args:
        path: the database file.
        drivers: DB-API modules that are used without SQLAlchemy in the block.
    """
    driver_errors = tuple(driver.Error for driver in drivers)
    try:
        yield
    except IntegrityError:
        raise
    except PoolTimeoutError as error:
        raise StoreError(f"Too many things wait for the project database {path}. Try again in a moment.") from error
    except (DBAPIError, *driver_errors) as error:
        reason = str(getattr(error, "orig", error))
        advice = next((say for sign, say in _ADVICE.items() if sign in reason), None)
        if advice is None:
            raise
        raise StoreError(f"The project database {path} cannot be used: {reason}. {advice}") from error


_ADVICE = {
    "locked": f"Another process has been writing for more than {BUSY_TIMEOUT_S:.0f} s. Wait for it, or end it.",
    "is full": "Nothing of this step was kept. Make room on the disk and try again.",
    "disk I/O error": "Nothing of this step was kept. Look at the disk, then try again.",
    "readonly": "Make the file and its folder writable for you.",
    "unable to open": "Make the folder exist, and the file and its folder readable and writable for you.",
    "malformed": "It is damaged. Put back a copy from the project's backups/ folder, or your own.",
    "not a database": "It is some other kind of file. Name another folder, or move that file away.",
}
