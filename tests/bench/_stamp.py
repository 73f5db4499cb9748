"""When and with what a result was made."""

from __future__ import annotations

import datetime
import subprocess
from importlib.metadata import version

from tests.bench._sets import ROOT


def stamp() -> dict[str, str]:
    """Today's date, the checkout's revision and torch's."""
    return {"date": datetime.date.today().isoformat(), "revision": _revision(), "torch": version("torch")}


def _revision() -> str:
    """The checkout's commit, with a + where files differ from it; "unknown" without git."""
    command = ["git", "describe", "--always", "--dirty=+", "--exclude=*"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "unknown"
    return done.stdout.strip() or "unknown"
