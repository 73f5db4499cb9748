"""Bring a project's database to what this code expects, once, whoever opens it first."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

from sqlalchemy import Connection, inspect, text

from db.engine import Database, backup, broken_references, set_journal_mode, sqlite_engine
from db.records import NewerProject, StoreError
from db.schema import HEAD

MIGRATIONS = Path(__file__).parent / "migrations"


def prepare(path: Path, module: ModuleType, *, head: str = HEAD, migrations: Path = MIGRATIONS) -> None:
    """Set the journal mode, and make or update the tables.

    That is one transaction: an update that fails or is killed leaves the old database.

    A database with an older revision is first copied to `backups/` beside it.

    Args:
        path: the database file; it need not exist.
        module: the DB-API module in use.
        head: the revision wanted.
        migrations: the folder with Alembic's env.py and versions/.

    Raises:
        NewerProject: its revision is not one that this code knows.
        StoreError: the file is an SQLite database, but not a project's.
    """
    # Alembic remakes tables to alter them, which foreign keys would take for deletions; they are checked afterwards.
    engine = sqlite_engine(path, module, foreign_keys=False)
    database = Database(path, engine)
    try:
        with database.read() as connection:
            revision = _revision(connection, path)  # before anything is changed: it may be somebody else's file
        set_journal_mode(engine, module)
        if revision != head:
            _upgrade(database, module, head, migrations)
    finally:
        database.close()


def _upgrade(database: Database, module: ModuleType, head: str, migrations: Path) -> None:

    # Imported here: most openings have nothing to migrate and need not wait for it.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}

    path = database.path
    with database.write() as connection:
        revision = _revision(connection, path)  # again: another process may have been faster
        if revision == head:
            return
        if revision is not None and revision not in known:
            raise NewerProject(
                f"The project {path.parent} was written by a newer version of charloc (its tables are at revision "
                f"{revision}, this version knows them up to {head}). Update charloc, or use another project."
            )
        if revision is not None:
            _back_up(path, revision, module)
        config.attributes["connection"] = connection
        command.upgrade(config, head)
        broken = broken_references(connection)
        if broken:
            raise StoreError(
                f"Updating the project {path.parent} would leave {broken} without what they belong to, so it was left "
                "as it was. Please report this."
            )


def _revision(connection: Connection, path: Path) -> str | None:
    """The revision the database is at; None for an empty one."""
    tables = inspect(connection).get_table_names()
    if "alembic_version" in tables:
        return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one())
    if tables:
        raise StoreError(
            f"{path} is a database, but not one of charloc's (it has the tables {', '.join(tables[:3])}). "
            "Name another folder for the project, or move that file away."
        )
    return None


def _back_up(path: Path, revision: str, module: ModuleType) -> None:
    folder = path.parent / "backups"
    folder.mkdir(exist_ok=True)
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    backup(path, folder / f"{path.stem}-{revision}-{now}.db", module)
