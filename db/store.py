"""The one door to a project's database."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from db.audits import Audits
from db.corrections import Corrections
from db.engine import best_sqlite, explained, sqlite_engine
from db.glyphs import Glyphs
from db.leases import Leases
from db.migrate import prepare
from db.opinions import Opinions
from db.people import People
from db.proposals import Proposals
from db.queues import Queues
from db.records import NoProject, StoreError
from db.reviews import Reviews
from db.rounds import Rounds
from db.settings import Settings
from db.suspicions import Suspicions
from db.tags import Tags
from db.words import Words

FILE = "charloc.db"
"""Name of the database in a project's folder."""


class Store(
    Words,
    Rounds,
    Proposals,
    Corrections,
    Opinions,
    Audits,
    People,
    Leases,
    Reviews,
    Settings,
    Suspicions,
    Queues,
    Tags,
    Glyphs,
):
    """Words, rounds, proposals, corrections and people of one project.

    One store serves many threads; every process opens its own. All records it takes and gives are in `db.records` and
    `db.team_records`; what goes wrong is a `StoreError`, with a message for people.

        with Store.open(Path("my-project"), create=True) as store:
            store.add_words(...)
    """

    @classmethod
    def open(cls, project: Path, *, create: bool = False) -> Self:
        """Open the project in a folder, updating its tables if an older charloc made them.

        Args:
            project: the project's folder.
            create: make folder and database if they are not there.

        Raises:
            NoProject: there is none, and `create` was not asked for.
            NewerProject: a newer charloc wrote it.
            StoreError: the file cannot be used; the message says why.
        """
        path = Path(project).absolute() / FILE
        if not path.exists():
            if not create:
                raise NoProject(f"There is no project in {project}. Import some words to make one there.")
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StoreError(f"The project folder {project} cannot be made: {error.strerror}.") from error
        module = best_sqlite()
        with explained(path, module):
            prepare(path, module)
        return cls(path, sqlite_engine(path, module))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
