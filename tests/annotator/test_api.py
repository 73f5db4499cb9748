"""The REST interface, on a real store."""

from __future__ import annotations

import io
import json
import os
import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from starlette.testclient import TestClient

from annotator.app import STATIC, create_rest
from charloc.types import SourceWord
from db import Store
from tests.annotator.conftest import Starter
from tests.projects import TEXTS, add_round, add_words

ILL = "<img src=x onerror=alert(1)>${alert(2)}{{alert(3)}}"


def first_word(client: TestClient) -> dict[str, Any]:
    return client.get("/api/queue?limit=1").json()["words"][0]


def decision(word: dict[str, Any], kind: str = "boxes", **changes: object) -> dict[str, Any]:
    marks = [{"state": "accepted" if box else "untouched", "box": box} for box in word["boxes"]]
    return {
        "uuid": str(uuid4()), "word_id": word["id"], "word_key": word["key"], "kind": kind, "reason": "",
        "characters": marks if kind == "boxes" else [], "round_id": word["round_id"], "base_id": None, **changes,
    }  # fmt: skip


def test_the_queue_begins_with_the_least_certain_word(client: TestClient, store: Store) -> None:
    words = client.get("/api/queue?limit=100").json()["words"]
    assert len(words) == len(TEXTS)
    least = [min(word["confidence"]) for word in words]
    assert least == sorted(least)
    word = words[0]
    assert word["text"] == "".join(word["characters"])
    assert len(word["boxes"]) == len(word["confidence"]) == len(word["characters"]) == len(word["order"])
    assert word["round"] == 0 and word["correction"] is None
    assert word["disagreement"] == [None] * len(word["boxes"]), "there is no other method yet"
    rest = client.get(f"/api/queue?limit=100&exclude={word['id']},{words[3]['id']}").json()["words"]
    assert [each["id"] for each in rest] == [each["id"] for i, each in enumerate(words) if i not in (0, 3)]


def test_a_word_says_where_other_methods_disagree(client: TestClient, store: Store) -> None:
    words = store.words(store.word_ids())
    truth = {each.text: np.tile([1.0, 2.0, 9.0, 20.0], (len(each.characters), 1)) for each in words}
    add_round(store, truth, method="segmental", apart=0.875)
    word = first_word(client)
    assert word["disagreement"] == [0.875, *[0.0] * (len(word["boxes"]) - 1)]


def test_a_decision_is_stored_once_however_often_it_is_sent(client: TestClient, store: Store) -> None:
    word = first_word(client)
    sent = decision(word)
    answers = [client.post("/api/corrections", json=sent) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["correction"]["id"] for answer in answers}) == 1
    assert len(store.history(word["id"])) == 1
    assert first_word(client)["id"] != word["id"]
    again = client.get(f"/api/words/{word['id']}").json()
    assert again["correction"]["kind"] == "boxes"
    assert [mark["state"] for mark in again["correction"]["characters"]] == ["accepted"] * len(word["characters"])
    assert client.get("/api/status").json()["counts"]["corrected"] == 1


def test_a_conflict_carries_the_newer_correction_and_overwrites_nothing(client: TestClient, store: Store) -> None:
    word = first_word(client)
    theirs = client.post("/api/corrections", json=decision(word, "flag", reason="smudged")).json()["correction"]
    ours = client.post("/api/corrections", json=decision(word))
    assert ours.status_code == 409
    assert ours.json()["correction"]["id"] == theirs["id"]
    assert ours.json()["correction"]["reason"] == "smudged"
    assert len(store.history(word["id"])) == 1
    insisting = client.post("/api/corrections", json=decision(word, base_id=theirs["id"]))
    assert insisting.status_code == 200
    base_id = insisting.json()["correction"]["id"]
    cleared = client.post("/api/corrections", json=decision(word, "clear", base_id=base_id))
    assert cleared.status_code == 200
    # What was seen is gone, and nothing took its place.
    late = client.post("/api/corrections", json=decision(word, base_id=theirs["id"]))
    assert late.status_code == 409


