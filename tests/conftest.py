"""What all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# No test asserts how long something takes: on a busy machine any example may take a second.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of development data; tests that need it are skipped, with the reason, where it is absent."""
    named = os.environ.get("CHARLOC_DATA")
    folder = Path(named) if named else ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"needs the development data: no folder {folder} (set CHARLOC_DATA to where it is)")
    return folder


@pytest.fixture(scope="session")
def score_script(shared_data: Path) -> Path:
    """The reference scorer that comes with the development data."""
    script = shared_data.parent / "score.py"
    if not script.is_file():
        pytest.skip(f"needs the reference scorer: no file {script}")
    return script
