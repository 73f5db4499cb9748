"""What works in the background comes last."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from annotator import priority

ROOT = Path(__file__).resolve().parents[2]
TELL = "import os; from annotator.priority import *; come_last(); print(os.nice(0)); print(AUTOGROUP.read_text())"


def tell(own_session: bool) -> tuple[int, str]:
    """Niceness of a process that came last, and what the kernel says of its session."""
    command = [sys.executable, "-c", TELL]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, start_new_session=own_session)
    niceness, group = done.stdout.split("\n", 1)
    return int(niceness), group


def session_niceness(group: str) -> int:
    return int(group.split("nice")[1])


@pytest.mark.skipif(not priority.AUTOGROUP.exists(), reason="Linux with sched_autogroup")
@pytest.mark.parametrize("own_session", [True, False])
def test_it_comes_last(own_session: bool) -> None:
    assert tell(own_session)[0] == min(os.nice(0) + priority.NICENESS, 19)


@pytest.mark.skipif(not priority.AUTOGROUP.exists(), reason="Linux with sched_autogroup")
@pytest.mark.parametrize("own_session", [True, False])
def test_a_session_of_its_own_comes_last_as_a_whole(own_session: bool) -> None:
    mine = priority.AUTOGROUP.read_text()
    if "nice" not in mine:  # some kernels and containers have the file but no group in it
        pytest.skip("sessions are not scheduled as groups here")
    # Of a session that others share, such as a terminal's, only the process itself steps back.
    assert session_niceness(tell(own_session)[1]) == (
        priority.NICENESS if own_session else session_niceness(mine)
    )
