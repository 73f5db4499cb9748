"""Whether the process that works on a round still does."""

from __future__ import annotations

import contextlib
import os
import socket
from datetime import datetime, timedelta
from pathlib import Path

STALE_AFTER = timedelta(seconds=120)
"""A running round that has not been heard of for this long is taken for dead."""

HOST = socket.gethostname()


def is_live(pid: int, host: str, heartbeat_at: datetime, now: datetime) -> bool:
    """Whether a round's worker is alive: heard of lately and, on this machine, its process there.

    The heartbeat decides for other machines, and where another process has come to have the dead one's number.
    """
    return now - heartbeat_at <= STALE_AFTER and (host != HOST or process_exists(pid))


def process_exists(pid: int) -> bool:
    """Whether a process of this machine runs; one that has ended but was not waited for does not."""
    if os.name != "posix":
        return True  # asking would end it: heartbeats must do
    if pid <= 0:
        return False  # a process group, to `kill`
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    with contextlib.suppress(OSError):
        # "pid (name) state ..."; the name may hold anything.
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] != b"Z"
    return True