def test_the_same_uuid_with_other_content_is_refused(client: TestClient) -> None:
    word = first_word(client)
    sent = decision(word)
    assert client.post("/api/corrections", json=sent).status_code == 200
    changed = client.post("/api/corrections", json=sent | {"kind": "skip", "characters": []})
    assert changed.status_code == 422


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"word_key": "0" * 64}, "another image or transcript"),
        ({"word_id": 10**6}, None),
        ({"word_id": 2**70}, None),
        ({"uuid": "x"}, "uuid"),
        ({"kind": "delete"}, "kind"),
        ({"characters": []}, "characters, but 0 were sent"),
        ({"characters": [{"state": "sure"}]}, "characters, item 1, state"),
        ({"characters": [{"state": "pinned", "box": [1, 2, 3]}]}, "item 1, box"),
        ({"reason": "x" * 501}, "reason"),
        ({"more": 1}, "more"),
        ({"base_id": "x"}, "base_id"),
    ],
)
def test_a_bad_decision_is_refused(client: TestClient, store: Store, change: dict, expected: str | None) -> None:
    word = first_word(client)
    response = client.post("/api/corrections", json=decision(word) | change)
    assert response.status_code in (404, 422)
    detail = response.json()["detail"]
    assert isinstance(detail, str) and (expected is None or expected in detail), detail
    assert not store.history(word["id"])


@pytest.mark.parametrize(
    "box",
    [[5, 5, 5, 9], [9, 5, 5, 9], [-1, 0, 5, 5], [0, 0, 1e9, 5], [float("inf"), 0, 1, 1], [float("nan")] * 4, None],
)
def test_a_bad_box_is_refused_naming_its_character(client: TestClient, store: Store, box: list[float] | None) -> None:
    word = first_word(client)
    sent = decision(word)
    sent["characters"][1] = {"state": "pinned", "box": box}
    content = json.dumps(sent)
    response = client.post("/api/corrections", content=content, headers={"content-type": "application/json"})
    assert response.status_code == 422
    assert f"character 2 '{word['characters'][1]}'" in response.json()["detail"]
    assert not store.history(word["id"])


def test_boxes_against_the_order_of_the_transcript_are_refused(client: TestClient, store: Store) -> None:
    word = first_word(client)
    sent = decision(word)
    first, second = word["boxes"][:2]
    sent["characters"][0] = {"state": "pinned", "box": second}
    sent["characters"][1] = {"state": "pinned", "box": first}
    response = client.post("/api/corrections", json=sent)
    assert response.status_code == 422
    assert "against the transcript" in response.json()["detail"]
    sent["characters"][1] = {"state": "untouched", "box": first}
    assert client.post("/api/corrections", json=sent).status_code == 200


FIELDS = st.sampled_from(["uuid", "word_id", "word_key", "kind", "characters", "reason", "box", "state", "method"])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=5),
    max_leaves=12,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=ANYTHING)
def test_no_body_breaks_the_server(client: TestClient, body: object) -> None:
    content = json.dumps(body)
    for path in ("/api/corrections", "/api/rounds"):
        response = client.post(path, content=content, headers={"content-type": "application/json"})
        assert 400 <= response.status_code < 500
        assert isinstance(response.json()["detail"], str)


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=1000", "exclude=a", "exclude=1,,x", "exclude=-1"])
def test_a_bad_query_is_refused_in_words(client: TestClient, query: str) -> None:
    response = client.get(f"/api/queue?{query}")
    assert response.status_code == 422
    assert isinstance(response.json()["detail"], str)


def test_images_are_kept_by_the_browser_for_good(client: TestClient) -> None:
    word = first_word(client)
    response = client.get(word["image"])
    assert response.headers["content-type"] == "image/png"
    assert "immutable" in response.headers["cache-control"]
    with Image.open(io.BytesIO(response.content)) as image:
        assert image.size == (word["width"], word["height"])
    again = client.get(word["image"], headers={"if-none-match": response.headers["etag"]})
    assert again.status_code == 304 and not again.content
    for missing in ("0" * 64, "x", "..%2f..%2fcharloc.db", "A" * 64):
        assert client.get(f"/images/{missing}").status_code == 404


def test_tiff_images_reach_the_browser_as_png(client: TestClient, store: Store) -> None:
    pixels = np.arange(200, dtype=np.uint8).reshape(10, 20)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "TIFF")
    store.add_words([(SourceWord(name="t.tif", image=out.getvalue(), text="ab"), 20, 10, "image/tiff")])
    word = client.get(f"/api/words/{store.word_ids()[-1]}").json()
    response = client.get(word["image"])
    assert response.headers["content-type"] == "image/png"
    with Image.open(io.BytesIO(response.content)) as image:
        assert np.array_equal(np.asarray(image), pixels)
    # It came after the round, so it has no boxes yet.
    assert word["boxes"] == [None, None] and word["confidence"] == [0, 0]


