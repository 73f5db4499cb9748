"""In place of the process that re-aligns: answers what a test tells it to, when it tells it to."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from annotator.aligner import Aligner

WAIT_S = 30
ASKED = {"round_id": 1, "word": {"id": 1, "name": "1.png", "sha": "0" * 64}, "characters": ["a"], "pins": []}


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread or process will bring about."""
    give_up_s = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < give_up_s
        time.sleep(0.001)


class _Input:
    """What is written to the process, request by request."""

    def __init__(self) -> None:
        self.requests: queue.Queue[dict[str, Any]] = queue.Queue()
        self.closed = False

    def write(self, data: bytes) -> None:
        if self.closed:
            raise BrokenPipeError
        self.requests.put(json.loads(data))

    def flush(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True


class _Output:
    """What the process writes; None ends it."""

    def __init__(self) -> None:
        self.lines: queue.Queue[bytes | None] = queue.Queue()

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.lines.get, None)

    def close(self) -> None:
        pass


class LedProcess:
    """As much of `subprocess.Popen` as an aligner needs."""

    def __init__(self) -> None:
        self.stdin, self.stdout = _Input(), _Output()
        self.killed = False
        self._ended = threading.Event()

    def asked(self) -> dict[str, Any]:
        """The next request, which has come or will."""
        return self.stdin.requests.get(timeout=WAIT_S)

    @property
    def idle(self) -> bool:
        """Whether no request waits to be looked at."""
        return self.stdin.requests.empty()

    def answer(self, request: dict[str, Any], **answer: object) -> None:
        self.stdout.lines.put(json.dumps({"id": request["id"], **answer}).encode() + b"\n")

    def says(self, line: bytes) -> None:
        self.stdout.lines.put(line)

    def die(self, last_words: bytes = b"") -> None:
        if last_words:
            self.stdout.lines.put(last_words)
        self.stdout.lines.put(None)
        self._ended.set()

    def kill(self) -> None:
        self.killed = True
        self.die()

    def wait(self, timeout: float | None = None) -> int:
        if self.stdin.closed and not self._ended.is_set():
            self.die()
        assert self._ended.wait(WAIT_S)
        return 0


class Led:
    """An aligner whose processes a test leads, and threads that ask it."""

    def __init__(self) -> None:
        self.processes: list[LedProcess] = []
        self.aligner = Aligner(Path("nowhere"), self._start)  # type: ignore[arg-type]
        self._pool = ThreadPoolExecutor(32)

    def _start(self, project: Path) -> LedProcess:
        self.processes.append(LedProcess())
        return self.processes[-1]

    @property
    def process(self) -> LedProcess:
        return self.processes[-1]

    def ask(self, client: str = "me", seq: int = 0, **changes: object) -> Future[dict[str, Any]]:
        """Ask in a thread of its own."""
        return self._pool.submit(self.aligner.solve, client, seq, {**ASKED, **changes})

    def close(self) -> None:
        self.aligner.close()
        self._pool.shutdown()
