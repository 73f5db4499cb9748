"""Looking for suspicious transcripts in a project: what is kept, how far it is, stopping; the command that lists."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

import launch
from annotator import suspicions
from annotator.suspicions import JOB, Running, Stopped, job, last_trouble, look, stop_looking
from charloc.suspicion import Reason
from charloc.types import CharlocError
from db import CharacterMark, NewCorrection, Store
from tests.projects import TEXTS, make_project

ODD = "<b>melon</b>"


@pytest.fixture(scope="module")
def looked_at(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten words; one of them is said to be another, and one has markup in it."""
    folder = tmp_path_factory.mktemp("suspicious") / "project"
    with make_project(folder) as store:
        ids = dict(zip(TEXTS, store.word_ids(), strict=True))
        for number, (text, other) in enumerate({"number": "nunber", "bridge": ODD}.items()):
            marks = tuple(CharacterMark("untouched") for _ in other)
            store.save_correction(NewCorrection(ids[text], str(number), "boxes", marks, text=tuple(other)))
        assert look(store, folder) == len(TEXTS)
    return folder


@pytest.fixture
def store(looked_at: Path) -> Iterator[Store]:
    with Store.open(looked_at) as opened:
        yield opened


def test_what_is_wrong_comes_first_with_a_suggestion(store: Store) -> None:
    current = store.seen_round()
    assert current is not None
    found = store.suspicions(current.id)
    assert len(found) == len(TEXTS)
    said = {"".join(each.text): each for each in found[:2]}
    assert set(said) == {"nunber", ODD}
    assert said["nunber"].reason == Reason.changed and "".join(said["nunber"].suggestion or ()) == "number"
    assert all(each.score < 0.2 for each in found[2:])
    assert job(store) is None and last_trouble(store) == ""


def test_the_command_prints_one_object_a_line(
    looked_at: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suspicions, "look", None)  # found before: not done again
    assert launch.main(["review", "suspicious", "--project", str(looked_at), "--json", "--least", "0"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(rows) == len(TEXTS)
    assert [row["score"] for row in rows] == sorted((row["score"] for row in rows), reverse=True)
    wrong = next(row for row in rows if row["text"] == "nunber")
    assert wrong["image"].endswith(".png") and wrong["reason"] == "changed" and wrong["suggestion"] == "number"
    assert isinstance(wrong["word"], int) and wrong["gain"] > 0
    assert launch.main(["review", "suspicious", "--project", str(looked_at)]) == 0
    table = capsys.readouterr().out
    assert "another character" in table and "number" in table and "<b>" in table


def test_it_can_be_stopped_and_what_was_found_stays(store: Store, looked_at: Path) -> None:
    before = store.suspicions(1)

    def wanted(phase: str, done: int, total: int) -> None:
        running = job(store)
        if running is not None:
            assert running["phase"] == "read" and running["total"] == len(TEXTS)
            with pytest.raises(Running):
                look(store, looked_at)
            stop_looking(store)
            monkey.setattr(suspicions, "EVERY_S", 0.0)

    with pytest.MonkeyPatch.context() as monkey:
        monkey.setattr(suspicions, "EVERY_S", 0.0)
        with pytest.raises(Stopped):
            look(store, looked_at, wanted)
    assert store.suspicions(1) == before
    assert job(store) is None and last_trouble(store) == "" and not stop_looking(store)


def test_a_process_that_is_gone_is_told(store: Store, looked_at: Path) -> None:
    now = datetime.now(UTC).isoformat()
    gone = {"id": "x", "pid": 2**22 + 7, "host": suspicions.HOST, "started_at": now, "heartbeat_at": now}
    store.set_setting(JOB, {**gone, "phase": "read", "done": 1, "total": 9})
    assert job(store) is None and "is gone" in last_trouble(store)
    store.set_setting(JOB, {**gone, "pid": os.getpid(), "phase": "read", "done": 1, "total": 9})
    assert job(store) is not None and last_trouble(store) == ""
    store.set_setting(JOB, None)


def test_without_a_round_it_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Store.open(tmp_path, create=True) as store, pytest.raises(CharlocError, match="train one first"):
        look(store, tmp_path)
    assert launch.main(["review", "suspicious", "--project", str(tmp_path)]) == 1
    assert "No round yet" in capsys.readouterr().err


def test_an_error_is_kept_for_people(store: Store, looked_at: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(*_: object) -> None:
        raise CharlocError("The checkpoint is damaged.")

    monkeypatch.setattr(suspicions, "reader_of", damaged)
    with pytest.raises(CharlocError):
        look(store, looked_at)
    assert last_trouble(store) == "The checkpoint is damaged."
    store.set_setting(JOB, None)
