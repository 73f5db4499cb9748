"""The application on a project, with a trainer that tests lead by hand: python server.py PROJECT PORT."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import uvicorn

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from annotator.aligner import Aligner
from annotator.app import create_app
from db import Store

TRAINER = Path(__file__).with_name("trainer.py")


def start(project: Path, method: str, settings: Mapping[str, object]) -> subprocess.Popen[bytes]:
    """Start the led trainer in place of a real round."""
    return subprocess.Popen([sys.executable, str(TRAINER), str(project), method])


def main(folder: str, port: str) -> None:
    """Serve until killed."""
    project = Path(folder)
    with Store.open(project) as store:
        app = create_app(store, project, start=start, aligner=Aligner(project))
        uvicorn.run(app, port=int(port), log_level="warning")


if __name__ == "__main__":
    main(*sys.argv[1:])