def test_words_before_any_round_have_no_boxes(tmp_path: Path, starter: Starter) -> None:
    with Store.open(tmp_path / "new", create=True) as store:
        client = TestClient(create_rest(store, tmp_path / "new", start=starter, cancel=starter.cancel))
        assert client.get("/api/queue").json() == {"words": []}
        assert client.post("/api/rounds", json={"method": "guess"}).status_code == 409
        add_words(store, ["ab", ILL])
        words = client.get("/api/queue").json()["words"]
        assert [word["text"] for word in words] == ["ab", ILL]
        assert words[0]["boxes"] == [None, None] and words[0]["round"] is None


def test_one_round_at_a_time(client: TestClient, store: Store, starter) -> None:
    assert client.get("/api/status").json()["job"]["state"] == "idle"
    assert client.post("/api/rounds", json={"method": "nonsense"}).status_code == 422
    assert client.post("/api/rounds", json={"method": "segmental"}).status_code == 202
    assert client.get("/api/status").json()["job"]["state"] == "starting"
    assert client.post("/api/rounds", json={"method": "segmental"}).status_code == 409
    this = store.begin_round("segmental", parent_id=1, settings={}, pid=os.getpid())
    store.progress(this.id, "learn", 3, 10)
    job = client.get("/api/status").json()["job"]
    assert (job["state"], job["phase"], job["done"], job["total"]) == ("running", "learn", 3, 10)
    assert client.post("/api/rounds", json={"method": "segmental"}).status_code == 409
    assert starter.asked == ["segmental"]
    client.post("/api/rounds/current/cancel", json={})
    assert starter.cancelled == 1
    store.end_round(this.id, "cancelled", "cancelled")
    starter.code = 1
    assert client.get("/api/status").json()["job"]["state"] == "idle"


def test_a_process_that_dies_before_its_round_began_is_reported(client: TestClient, starter) -> None:
    client.post("/api/rounds", json={"method": "segmental"})
    starter.code = 3
    job = client.get("/api/status").json()["job"]
    assert job["state"] == "failed" and "rounds.log" in job["message"]
    assert client.post("/api/rounds", json={"method": "segmental"}).status_code == 202


def test_an_interrupted_round_can_be_resumed_or_given_up(client: TestClient, store: Store, starter) -> None:
    settings = {"prior": 0.1, "init": "flat"}
    this = store.begin_round("ctc", parent_id=1, settings=settings, pid=os.getpid())
    store.end_round(this.id, "interrupted", "stopped")
    assert client.post("/api/rounds", json={"method": "segmental"}).status_code == 202
    assert (starter.asked, starter.settings) == (["ctc"], [settings]), "as it was begun, whatever the menu says"
    starter.code = 0
    assert client.get("/api/status").json()["job"]["state"] == "interrupted"
    assert client.post("/api/rounds/current/cancel", json={}).status_code == 202
    assert starter.cancelled == 1
    store.end_round(this.id, "cancelled", "given up")
    assert client.post("/api/rounds", json={"method": "segmental"}).status_code == 202
    assert (starter.asked[1:], starter.settings[1:]) == (["segmental"], [{}])


def test_rounds_are_listed_newest_first(client: TestClient, store: Store) -> None:
    truth = {word.text: np.tile([0, 0, 1, 1], (len(word.characters), 1)) for word in store.words(store.word_ids())}
    add_round(store, truth, seed=1, method="segmental")
    rounds = client.get("/api/rounds").json()["rounds"]
    assert [(each["number"], each["method"], each["state"]) for each in rounds] == [
        (1, "segmental", "finished"),
        (0, "guess", "finished"),
    ]


def test_static_files_are_kept_under_their_version(site: TestClient) -> None:
    page = site.get("/").text
    version = page[page.index("/static/charloc/") :].split("/")[3]
    response = site.get(f"/static/charloc/{version}/editor.js")
    assert response.status_code == 200 and "javascript" in response.headers["content-type"]
    assert "immutable" in response.headers["cache-control"]
    assert site.get("/static/charloc/older/editor.js").headers["cache-control"] == "no-cache"
    assert site.get(f"/static/charloc/{version}/..%2fapp.py").status_code == 404
    assert site.get(f"/static/charloc/{version}/nothing.js").status_code == 404
    named = re.findall(r"/static/charloc/[^\"]*", page)
    files = {f"/static/charloc/{version}/{file.name}" for file in STATIC.iterdir()}
    assert files <= {each.replace("\\", "") for each in named}, "every file is asked for at once"
