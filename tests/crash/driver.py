"""Runs one round in this process, which kills itself with SIGKILL at a chosen moment.

    python tests/crash/driver.py PROJECT MOMENT

MOMENT is PHASE:DONE (a call of the progress callback), or one of MOMENTS below.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from annotator.rounds import run_round
from charloc import checkpoint as on_disk
from db import Store
from tests import fake_method

MOMENTS = ("learned is kept", "before the rename", "after the rename", "before the commit", "after the commit")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def before(call: Callable[..., Any], matters: Callable[..., bool]) -> Callable[..., Any]:
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if matters(*args):
            die()
        return call(*args, **kwargs)

    return wrapped


def after(call: Callable[..., Any], matters: Callable[..., bool]) -> Callable[..., Any]:
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        result = call(*args, **kwargs)
        if matters(*args):
            die()
        return result

    return wrapped


def arm(moment: str) -> None:
    def is_learned(path: Path, *rest: object) -> bool:
        return path.suffix == ".learned"

    def is_round(source: Path, target: Path) -> bool:
        return target.suffix == ""

    if moment == "learned is kept":
        on_disk.write = after(on_disk.write, is_learned)
    elif moment == "before the rename":
        os.rename = before(os.rename, is_round)
    elif moment == "after the rename":
        os.rename = after(os.rename, is_round)
    elif moment == "before the commit":

        def finish(self: Store, *args: Any, **kwargs: Any) -> Any:
            event.listen(Engine, "commit", lambda connection: die())
            return real(self, *args, **kwargs)

        real = Store.finish_round
        Store.finish_round = finish
    elif moment == "after the commit":
        shutil.rmtree = before(shutil.rmtree, lambda path, **options: Path(path).suffix == ".learned" and path.exists())
    else:
        raise SystemExit(f"no such moment: {moment}")


def main(project: Path, moment: str) -> None:
    fake_method.register()
    phase, colon, done = moment.partition(":")
    if not colon:
        arm(moment)

    def progress(now: str, count: int, total: int) -> None:
        if colon and (now, count) == (phase, int(done)):
            die()

    with Store.open(project) as store:
        run_round(store, project, "fake", progress)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
