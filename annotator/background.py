"""Work that goes on beside the server: how it is started, and where its output goes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

LOG = "rounds.log"
"""In the project's folder."""
LAUNCH = Path(__file__).resolve().parent.parent / "launch.py"


def start_beside(project: Path, title: str, command: Sequence[str]) -> subprocess.Popen[bytes]:
    """Have another process run a command of `launch.py`, niced and of its own session.

    Args:
        project: the project's folder; the output goes to its log, below a line with the time and `title`.
        command: the command and its options, without "--background".

    Returns:
        The process. It goes on when this one ends; how far it is stands in the store.
    """
    with (project / LOG).open("ab") as log:
        log.write(f"{datetime.now().astimezone():%Y-%m-%d %H:%M:%S} {title}\n".encode())
        log.flush()
        return subprocess.Popen(
            [sys.executable, str(LAUNCH), *command, "--background"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
