"""What the rooms may import, and how large a file may be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("annotator", "charloc", "db", "tests")
MOST_LINES = 400


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


def test_imports_follow_the_rules() -> None:
    done = run(str(Path(sys.executable).with_name("lint-imports")), "--no-logo")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "modules",
    [
        "charloc, charloc.em, charloc.methods, charloc.checkpoint",
        "db",
        "annotator.rounds",
        "annotator.importer, annotator.exporter, annotator.demo",
        "annotator.api, annotator.pages, annotator.app, annotator.serve",
        "launch",
    ],
)
def test_torch_is_imported_only_by_methods(modules: str) -> None:
    # numba comes with what computes: the pages leave that to other processes.
    heavy = "{'torch', 'numba'}" if "annotator.serve" in modules else "{'torch'}"
    done = run(sys.executable, "-c", f"import {modules}, sys; sys.exit(bool({heavy} & set(sys.modules)))")
    assert done.returncode == 0, done.stderr or f"importing {modules} imports one of {heavy}"


def test_files_can_be_read_in_one_go() -> None:
    files = [*ROOT.glob("*.py"), *(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))]
    assert len(files) > 20
    long = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in files}
    assert {name: lines for name, lines in long.items() if lines > MOST_LINES} == {}
