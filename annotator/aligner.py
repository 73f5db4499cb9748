"""The server's end of re-alignment: starts the process that does it, asks it one thing at a time, survives its death.

Methods need torch, which must not be in the server: its threads and its weight would slow every page down. So another
process works (`annotator.aligning`); this one hands it requests in turn. A request that a newer one has made pointless
is dropped before its turn, and words are made ready ahead only while nobody waits.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NoAnswer
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from charloc.types import CharlocError

Json = dict[str, Any]
LAUNCH = Path(__file__).resolve().parent.parent / "launch.py"
LOG = "aligner.log"
PATIENCE_S = 5.0
"""A request is answered within this time, or refused."""
HUNG_S = 120.0
"""A process that has worked on one request for longer is ended."""
MOST_WAITING = 16
"""So many requests wait for their turn; each holds a thread of the server."""
MOST_AHEAD = 32
"""So many words wait to be made ready."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
"""After its process died, so long nothing is started; each time twice as long, until it has answered."""


class NotReady(CharlocError):
    """Words cannot be re-aligned just now; the page does without."""


class Superseded(CharlocError):
    """A newer request about the same word came before this one had its turn."""


def start_helper(project: Path) -> subprocess.Popen[bytes]:
    """The process that re-aligns words of a project; it ends when its input is closed."""
    # It works on one word at a time: torch's threads would wait for each other, and take the cores from the server.
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    with (project / LOG).open("wb") as log:
        return subprocess.Popen(
            [sys.executable, str(LAUNCH), "realign", "--project", str(project)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=environment,
        )


@dataclass(eq=False, slots=True)
class _Job:
    """Something asked, and its answer to come."""

    key: Hashable
    request: Json
    seq: int = 0
    answer: Future[Json] = field(default_factory=Future)
    since_s: float = 0.0


class Aligner:
    """Re-aligns words in another process, for many threads. Nothing is started before it is first asked.

    Args:
        project: the project's folder.
        start: starts the process, with pipes for its input and output.
    """

    def __init__(self, project: Path, start: Callable[[Path], subprocess.Popen[bytes]] = start_helper) -> None:
        self._project, self._start = project, start
        self._lock = threading.Lock()
        self._ids = count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._ready = False
        self._closed = False
        self._running: _Job | None = None
        self._waiting: OrderedDict[Hashable, _Job] = OrderedDict()
        self._ahead: OrderedDict[Hashable, _Job] = OrderedDict()
        self._pause_s, self._not_before_s = FIRST_PAUSE_S, 0.0
        self._why = "Re-alignment is starting."

    @property
    def ready(self) -> bool:
        return self._ready

    def solve(self, client: Hashable, seq: int, request: Mapping[str, object]) -> Json:
        """Re-align a word.

        Args:
            client: who asks about which word: a newer request of the same makes an older one pointless.
            seq: which of two requests of the same client is the newer one.
            request: as in `annotator.aligning`, without "id" and "do".

        Returns:
            The answer.

        Raises:
            NotReady: the process is starting, has died, or has too much to do.
            Superseded: a newer request came.
            CharlocError: it cannot be done; the message says why.
        """
        job = _Job(client, {"do": "solve", **request}, seq)
        with self._lock:
            self._wake(int(str(request["round_id"])))
            if not self._ready:
                raise NotReady(self._why)
            older = self._waiting.get(client)
            if older is not None:
                if older.seq > seq:
                    raise Superseded("A newer request about this word waits already.")
                _fail(older, Superseded("A newer request about this word came."))
            elif len(self._waiting) >= MOST_WAITING:
                raise NotReady("Too many words are being re-aligned just now.")
            self._waiting[client] = job
            self._next()
        try:
            answer = job.answer.result(PATIENCE_S)
        except NoAnswer:
            with self._lock:
                if self._waiting.get(client) is job:
                    del self._waiting[client]
            raise NotReady("Re-alignment took too long.") from None
        if "refused" in answer:
            raise CharlocError(answer["refused"])
        if "failed" in answer:
            raise NotReady(f"This word cannot be re-aligned; {LOG} in the project's folder says why.")
        return answer

    def warm(self, key: Hashable, request: Mapping[str, object]) -> None:
        """Make a word ready as soon as the process is there and nobody waits, the newest first.

        Args:
            key: which word; asked for again it is one request.
            request: as for `solve`, without "pins".
        """
        with self._lock:
            self._wake(int(str(request["round_id"])))
            if self._process is not None:
                self._ahead[key] = _Job(key, {"do": "warm", **request})
                self._ahead.move_to_end(key)
                while len(self._ahead) > MOST_AHEAD:
                    self._ahead.popitem(last=False)
                self._next()

    def close(self) -> None:
        """End the process; nothing is started again."""
        with self._lock:
            self._closed, process, ready = True, self._process, self._ready
            self._why = "The server is stopping."
        if process is None:
            return
        assert process.stdin is not None
        with suppress(OSError):
            process.stdin.close()
        if not ready:
            process.kill()  # it does not listen yet
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    # --- with the lock held -------------------------------------------------------------------------------------------

    def _wake(self, round_id: int) -> None:
        """Start the process if there is none, and end one that hangs."""
        now = time.monotonic()
        if self._process is not None:
            if self._running is not None and now - self._running.since_s > HUNG_S:
                self._process.kill()  # its listener does the rest
            return
        if self._closed or now < self._not_before_s:
            return
        self._not_before_s = now + self._pause_s
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
        try:
            self._process = self._start(self._project)
        except OSError as error:
            self._why = f"Re-alignment cannot be started ({error.strerror})."
            return
        self._why = "Re-alignment is starting."
        self._send(_Job(None, {"do": "load", "round_id": round_id}))
        threading.Thread(target=self._listen, args=(self._process,), daemon=True).start()

    def _next(self) -> None:
        """Hand over the next request, if the process has nothing to do."""
        if self._ready and self._running is None:
            if self._waiting:
                self._send(self._waiting.popitem(last=False)[1])
            elif self._ahead:
                self._send(self._ahead.popitem()[1])

    def _send(self, job: _Job) -> None:
        assert self._process is not None and self._process.stdin is not None
        job.request["id"], job.since_s = next(self._ids), time.monotonic()
        self._running = job
        with suppress(OSError, ValueError):  # it has died: its listener will notice
            self._process.stdin.write(json.dumps(job.request).encode() + b"\n")
            self._process.stdin.flush()

    # --- the listener's thread ----------------------------------------------------------------------------------------

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        """Pass on each answer and hand over the next request, until the process ends."""
        assert process.stdout is not None and process.stdin is not None
        why = "Re-alignment has to be started again."
        for line in process.stdout:
            answer = _answer(line)
            with self._lock:
                job = self._running
                if answer is None or job is None or job.request["id"] != answer.get("id"):
                    process.kill()  # it died while it wrote, or what it says can be trusted no more
                    break
                self._running = None
                if job.request["do"] == "load" and "round_id" not in answer:
                    why = answer.get("refused") or f"Re-alignment cannot be started; {LOG} in the project says why."
                    process.kill()
                    continue
                self._ready, self._pause_s = True, FIRST_PAUSE_S
                self._next()
            job.answer.set_result(answer)
        process.wait()
        process.stdout.close()
        with suppress(OSError):
            process.stdin.close()
        with self._lock:
            self._why = self._why if self._closed else why
            lost = [*self._waiting.values(), *([self._running] if self._running else [])]
            self._waiting.clear()
            self._ahead.clear()
            self._process, self._running, self._ready = None, None, False
        for job in lost:
            _fail(job, NotReady(self._why))


def _answer(line: bytes) -> Json | None:
    """What a line of the process says; None if it is no whole answer."""
    try:
        answer = json.loads(line) if line.endswith(b"\n") else None
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _fail(job: _Job, error: CharlocError) -> None:
    if not job.answer.done():
        job.answer.set_exception(error)
