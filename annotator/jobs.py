"""The round that the page starts, watches and cancels: one at a time, in its own process.

What is running is a row in the store, so it outlives a reload and a restart of the server. Only the seconds between
the button and that row are known here alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import Protocol

from annotator.background import LOG
from charloc.types import CharlocError
from db import Round, Store


class Process(Protocol):
    """What is needed of `subprocess.Popen`."""

    def poll(self) -> int | None: ...


Start = Callable[[Path, str, Mapping[str, object]], Process]
"""start(project, method, settings): a process that runs one round, or goes on with the interrupted one of these."""


class Busy(CharlocError):
    """A round is running already."""


class Jobs:
    """Starts and cancels rounds, and says how far the current one is.

    Args:
        store: the open project.
        project: its folder.
        start: starts a process that runs one round.
        cancel: asks the running round to stop.
    """

    def __init__(self, store: Store, project: Path, start: Start, cancel: Callable[[Store], object]) -> None:
        self._store, self._project = store, project
        self._start, self._cancel = start, cancel
        self._lock = Lock()
        self._process: Process | None = None
        self._leaving: list[Process] = []  # ended their rounds, but not yet themselves: not to be forgotten until then
        self._last_id_before: int | None = None

    def start(self, method: str, settings: Mapping[str, object] = MappingProxyType({})) -> None:
        """Start a round with `method` and settings; if one was interrupted go on with that, as it was begun, instead.

        Raises:
            Busy: one is running or being started.
        """
        with self.resting():
            unfinished = self._store.unfinished_round()
            last = self._last_round()
            self._last_id_before = last.id if last else None
            if unfinished is not None:
                method, settings = unfinished.method, unfinished.settings
            before = [self._process] if self._process is not None else []
            self._leaving = [each for each in self._leaving + before if each.poll() is None]
            self._process = self._start(self._project, method, settings)

    @contextmanager
    def resting(self) -> Iterator[None]:
        """While this is entered no round runs, and this process starts none.

        Raises:
            Busy: one is running or being started.
        """
        with self._lock:
            unfinished = self._store.unfinished_round()
            if self._starting() or (unfinished is not None and unfinished.state == "running"):
                raise Busy("A round is running. Wait until it has finished, or cancel it.")
            yield

    def cancel(self) -> None:
        """Ask the running round to stop, or give up the interrupted one; without either, nothing happens."""
        if self._store.unfinished_round() is not None:
            self._cancel(self._store)

    def view(self) -> dict[str, object]:
        """What to show: state ("idle", "starting", "running", "interrupted" or "failed"), message, and the round."""
        unfinished = self._store.unfinished_round()
        if unfinished is not None and unfinished.state == "running":
            return self._as_json("running", unfinished, unfinished.message)
        with self._lock:
            if self._starting():
                return self._as_json("starting", None, "Starting …")
            last = self._last_round()
            died = self._process is not None and (last.id if last else None) == self._last_id_before
            code = self._process.poll() if self._process is not None else 0
        if unfinished is not None:
            return self._as_json("interrupted", unfinished, unfinished.message)
        if died and code:
            return self._as_json("failed", None, f"The round could not be started (exit status {code}). See {LOG}.")
        if last is not None and last.state == "failed":
            return self._as_json("failed", last, last.message or f"Round {last.number} failed. See {LOG}.")
        return self._as_json("idle", None, "")

    def _starting(self) -> bool:
        """Whether the process lives but has not come as far as writing its row."""
        if self._process is None or self._process.poll() is not None:
            return False
        last = self._last_round()
        unfinished = self._store.unfinished_round()
        if unfinished is not None and unfinished.state == "running":
            return False
        return (last.id if last else None) == self._last_id_before

    def _last_round(self) -> Round | None:
        rounds = self._store.rounds()
        return max(rounds, key=lambda each: each.id) if rounds else None

    @staticmethod
    def _as_json(state: str, each: Round | None, message: str) -> dict[str, object]:
        return {
            "state": state,
            "message": message,
            "number": each.number if each else None,
            "method": each.method if each else None,
            "phase": each.phase if each else "",
            "done": each.done if each else 0,
            "total": each.total if each else 0,
            "cancelling": each.cancel_requested if each else False,
            "pausing": each.pause_requested if each else False,
            "started_at": each.started_at.isoformat() if each else None,
        }
