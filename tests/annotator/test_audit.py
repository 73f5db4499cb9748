"""An audit: drawn once, looked at blind, never learned from; what it says of all words."""

from __future__ import annotations

import json
from uuid import uuid4

import numpy as np
import pytest
from starlette.testclient import TestClient

from annotator import auditing
from annotator.auditing import LEAST_WORDS
from charloc.types import CharlocError
from db import CharacterMark, NewCorrection, Store
from tests.db.make import before_unaided_was_kept
from tests.projects import TEXTS, add_round, add_words

WORDS = 30


@pytest.fixture
def truth(store: Store) -> dict[str, np.ndarray]:
    """Thirty more words, and a round that has their boxes right."""
    made = add_words(store, [f"word{number:02d}" for number in range(WORDS)], size_px=20)
    known = {text: store.proposals(1, [id])[id].boxes for id, text in zip(store.word_ids(), TEXTS, strict=False)}
    known |= made
    add_round(store, known, noise_px=0.0, method="segmental", apart=0.9)
    return known


def answer(client: TestClient, word: dict, audit: int, kind: str = "boxes", shift_px: float = 0.0, **more) -> dict:
    """Say of a word that all of it is as shown, or that its first character is elsewhere."""
    marks = [{"state": "accepted", "box": box} for box in word["boxes"]]
    if shift_px:
        x0, y0, x1, y1 = word["boxes"][0]
        marks[0] = {"state": "pinned", "box": [x0 + shift_px, y0, x1 + shift_px, y1]}
    said = {
        "uuid": str(uuid4()), "word_id": word["id"], "word_key": word["key"], "kind": kind, "audit": audit,
        "characters": marks if kind == "boxes" else [], "round_id": word["round_id"],
    } | more  # fmt: skip
    response = client.post("/api/audits/answers", json=said)
    assert response.status_code == 200, response.json()
    return said


def begin(client: TestClient, words: int = 25, seed: int = 7) -> int:
    made = client.post("/api/audits", json={"words": words, "seed": seed})
    assert made.status_code == 201
    return int(made.json()["id"])


def current(client: TestClient, width: float = 0.1) -> dict:
    return client.get("/api/audits", params={"width": width}).json()["current"]


def test_a_sample_is_drawn_once_and_can_be_made_larger(client: TestClient, store: Store, truth: dict) -> None:
    assert client.get("/api/audits").json()["current"] is None
    assert client.get("/api/audits/current/next").status_code == 409
    audit = begin(client)
    ids = client.get("/api/audits/current/pending").json()["words"]
    assert len(set(ids)) == 25
    assert auditing.pending(store, auditing.current(store)) == ids, "the same again"  # type: ignore[arg-type]
    add_words(store, ["later"])
    assert client.post("/api/audits/current/extend", json={"words": 5}).json()["words"] == 30
    more = client.get("/api/audits/current/pending").json()["words"]
    assert more[:25] == ids and len(set(more)) == 30
    client.post("/api/audits/current/extend", json={"words": 100})
    every = client.get("/api/audits/current/pending").json()["words"]
    assert sorted(every) == store.word_ids()[:-1], "of the words there were"
    full = client.post("/api/audits/current/extend", json={"words": 1})
    assert full.status_code == 422 and "All 40 words" in full.json()["detail"]
    assert begin(client, seed=8) != audit
    listed = client.get("/api/audits").json()
    assert [each["id"] for each in listed["earlier"]] == [audit], "the one before is kept"


