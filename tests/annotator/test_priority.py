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


@pytest.mark.skipif(not priority.AUTOGROUP.exists(), reason="Linux with sched_autogroup")
@pytest.mark.parametrize("own_session", [True, False])
def test_a_session_of_its_own_comes_last_as_a_whole(own_session: bool) -> None:
    command = [sys.executable, "-c", TELL]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, start_new_session=own_session)
    niceness, group = done.stdout.split("\n", 1)
    assert int(niceness) == min(os.nice(0) + priority.NICENESS, 19)
    mine = priority.AUTOGROUP.read_text().split("nice")[1]
    # Of a session that others share, such as a terminal's, only the process itself steps back.
    assert int(group.split("nice")[1]) == (priority.NICENESS if own_session else int(mine))
