"""Glyph sheets over REST: what is shown, accepting and flagging many, exactly once."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from threading import Event
from uuid import uuid4

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from annotator import turns
from annotator.oddities import look_for_oddities
from annotator.turns import prepare
from charloc.types import Localization
from db import Asked, CharacterMark, NewCorrection, Round, Store
from db.queues import PREPARED


@pytest.fixture(autouse=True)
def looked_at(store: Store) -> None:
    seen = store.seen_round()
    assert seen is not None
    prepare(store, seen)
    look_for_oddities(store, seen)


def sheet(client: TestClient, character: str = "e", **more: object) -> dict:
    return client.get("/api/glyphs", params={"character": character, **more}).json()


def chosen(rows: list[list]) -> list[dict]:
    return [dict(zip(("word_id", "word_key", "index", "correction"), row[:4], strict=True)) for row in rows]


def accept(client: TestClient, rows: list[list], uuid: str = "") -> dict:
    body = {"uuid": uuid or str(uuid4()), "round_id": 1, "glyphs": chosen(rows)}
    answer = client.post("/api/glyphs/accept", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_sheet_has_every_crop_in_its_order(client: TestClient, store: Store) -> None:
    found = sheet(client)
    there = {(word.id, k) for word in store.words(store.word_ids()) for k, c in enumerate(word.characters) if c == "e"}
    assert {(row[0], row[2]) for row in found["rows"]} == there and found["count"] == len(there)
    oddities = [row[4] for row in found["rows"]]
    assert found["compared"] and oddities == sorted(oddities, reverse=True)
    confidence = [row[5] for row in sheet(client, order="unsure")["rows"]]
    assert confidence == sorted(confidence)
    rest = sheet(client, start=2, limit=3)
    assert rest["rows"] == found["rows"][2:5] and rest["atlases"] == []
    (name,) = found["atlases"]
    picture = client.get(f"/api/glyphs/atlas/{name}")
    image = Image.open(io.BytesIO(picture.content))
    assert image.size == (found["cell"][0] * found["columns"], found["cell"][1])
    assert "immutable" in picture.headers["cache-control"]
    crop = np.asarray(image)[:, : found["cell"][0]]
    assert crop.min() < 90 and crop.max() > 200, "there is ink on paper"
    assert client.get("/api/glyphs/atlas/" + "0" * 32).status_code == 404
    assert client.get("/api/glyphs/atlas/..%2Fx").status_code == 404
    assert sheet(client, "ß")["count"] == 0
    assert client.get("/api/glyphs", params={"character": "ee"}).status_code == 422


def test_accepting_adds_to_what_holds_and_leaves_the_word_open(client: TestClient, store: Store) -> None:
    rows = sheet(client)["rows"]
    word_id = next(row[0] for row in rows if sum(other[0] == row[0] for other in rows) == 1)
    (row,) = (row for row in rows if row[0] == word_id)
    uuid = str(uuid4())
    assert accept(client, [row], uuid) == accept(client, [row], uuid), "sent again, stored once"
    (kept,) = store.history(word_id)
    assert [mark.state for mark in kept.characters].count("accepted") == 1
    assert kept.characters[row[2]].state == "accepted" and kept.characters[row[2]].box is not None
    assert word_id in store.queue(99), "nobody has seen the word as a whole"
    assert store.counts().corrected == 0
    # Built on stale knowledge: refused, and said.
    answer = accept(client, [row])
    assert not answer["accepted"] and "decided about this word meanwhile" in answer["conflicts"][0]["detail"]
    # On top of a person's own boxes: those stay.
    marks = (CharacterMark("pinned", (1.0, 1.0, 5.0, 9.0)), *kept.characters[1:])
    mine = store.save_correction(NewCorrection(word_id, "mine", "boxes", marks, base_id=kept.id))
    more = [each for character in "ainou" for each in sheet(client, character)["rows"]]
    others = [each for each in more if each[0] == word_id and each[2]]
    accept(client, others[:1])
    now = store.corrections_in_force([word_id])[word_id]
    assert now.base_id == mine.id and now.characters[0] == marks[0] and now.characters[row[2]] == marks[row[2]]
    assert now.characters[others[0][2]].state == "accepted"


def test_parts_of_a_sheet_fit_together_whatever_is_said_in_between(client: TestClient, store: Store) -> None:
    first = sheet(client, limit=3)
    every = [(row[0], row[2]) for row in sheet(client)["rows"]]
    gone, moved = first["rows"][0], sheet(client)["rows"][3]
    for row, mark in ((gone, CharacterMark("invisible")), (moved, CharacterMark("pinned", (1.0, 1.0, 5.0, 9.0)))):
        (word,) = store.words([row[0]])
        marks = [CharacterMark("untouched")] * len(word.characters)
        marks[row[2]] = mark
        store.save_correction(NewCorrection(word.id, f"of {word.id}", "boxes", tuple(marks)))
    rest = sheet(client, start=3, sheet=first["sheet"])
    assert [(row[0], row[2]) for row in [*first["rows"], *rest["rows"]]] == every, "none twice, none left out"
    assert rest["count"] == len(every) == sheet(client)["count"] + 1
    said = rest["rows"][0]
    assert rest["states"][said[6]] == "pinned" and said[3] > 0, "with what holds now"
    assert accept(client, rest["rows"][1:2])["conflicts"] == []
    look_for_oddities(store, store.round(1))
    assert [row[:3] for row in sheet(client, start=3, sheet=first["sheet"])["rows"]] == [r[:3] for r in rest["rows"]]
    lost = client.get("/api/glyphs", params={"character": "e", "start": 3, "sheet": "0" * 32})
    assert lost.status_code == 409 and "Choose the character again" in lost.json()["detail"]


def test_accepting_in_a_decided_word_leaves_it_decided(client: TestClient, store: Store) -> None:
    rows = sheet(client)["rows"]
    (word,) = store.words([rows[0][0]])
    marks = (CharacterMark("pinned", (1.0, 1.0, 5.0, 9.0)), *[CharacterMark("untouched")] * (len(word.characters) - 1))
    store.save_correction(NewCorrection(word.id, "mine", "boxes", marks))
    row, other = (
        next(row for row in sheet(client, character)["rows"] if row[0] == word.id and row[2] == index)
        for index, character in list(enumerate(word.characters))[-2:]
    )
    flag = {"value": "wrong", "glyphs": chosen([other])}
    assert client.post("/api/glyphs/flag", json=flag).json() == {"judged": 1}
    accept(client, [row])
    assert word.id not in store.queue(99) and store.counts().corrected == 1
    kept = store.corrections_in_force([word.id])[word.id]
    assert kept.characters[0] == marks[0] and kept.characters[row[2]].state == "accepted"
    assert client.get("/api/list", params={"state": "any", "q": word.name}).json()["words"][0]["state"] == "corrected"
    assert store.flagged_glyphs() == {word.id: {other[2]}}, "of that crop nobody has said anything since"
    again = NewCorrection(word.id, "again", "boxes", (*marks[:1], *kept.characters[1:]), base_id=kept.id)
    store.save_correction(again)
    assert store.flagged_glyphs() == {}, "the word was looked at"
    (row,) = (each for each in sheet(client, word.characters[-2])["rows"] if each[0] == word.id and each[2] == row[2])
    accept(client, [row])
    assert store.flagged_glyphs() == {}, "and accepting a crop does not undo that"


def test_a_flag_of_a_word_holds_against_accepting_its_characters(client: TestClient, store: Store) -> None:
    word_id = sheet(client)["rows"][0][0]
    flag = store.save_correction(NewCorrection(word_id, "flag", "flag", reason="smudged"))
    answer = accept(client, [row for row in sheet(client)["rows"] if row[0] == word_id])
    assert not answer["accepted"] and "is flagged" in answer["conflicts"][0]["detail"]
    assert store.corrections_in_force([word_id])[word_id] == flag


def test_accepting_a_flagged_crop_takes_its_flag_back(client: TestClient, store: Store) -> None:
    rows = sheet(client)["rows"][:2]
    client.post("/api/glyphs/flag", json={"value": "wrong", "glyphs": chosen(rows)})
    accept(client, rows[:1])
    found = sheet(client)
    states = {(row[0], row[2]): found["states"][row[6]] for row in found["rows"]}
    assert [states[row[0], row[2]] for row in rows] == ["accepted", "flagged"]
    assert store.queue(9, asked=Asked("flagged")) == [rows[1][0]]


def test_flagged_crops_wait_until_their_word_is_corrected(client: TestClient, store: Store) -> None:
    rows = sheet(client)["rows"]
    flag = {"value": "wrong", "glyphs": chosen(rows[:2])}
    assert client.post("/api/glyphs/flag", json=flag).json() == {"judged": 2}
    flagged = Asked("flagged")
    assert sorted(store.queue(9, asked=flagged)) == sorted({rows[0][0], rows[1][0]})
    states = sheet(client)["states"]
    assert [states[row[6]] for row in sheet(client)["rows"][:3]] == ["flagged", "flagged", "untouched"]
    client.post("/api/glyphs/flag", json={"value": "right", "glyphs": chosen(rows[:1])})
    assert store.queue(9, asked=flagged) == [rows[1][0]]
    length = len(store.words([rows[1][0]])[0].characters)
    marks = tuple(CharacterMark("accepted", (1.0, 1.0, 5.0, 9.0)) for _ in range(length))
    store.save_correction(NewCorrection(rows[1][0], "all", "boxes", marks))
    assert store.queue(9, asked=flagged) == []
    assert client.post("/api/glyphs/flag", json={**flag, "value": "odd"}).status_code == 422
    unknown = {"value": "wrong", "glyphs": [{"word_id": 999, "word_key": "", "index": 0, "correction": 0}]}
    assert client.post("/api/glyphs/flag", json=unknown).status_code == 422


@pytest.mark.parametrize("work_out", [prepare, look_for_oddities])
def test_a_transcript_may_change_while_that_is_worked_out(
    store: Store, monkeypatch: pytest.MonkeyPatch, work_out: Callable[[Store, Round], None]
) -> None:
    seen = store.seen_round()
    assert seen is not None
    ids = store.word_ids()
    texts = {word.id: word.characters[:-1] for word in store.words(ids)}
    proposals = store.proposals

    def then_shortened(round_id: int, word_ids: Sequence[int]) -> dict[int, Localization]:
        found = proposals(round_id, word_ids)
        for word_id in word_ids[:2]:
            marks = (CharacterMark("untouched"),) * len(texts[word_id])
            store.save_correction(NewCorrection(word_id, f"shorter {word_id}", "boxes", marks, text=texts[word_id]))
        return found

    monkeypatch.setattr(store, "proposals", then_shortened)
    work_out(store, seen)
    assert [len(word.characters) for word in store.words(ids[:2])] == [len(texts[id]) for id in ids[:2]]
    assert store.queues_of() == seen.id and store.has_oddities(seen.id)


def test_only_one_thread_prepares_queues(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = [], Event()

    def slow(*_: object) -> None:
        begun.append(1)
        go_on.wait(10)

    monkeypatch.setattr(turns, "OWN_S", 0.0)
    monkeypatch.setattr(turns, "prepare", slow)
    store.set_setting(PREPARED, None)
    several = [turns.Late(store) for _ in range(3)]
    for late in several:
        late.look(0.01)
    assert begun == [1]
    go_on.set()


def test_an_outdated_transcript_is_refused(client: TestClient, store: Store) -> None:
    row = sheet(client)["rows"][0]
    answer = accept(client, [[row[0], "another key", *row[2:]]])
    assert not answer["accepted"] and "Open the character again" in answer["conflicts"][0]["detail"]
    assert store.history(row[0]) == []