def test_what_is_asked_for_again_is_drawn_once(client: TestClient, store: Store, truth: dict) -> None:
    audit = begin(client)
    assert begin(client) == audit, "the same seed and as many words"
    more = {"words": 5, "audit": audit, "after": 25}
    answers = [client.post("/api/audits/current/extend", json=more).json() for _ in range(2)]
    assert answers == [{"id": audit, "words": 30}] * 2
    ids = store.audit_words(audit)
    longer = client.post("/api/audits/current/extend", json=more | {"words": 8}).json()
    assert longer["words"] == 33, "somebody else wished for more, and saw as many"
    assert store.audit_words(audit)[:30] == ids and len(set(store.audit_words(audit))) == 33
    full = more | {"words": 1000}
    assert [client.post("/api/audits/current/extend", json=full).json()["words"] for _ in range(2)] == [40, 40]
    assert client.post("/api/audits/current/extend", json=more | {"after": 41}).status_code == 422
    assert begin(client) == audit, "an answer that comes late, when words were added already"
    other = begin(client, seed=8)
    refused = client.post("/api/audits/current/extend", json=more)
    assert refused.status_code == 409 and "Another audit" in refused.json()["detail"]
    assert len(store.audit_words(other)) == 25


def test_too_small_a_sample_is_refused(client: TestClient, truth: dict) -> None:
    refused = client.post("/api/audits", json={"words": LEAST_WORDS - 1})
    assert refused.status_code == 422 and "say next to nothing" in refused.json()["detail"]


def test_no_words_no_audit(tmp_path) -> None:
    with Store.open(tmp_path, create=True) as empty, pytest.raises(CharlocError, match="no words yet"):
        auditing.begin(empty, 100)


def test_the_words_come_blind(client: TestClient, store: Store, truth: dict) -> None:
    """Nothing tells how sure the method is, what others think, or what people said before; the order is as drawn."""
    begin(client)
    for word in client.get("/api/audits/current/next", params={"limit": 3}).json()["words"]:
        marks = tuple(CharacterMark("pinned", (0.0, 0.0, 3.0, 3.0)) for _ in word["characters"])
        store.save_correction(NewCorrection(word["id"], str(uuid4()), "boxes", marks))
    ids = client.get("/api/audits/current/pending").json()["words"]
    words = client.get("/api/audits/current/next", params={"limit": 25}).json()["words"]
    assert [word["id"] for word in words] == ids
    for word in words:
        assert set(word["confidence"]) == {0.5} and set(word["disagreement"]) == {None}
        assert word["correction"] is None
        np.testing.assert_allclose(word["boxes"], truth[word["text"]], atol=0.02)
    again = client.get("/api/audits/current/words", params={"ids": f"{ids[4]},{ids[2]}"}).json()["words"]
    assert again == [words[4], words[2]]
    stranger = next(id for id in store.word_ids() if id not in ids)
    assert client.get("/api/audits/current/words", params={"ids": stranger}).status_code == 404


def test_answers_teach_nothing_and_are_kept_once(client: TestClient, store: Store, truth: dict) -> None:
    audit = begin(client)
    (word,) = client.get("/api/audits/current/next", params={"limit": 1}).json()["words"]
    before = store.counts()
    said = answer(client, word, audit)
    client.post("/api/audits/answers", json=said)
    assert store.corrections_in_force() == {} and store.counts() == before and store.history(word["id"]) == []
    assert word["id"] in store.queue(100), "people are still asked about it"
    assert [each.uuid for each in store.opinions("audit", audit_id=audit)] == [said["uuid"]]
    assert current(client)["answered"] == 1
    # Undone: it waits again, and comes first, as it was drawn.
    answer(client, word, audit, "clear")
    assert current(client)["answered"] == 0
    assert client.get("/api/audits/current/pending").json()["words"][0] == word["id"]


def test_what_does_not_fit_is_refused(client: TestClient, store: Store, truth: dict) -> None:
    audit = begin(client)
    ids = client.get("/api/audits/current/pending").json()["words"]
    stranger = next(id for id in store.word_ids() if id not in ids)
    word = client.get(f"/api/words/{stranger}").json()
    said = {"uuid": str(uuid4()), "word_id": stranger, "word_key": word["key"], "kind": "flag", "audit": audit}
    assert client.post("/api/audits/answers", json=said).status_code == 404
    short = said | {"word_id": ids[0], "word_key": client.get(f"/api/words/{ids[0]}").json()["key"], "kind": "boxes"}
    assert client.post("/api/audits/answers", json=short).status_code == 422


