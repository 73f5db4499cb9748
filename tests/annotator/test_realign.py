"""Re-alignment over REST, by a real process on a real project."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from annotator import aligner as aligner_module
from annotator.aligner import Aligner
from charloc.images import decode
from charloc.methods import make
from charloc.text import visual_order
from charloc.types import Pin, WordImage
from db import Store
from db.liveness import process_exists
from tests.annotator.conftest import ADDRESS, create_rest
from tests.annotator.led_aligner import WAIT_S, until
from tests.projects import TEXTS, add_round, add_words, finish_round

OWNER = Path(__file__).with_name("aligner_owner.py")
Json = dict[str, Any]


class Site:
    """The REST interface with its aligner."""

    def __init__(self, store: Store, project: Path) -> None:
        self.store, self.aligner = store, Aligner(project)
        app = create_rest(store, project, start=refuse, cancel=refuse, aligner=self.aligner)
        self.client = TestClient(app, base_url=ADDRESS)
        self.words = {word["text"]: word for word in self.client.get("/api/queue?limit=100").json()["words"]}

    def post(self, text: str, /, **step: object) -> tuple[int, Json]:
        word = self.words[text]
        response = self.client.post(f"/api/words/{word['id']}/realign", json={"word_key": word["key"], **step})
        return response.status_code, response.json()

    def step(self, text: str, /, **step: object) -> Json:
        """An answer, once there is one."""
        answers: list[Json] = []

        def answered() -> bool:
            status, answer = self.post(text, **step)
            assert status in (200, 503), answer
            answers[:] = [answer]
            return status == 200

        until(answered)
        return answers[0]

    def expected(self, text: str, pins: Sequence[Pin] = (), characters: Sequence[str] = ()) -> list[list[float] | None]:
        """What the method says in this process."""
        word = self.words[text]
        pixels = decode(self.store.image(word["image"].removeprefix("/images/"))[0], text)
        image = WordImage(word["id"], text, pixels, tuple(characters or word["characters"]))
        boxes = make("guess").e_step([image], [tuple(pins)])[0].boxes.astype(float).round(2)
        return [None if np.isnan(row[0]) else row.tolist() for row in boxes]


def refuse(*_: object) -> None:
    raise AssertionError("no round is started here")


@pytest.fixture(scope="module")
def site(ready_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    project = Path(shutil.copytree(ready_project, tmp_path_factory.mktemp("realign") / "project"))
    with Store.open(project) as store:
        site = Site(store, project)
        yield site
        site.aligner.close()


def marks(word: Json, **states: Json) -> list[Json]:
    """Marks of which those are said: c0=..., c3=..."""
    return [states.get(f"c{i}", {"state": "untouched"}) for i in range(len(word["characters"]))]


def pinned(*box: float) -> Json:
    return {"state": "pinned", "box": box}


# --- answers ----------------------------------------------------------------------------------------------------------


def test_nobody_touched_anything(site: Site) -> None:
    for text in TEXTS:
        answer = site.step(text, seq=3)
        assert answer["boxes"] == site.expected(text)
        assert answer["characters"] == list(text) and answer["order"] == list(range(len(text)))
        assert len(answer["confidence"]) == len(text) and answer["seq"] == 3 and answer["ms"] > 0
        assert answer["round_id"] == site.words[text]["round_id"]


def test_the_others_follow_the_one_that_is_moved(site: Site) -> None:
    word = site.words["melody"]
    (x0, y0, x1, y1) = site.expected("melody")[2] or ()
    box = (x0 + 7.123456789, y0, x1 + 7.987654321, y1)
    answer = site.step("melody", marks=marks(word, c2=pinned(*box)))
    assert answer["boxes"][2] == list(box), "a person's box comes back to the last digit"
    assert answer["confidence"][2] == 1
    expected = site.expected("melody", [Pin(2, box)])
    others = [0, 1, 3, 4, 5]
    assert [answer["boxes"][i] for i in others] == [expected[i] for i in others]
    assert answer["boxes"][3] != site.expected("melody")[3]


def test_accepted_and_invisible_ones_stay(site: Site) -> None:
    word = site.words["bridge"]
    box = site.expected("bridge")[1]
    said = marks(word, c1={"state": "accepted", "box": box}, c4={"state": "invisible", "box": None})
    answer = site.step("bridge", marks=said)
    assert answer["boxes"][1] == box and answer["boxes"][4] is None
    assert answer["confidence"][1] == answer["confidence"][4] == 1
    pins = [Pin(1, tuple(box or ()), "accepted"), Pin(4, None, "invisible")]
    expected = site.expected("bridge", pins)
    assert [answer["boxes"][i] for i in (0, 2, 3, 5)] == [expected[i] for i in (0, 2, 3, 5)]


@pytest.mark.parametrize("text", ["fires", "f", "fi re", "שלום 12", "e\u0301te\u0323", "ﬁre", "f🙂e"])
def test_another_transcript(site: Site, text: str) -> None:
    answer = site.step("fire", text=f"  {text}\n")
    assert answer["order"] == list(visual_order(answer["characters"]))
    assert answer["boxes"] == site.expected("fire", characters=answer["characters"])
    for character, box in zip(answer["characters"], answer["boxes"], strict=True):
        assert (box is None) == (character == " ")


def test_characters_as_a_person_merged_them(site: Site) -> None:
    merged = ["kn", "i", "fe"]
    said = [{"state": "untouched"}] * 3
    answer = site.step("knife", characters=merged, marks=said)
    assert answer["characters"] == merged
    assert answer["boxes"] == site.expected("knife", characters=merged)


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "names"),
    [
        ({"marks": [pinned(60, 2, 70, 20), pinned(5, 2, 15, 20), *[{"state": "untouched"}] * 3]}, "character 2 'u'"),
        (
            {"marks": [pinned(30, 2, 40, 20), *[{"state": "untouched"}] * 3, pinned(31, 2, 41, 20)]},
            "no room for the 3 between the pinned 'g'",
        ),
        ({"text": "m" * 900}, "900 characters do not fit"),
        ({"text": " \n"}, "transcript is empty"),
        ({"text": "a\x07b"}, r"control character U\+0007"),
        ({"text": "ab", "characters": ["a", "b"]}, "both were sent"),
        ({"characters": []}, "characters"),
        ({"characters": [" ", " "]}, "transcript is empty"),
        ({"marks": [{"state": "untouched"}]}, "5 characters, but 1 marks"),
        ({"text": "ab", "marks": [{"state": "untouched"}] * 5}, "2 characters, but 5 marks"),
        ({"marks": [pinned(5, 2, 4, 20), *[{"state": "untouched"}] * 4]}, "not x0 < x1"),
        ({"marks": [pinned(5, 2, 4000, 20), *[{"state": "untouched"}] * 4]}, "leaves the image"),
        ({"word_key": "another"}, "another image or transcript"),
        ({"seq": -1}, "seq"),
        ({"bogus": 1}, "bogus"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(site: Site, step: Json, names: str) -> None:
    site.step("guard")
    status, answer = site.post("guard", **step)
    assert status == 422, answer
    assert pytest.raises(AssertionError, match=names).matches(AssertionError(answer["detail"])), answer


def test_a_word_that_is_not_there(site: Site) -> None:
    assert site.client.post("/api/words/999/realign", json={"word_key": ""}).status_code == 404
    assert site.client.post("/api/realign/warm", json={"ids": [999]}).status_code == 404
    assert site.client.post("/api/realign/warm", json={"ids": [1] * 33}).status_code == 422


wild_boxes = st.none() | st.tuples(*[st.floats(-20, 250, allow_nan=False)] * 4)
wild_marks = st.fixed_dictionaries(
    {"state": st.sampled_from(["untouched", "accepted", "pinned", "invisible"]), "box": wild_boxes}
)


def test_wild_steps_are_answered_or_refused(site: Site) -> None:
    answered = 0

    @given(
        text=st.none() | st.text(max_size=12),
        characters=st.none() | st.lists(st.text(max_size=4), max_size=8),
        said=st.none() | st.lists(wild_marks, min_size=4, max_size=4),
    )
    @settings(max_examples=80, database=None)
    def check(text: str | None, characters: list[str] | None, said: list[Json] | None) -> None:
        nonlocal answered
        status, answer = site.post("fire", text=text, characters=characters, marks=said)
        assert status in (200, 422), answer
        if status == 422:
            assert answer["detail"]
            return
        answered += 1
        assert len(answer["boxes"]) == len(answer["confidence"]) == len(answer["characters"])
        for mark, box in zip(said or [], answer["boxes"], strict=said is not None):
            if mark["state"] != "untouched":
                assert box == (None if mark["box"] is None else list(mark["box"]))

    site.step("fire")
    check()
    assert answered


# --- the process ------------------------------------------------------------------------------------------------------


def test_words_made_ready_ahead(site: Site) -> None:
    site.step("fire")
    ids = [word["id"] for word in site.words.values()]
    assert site.client.post("/api/realign/warm", json={"ids": ids}).json() == {"ready": True}
    until(lambda: not site.aligner._ahead)
    assert site.client.post("/api/realign/warm", json={"ids": []}).json() == {"ready": True}


def test_a_new_round_answers_as_soon_as_it_is_ready(site: Site) -> None:
    before = site.step("queen")
    truth = {text: np.array(site.expected(text), np.float32) for text in TEXTS}
    add_round(site.store, truth, method="even")
    seen = site.store.seen_round()
    assert seen is not None and seen.id != before["round_id"]
    until(lambda: site.step("queen")["round_id"] == seen.id)
    assert site.step("queen")["boxes"] != before["boxes"]
    # One whose checkpoint is gone does not stop the older one.
    this = site.store.begin_round("segmental", parent_id=seen.id, settings={}, pid=os.getpid())
    finish_round(site.store, this.id, truth, 2.0, 0, "segmental", None)
    assert {site.step("queen")["round_id"] for _ in range(20)} == {seen.id}
    add_round(site.store, truth, method="guess")
    seen = site.store.seen_round()
    assert seen is not None
    until(lambda: site.step("queen")["round_id"] == seen.id)


def test_its_death_is_survived(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aligner_module, "FIRST_PAUSE_S", 0.0)
    before = site.step("willow")
    process = site.aligner._process
    assert process is not None
    process.kill()
    until(lambda: site.aligner._process is not process)
    again = site.step("willow")
    assert again["boxes"] == before["boxes"]


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_the_server_killed_leaves_no_process(ready_project: Path, tmp_path: Path) -> None:
    project = Path(shutil.copytree(ready_project, tmp_path / "project"))
    owner = subprocess.Popen([sys.executable, str(OWNER), str(project)], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    pid = int(owner.stdout.readline())
    assert process_exists(pid)
    owner.send_signal(signal.SIGKILL)
    owner.wait(WAIT_S)
    owner.stdout.close()
    until(lambda: not process_exists(pid))


def test_the_server_stopped_leaves_no_process(ready_project: Path, tmp_path: Path) -> None:
    project = Path(shutil.copytree(ready_project, tmp_path / "project"))
    with Store.open(project) as store:
        site = Site(store, project)
        assert site.aligner._process is None, "the queue alone starts nothing"
        assert site.post("fire")[0] == 503
        process = site.aligner._process
        assert process is not None
        site.aligner.close()
        assert process.returncode is not None
        status, answer = site.post("fire")
        assert status == 503 and "stopping" in answer["detail"]


def test_without_proposals_or_an_aligner(tmp_path: Path) -> None:
    with Store.open(tmp_path, create=True) as store:
        add_words(store, ["fire"])
        site = Site(store, tmp_path)
        status, answer = site.post("fire")
        assert status == 503 and "no proposals yet" in answer["detail"]
        assert site.client.post("/api/realign/warm", json={"ids": [1]}).json() == {"ready": False}
        assert site.aligner._process is None
        bare = TestClient(create_rest(store, tmp_path, start=refuse, cancel=refuse), base_url=ADDRESS)
        key = site.words["fire"]["key"]
        store_round(store)
        assert bare.post("/api/words/1/realign", json={"word_key": key}).status_code == 503
        assert bare.post("/api/realign/warm", json={"ids": [1]}).status_code == 503


def store_round(store: Store) -> None:
    word = store.words([1])[0]
    add_round(store, {word.text: np.array([[0, 0, word.width, word.height]] * len(word.characters), np.float32)})
