"""How a running round tells how far it is, and learns that somebody wants it to stop."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Self

from charloc.methods import Progress
from charloc.types import CharlocError
from db import Store, StoreError

STORED_EVERY_S = 0.5
HEARTBEAT_S = 20.0


class RoundCancelled(CharlocError):
    """Somebody asked the round to stop."""


class RoundPaused(KeyboardInterrupt):
    """Somebody asked the round to stop as with Ctrl-C: so that it can be gone on with."""


class Reporter:
    """The progress callback of a round: shows it, stores it, and raises where the round should stop.

    While it is entered a thread stores a heartbeat, so that a round which is silent for long (it compiles, it saves)
    is not taken for dead.

    Args:
        store: where the round is.
        round_id: which.
        show: called with every (phase, done, total).
    """

    def __init__(self, store: Store, round_id: int, show: Progress) -> None:
        self._store, self._round_id, self._show = store, round_id, show
        self._latest = ("", 0, 0)
        self._next_s = 0.0
        self._over = threading.Event()
        self._heart = threading.Thread(target=self._beat, name=f"heartbeat of round {round_id}", daemon=True)

    def __call__(self, phase: str, done: int, total: int) -> None:
        """Say how far it is.

        Raises:
            RoundCancelled: somebody asked it to stop for good.
            RoundPaused: somebody asked it to stop, to be gone on with.
            RoundLost: another process took it over.
        """
        self._show(phase, done, total)
        now_s = time.monotonic()
        new_phase = phase != self._latest[0]
        self._latest = (phase, done, total)
        # Each is a commit: a few a second are enough for people.
        if new_phase or done == total or now_s >= self._next_s:
            self._next_s = now_s + STORED_EVERY_S
            wish = self._store.progress(self._round_id, *self._latest)
            if wish == "cancel":
                raise RoundCancelled("The round was cancelled. Nothing of it is kept; the round before it stays.")
            if wish == "pause":
                raise RoundPaused

    def __enter__(self) -> Self:
        self._heart.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._heart.join()

    def _beat(self) -> None:
        while not self._over.wait(HEARTBEAT_S):
            try:
                self._store.progress(self._round_id, *self._latest)
            except StoreError:
                return  # over, or lost: the worker learns of it with its next call
