"""The REST interface of suspicious transcripts: the list, deciding, looking anew; wild input."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from annotator import suspicions
from annotator.routes_suspicious import carried_over
from charloc.suspicion import IN_WORDS
from db import CharacterMark, Correction, NewCorrection, Store, StoredSuspicion
from db.suspicions import Suspicions
from tests.annotator.conftest import ADDRESS, Starter, create_rest

ODD = "<img src=x onerror=alert(1)>${7*7}{{7*7}}"


class Looker(Starter):
    def __call__(self, project: Path) -> Looker:  # type: ignore[override]
        self.asked.append(str(project))
        return self


@pytest.fixture
def looker() -> Looker:
    return Looker()


@pytest.fixture
def api(store: Store, project: Path, looker: Looker) -> TestClient:
    starter = Starter()
    return TestClient(
        create_rest(store, project, start=starter, cancel=starter.cancel, look=looker), base_url=ADDRESS
    )


@pytest.fixture
def found(store: Store) -> list[StoredSuspicion]:
    """Every word is suspected: the first most, of other letters; the second of being there twice."""
    made = []
    for number, word in enumerate(store.words(store.word_ids())):
        reason, score = ("changed", 0.9 - number / 20) if number != 1 else ("twice", 0.85)
        suggestion = (*word.characters[:-1], "x") if number % 2 == 0 else None
        other = store.word_ids()[5] if number == 1 else None
        weights = {reason: score, "rare": 0.15}
        made.append(StoredSuspicion(word.id, score, reason, word.characters, weights, suggestion, 5.0, other))
    store.save_suspicions(1, made)
    return made


def listed(api: TestClient, **query: object) -> list[int]:
    answer = api.get("/api/suspicions", params={"least": 0, **query}).json()
    return [each["id"] for each in answer["words"]]


def accept(api: TestClient, word: dict[str, object], **more: object) -> object:
    body = {"uuid": str(uuid4()), "word_key": word["key"], "base_id": None, "text": word["suggestion"], **more}
    return api.post(f"/api/suspicions/{word['id']}/accept", json=body)


def test_the_list_says_why_and_what_instead(api: TestClient, found: list[StoredSuspicion], store: Store) -> None:
    answer = api.get("/api/suspicions", params={"limit": 3}).json()
    first, second, _ = answer["words"]
    assert answer["total"] == sum(each.score >= 0.2 for each in found) and answer["round"] == answer["newest"] == 0
    assert first["why"] == IN_WORDS["changed"] and first["also"] == [IN_WORDS["rare"]]  # type: ignore[index]
    assert first["suggestion"][-1] == "x" and [kind for kind, _ in first["difference"]] == ["same", "gone", "new"]
    assert second["other"]["name"] == store.words([found[1].other or 0])[0].name and second["difference"] == []
    assert first["correction"] is None and not first["rtl"]
    assert listed(api, offset=2, limit=2) == [found[2].word_id, found[3].word_id]
    assert len(listed(api, least=0.6)) == sum(each.score >= 0.6 for each in found)


def test_accepting_changes_the_transcript_once(api: TestClient, found: list[StoredSuspicion], store: Store) -> None:
    word = api.get("/api/suspicions").json()["words"][0]
    body = {"uuid": str(uuid4()), "word_key": word["key"], "base_id": None, "text": word["suggestion"]}
    for _ in range(2):  # sent again: nothing more happens
        done = api.post(f"/api/suspicions/{word['id']}/accept", json=body)
        assert done.status_code == 200, done.json()
    (kept,) = store.history(word["id"])
    assert kept.text == tuple(word["suggestion"]) and kept.kind == "boxes"
    assert {mark.state for mark in kept.characters} == {"untouched"}
    assert word["id"] in store.queue(100), "nobody has looked at its boxes"
    assert word["id"] not in listed(api)
    again = accept(api, word)
    assert again.status_code == 409 and again.json()["correction"]["id"] == kept.id  # type: ignore[attr-defined]
    assert accept(api, word, word_key="another").status_code == 409  # type: ignore[attr-defined]


def test_what_was_pinned_stays_with_characters_that_stay(store: Store) -> None:
    word = store.words(store.word_ids())[0]
    marks = tuple(CharacterMark("pinned", (float(k), 0.0, k + 1.0, 9.0)) for k in range(len(word.characters)))
    before = Correction(1, word.id, "u", "boxes", marks, "", None, None, "", datetime.now(UTC), None)
    longer = carried_over(word, before, ("q", *word.characters))
    assert longer[0] == CharacterMark("untouched") and longer[1:] == marks
    assert [each.state for each in carried_over(word, None, word.characters)] == ["untouched"] * len(marks)


def test_right_is_remembered_and_can_be_taken_back(api: TestClient, found: list[StoredSuspicion]) -> None:
    word = found[0].word_id
    assert api.post(f"/api/suspicions/{word}/right", json={"value": "right"}).json() == {"right": True}
    assert word not in listed(api) and api.get("/api/suspicions").json()["right"] == 1
    api.post(f"/api/suspicions/{word}/right", json={"value": "open"})
    assert listed(api)[0] == word


def test_looking_is_one_process_that_is_watched_and_stopped(
    api: TestClient, looker: Looker, store: Store, project: Path
) -> None:
    def view() -> dict[str, object]:
        return api.get("/api/suspicions").json()["job"]

    assert view() == {"state": "idle"} and api.get("/api/suspicions").json()["round"] is None
    assert api.post("/api/suspicions/run").json()["job"] == {"state": "starting"}
    assert looker.asked == [str(project)]
    assert api.post("/api/suspicions/run").status_code == 409
    suspicions._Report(store, lambda *_: None)("read", 3, 10)
    assert view() == {"state": "running", "phase": "read", "done": 3, "total": 10, "stopping": False}
    assert api.post("/api/suspicions/stop").json()["job"]["stopping"] is True
    store.set_setting(suspicions.JOB, {**store.setting(suspicions.JOB), "ended": True, "message": "No space left."})
    looker.code = 1
    assert view() == {"state": "failed", "message": "No space left."}
    store.set_setting(suspicions.JOB, None)
    assert "exit status 1" in str(view()["message"])
    looker.code = 0
    assert view() == {"state": "idle"}


def test_without_a_round_there_is_nothing_to_look_with(tmp_path: Path, looker: Looker) -> None:
    with Store.open(tmp_path / "empty", create=True) as empty:
        starter = Starter()
        rest = create_rest(empty, tmp_path, start=starter, cancel=starter.cancel, look=looker)
        api = TestClient(rest, base_url=ADDRESS)
        answer = api.get("/api/suspicions").json()
        assert (answer["words"], answer["total"], answer["newest"], answer["count"]) == ([], 0, None, 0)
        refused = api.post("/api/suspicions/run")
        assert refused.status_code == 409 and "train one first" in refused.json()["detail"]


def test_markup_is_text(api: TestClient, store: Store) -> None:
    word = store.words(store.word_ids())[0]
    marks = tuple(CharacterMark("untouched") for _ in ODD)
    store.save_correction(NewCorrection(word.id, "1", "boxes", marks, text=tuple(ODD)))
    store.save_suspicions(1, [StoredSuspicion(word.id, 0.9, "changed", tuple(ODD), {"changed": 0.9}, tuple(ODD[1:]))])
    answer = api.get("/api/suspicions")
    assert answer.headers["content-type"] == "application/json" and answer.json()["words"][0]["text"] == ODD


@pytest.fixture(scope="module")
def wild(ready_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, Suspicions]]:
    project = Path(shutil.copytree(ready_project, tmp_path_factory.mktemp("wild") / "project"))
    with Store.open(project) as store:
        starter = Starter()
        rest = create_rest(store, project, start=starter, cancel=starter.cancel, look=Looker())
        yield TestClient(rest, base_url=ADDRESS, raise_server_exceptions=False), store


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda s: st.lists(s, max_size=3))


@settings(max_examples=60)
@given(
    word=st.integers(-1, 2**70) | st.text(max_size=5),
    what=st.sampled_from(["accept", "right"]),
    body=st.dictionaries(st.sampled_from(["uuid", "word_key", "base_id", "text", "value"]), JSON),
)
def test_wild_decisions_are_refused_in_a_sentence(
    wild: tuple[TestClient, Suspicions], word: object, what: str, body: dict[str, object]
) -> None:
    api, store = wild
    answer = api.post(f"/api/suspicions/{quote(str(word), safe='') or '0'}/{what}", json=body)
    assert answer.status_code in (404, 405, 409, 422)
    assert store.judged_right() == set()
