"""kill -9 at any moment of a round: the project stays whole, and the next round goes on."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from annotator.rounds import run_round
from charloc import checkpoint as on_disk
from charloc.methods import METHODS
from db import Store
from tests import fake_method

ROOT = Path(__file__).resolve().parent.parent.parent
WORDS = 12


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project with words, the guess and one learned round."""
    for name in fake_method.FAKES:
        monkeypatch.setitem(METHODS, name, METHODS["guess"])  # put back what register changes
    fake_method.register()
    with Store.open(tmp_path, create=True) as store:
        store.add_words(fake_method.words(WORDS))
        run_round(store, tmp_path, "fake")
    fake_method.M_STEPS.clear()
    return tmp_path


def run_until(project: Path, moment: str) -> None:
    died = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "crash" / "driver.py"), str(project), moment],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert died.returncode == -signal.SIGKILL, died.stderr


def assert_whole(store: Store, project: Path, number: int) -> None:
    """The newest round is `number`, with a proposal for every word and its checkpoint in place."""
    newest = store.seen_round()
    assert newest is not None
    assert (newest.number, newest.state, newest.words) == (number, "finished", WORDS)
    proposals = store.proposals(newest.id, store.word_ids())
    assert [proposals[id].boxes[0, 0] for id in store.word_ids()] == [float(number)] * WORDS
    assert newest.checkpoint == f"round_{number}"
    assert on_disk.read(project / "checkpoints" / newest.checkpoint, "fake").tensors["shift_px"] == float(number)


@pytest.mark.parametrize(
    ("moment", "learned"),
    [
        ("learn:0", False),
        ("learn:2", False),
        ("learned is kept", True),
        ("localize:5", True),
        ("save:0", True),
        ("before the rename", True),
        ("after the rename", True),
        ("before the commit", True),
    ],
)
def test_killed_before_it_is_finished(project: Path, moment: str, learned: bool) -> None:
    run_until(project, moment)
    with Store.open(project) as store:
        assert_whole(store, project, 1)
        killed = store.unfinished_round()
        assert killed is not None
        assert (killed.number, killed.state) == (2, "interrupted")
        resumed = run_round(store, project, "fake")
        assert resumed.id == killed.id
        assert_whole(store, project, 2)
        assert store.unfinished_round() is None
    assert len(fake_method.M_STEPS) == (0 if learned else 1)
    assert sorted(each.name for each in (project / "checkpoints").iterdir()) == ["round_1", "round_2"]


def test_killed_right_after_it_is_finished(project: Path) -> None:
    run_until(project, "after the commit")
    with Store.open(project) as store:
        assert_whole(store, project, 2)
        assert store.unfinished_round() is None
        run_round(store, project, "fake")
        assert_whole(store, project, 3)
    assert len(fake_method.M_STEPS) == 1


def test_killed_again_and_again(project: Path) -> None:
    for moment in ("learn:1", "learned is kept", "localize:3", "localize:9", "before the commit"):
        run_until(project, moment)
    with Store.open(project) as store:
        assert_whole(store, project, 1)
        assert run_round(store, project, "fake").attempt == 6
        assert_whole(store, project, 2)
    assert fake_method.M_STEPS == []


def test_readers_never_see_half_a_round(project: Path) -> None:
    finished = threading.Event()
    problems: list[str] = []
    seen = set()

    def read() -> None:
        with Store.open(project) as store:
            while True:
                last_look = finished.is_set()
                newest = store.seen_round()
                assert newest is not None
                seen.add(newest.number)
                proposals = store.proposals(newest.id, store.word_ids())
                firsts = {float(each.boxes[0, 0]) for each in proposals.values()}
                if len(proposals) != WORDS or firsts != {float(newest.number)}:
                    problems.append(f"round {newest.number}: {len(proposals)} proposals, at {firsts}")
                if last_look:
                    return

    reader = threading.Thread(target=read)
    reader.start()
    try:
        with Store.open(project) as store:
            for _ in range(5):
                run_round(store, project, "fake")
    finally:
        finished.set()
        reader.join()
    assert problems == []
    assert max(seen) == 6
