"""What works in the background lets what people wait for come first."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

NICENESS = 10
AUTOGROUP = Path("/proc/self/autogroup")


def come_last() -> None:
    """From now on this process, and those it starts, get the processor after those that people wait for."""
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    # Linux first shares the processor out among sessions (sched_autogroup) and only then looks at niceness: a session
    # of one's own is as important as the server's, however nice its processes are.
    if hasattr(os, "getsid") and os.getsid(0) == os.getpid():
        with suppress(OSError):
            AUTOGROUP.write_text(str(NICENESS))