def test_errors_are_judged_as_proposed_and_as_exported(client: TestClient, store: Store, truth: dict) -> None:
    audit = begin(client)
    words = client.get("/api/audits/current/next", params={"limit": 25}).json()["words"]
    for k, word in enumerate(words[:22]):
        width = word["boxes"][0][2] - word["boxes"][0][0]
        answer(client, word, audit, shift_px=0.8 * width if k < 3 else 0.0)
    answer(client, words[22], audit, "flag", reason="Unreadable")
    answer(client, words[23], audit, text=[*"wordXX"], characters=[{"state": "untouched"}] * 6)
    answer(client, words[24], audit, "skip")
    found = current(client)
    assert (found["answered"], found["left"], found["population"]) == (24, 1, 40)
    assert (found["doubtful"]["wrong"], found["doubtful"]["of"]) == (2, 24)
    proposed = found["proposed"]
    chars = sum(len(word["characters"]) for word in words[:22])
    assert (proposed["words"], proposed["chars"]) == (22, chars)
    assert (proposed["boxes"]["wrong"], proposed["words_boxes"]["wrong"]) == (3, 3)
    assert proposed["words_boxes"]["low"] < 3 / 22 < proposed["words_boxes"]["high"]
    assert 22 < proposed["words_boxes"]["needed"] <= 40
    assert proposed["mean_h"]["value"] > 0

    # Corrected where the audit says: the export has no error left, what the round says by itself still has three.
    for word in words[:3]:
        opinion = next(each for each in store.opinions("audit", audit_id=audit) if each.word_id == word["id"])
        store.save_correction(NewCorrection(word["id"], str(uuid4()), "boxes", opinion.characters))
    found = current(client)
    assert (found["proposed"]["boxes"]["wrong"], found["exported"]["boxes"]["wrong"]) == (3, 0)
    assert found["exported"]["boxes"]["low"] == 0 < found["exported"]["boxes"]["high"]
    assert json.dumps(found), "plain JSON, nothing that is no number"


def test_what_an_older_round_says_by_itself_is_not_made_up(client: TestClient, store: Store, truth: dict) -> None:
    """It held fixed what people had said of some of the words, and did not keep what it would say without that."""
    audit = begin(client)
    words = client.get("/api/audits/current/next", params={"limit": 25}).json()["words"]
    for word in words[:2]:
        marks = tuple(CharacterMark("pinned", (0.0, 0.0, 3.0, 3.0)) for _ in word["characters"])
        store.save_correction(NewCorrection(word["id"], str(uuid4()), "boxes", marks))
    fixed = truth | {word["text"]: np.full((len(word["text"]), 4), (0, 0, 3, 3.0)) for word in words[:2]}
    add_round(store, fixed, noise_px=0.0, method="segmental")
    newest = store.rounds()[-1]
    before_unaided_was_kept(store, newest.id)
    ids = [word["id"] for word in words]
    assert store.proposals(newest.id, ids).keys() - store.unaided(newest.id, ids).keys() == set(ids[:2])
    shown = client.get("/api/audits/current/next", params={"limit": 25}).json()["words"]
    assert [word["boxes"] for word in shown] == [word["boxes"] for word in words], "nobody is shown what people said"
    for word in words:
        answer(client, word, audit)
    found = current(client)
    assert found["aided"] == 2 and found["proposed"]["words"] == 25
    assert found["proposed"]["words_boxes"]["wrong"] == 2, "what they said counts as the round's, and is said to"
    add_round(store, truth, noise_px=0.0, method="segmental")
    assert current(client)["aided"] == 0


def test_before_anything_was_proposed_all_of_it_is_missing(tmp_path) -> None:
    with Store.open(tmp_path, create=True) as store:
        add_words(store, [f"word{number:02d}" for number in range(25)], size_px=20)
        audit = auditing.begin(store, 25, seed=1)
        assert auditing.result(store, audit, None).answered == 0
        assert auditing.pending(store, audit) == store.audit_words(audit.id)
