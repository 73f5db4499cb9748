"""What an owner sees of people's work and does about it, through the REST interface."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from starlette.testclient import TestClient

from db import Store
from tests.annotator.test_sharing import browsers, decide, moved, queue, store, team_ready

__all__ = ["browsers", "store", "team_ready"]  # fixtures
Json = dict[str, Any]


@pytest.fixture
def read_twice(browsers: dict[str, TestClient], store: Store) -> list[Json]:
    """Two words that Ben decided about and Cid read second: one alike, one all elsewhere. As Ben saw them."""
    words = queue(browsers["Ben"], 2)["words"]
    for word in words:
        assert decide(browsers["Ben"], word).status_code == 200
    store.release("Ben")
    store.set_setting("double_share", 1.0)
    found = {word["id"]: word for word in queue(browsers["Cid"], 8)["words"]}
    assert decide(browsers["Cid"], found[words[0]["id"]]).status_code == 200
    apart = [{"state": "pinned", "box": [x0, y0, x0 + (x1 - x0) * 0.3, y1]} for x0, y0, x1, y1 in words[1]["boxes"]]
    assert decide(browsers["Cid"], found[words[1]["id"]], characters=apart).status_code == 200
    return words


def overrule(client: TestClient, word: Json, keep: str, **changes: object) -> Any:
    body = {"uuid": str(uuid4()), "opinion_id": word["opinion_id"], "keep": keep} | changes
    return client.post(f"/api/words/{word['id']}/overrule", json=body)


def test_agreement_is_of_each_person_and_of_two_each(browsers: dict[str, TestClient], read_twice: list[Json]) -> None:
    answer = browsers["Ada"].get("/api/people").json()
    people = {each["name"]: each for each in answer["people"]}
    (pair,) = answer["pairs"]
    assert pair["names"] == ["Ben", "Cid"] and pair["agreement"]["words"] == 2
    characters = sum(len(word["characters"]) for word in read_twice)
    assert pair["agreement"]["chars"] == characters
    apart = len(read_twice[1]["characters"])
    assert pair["agreement"]["wrong"] == pytest.approx(apart / characters)
    assert pair["agreement"]["iou"] == pytest.approx((characters - apart + 0.3 * apart) / characters, abs=0.02)
    assert people["Ben"]["agreement"] == people["Cid"]["agreement"] == pair["agreement"]
    assert people["Ada"]["agreement"] is None and people["Ben"]["words"] == 2 and people["Cid"]["words"] == 0
    assert people["Cid"]["decisions"] == 2


def test_an_owner_decides_between_two_people(
    browsers: dict[str, TestClient], read_twice: list[Json], store: Store
) -> None:
    ada = browsers["Ada"]
    answer = ada.get("/api/people/disagreements").json()
    (word,) = answer["shown"]
    assert answer["all"] == 1 and word["id"] == read_twice[1]["id"]
    assert (word["first"]["author"], word["second"]["author"]) == ("Ben", "Cid")
    assert word["apart"] == list(range(len(read_twice[1]["characters"])))
    decided = overrule(ada, word, "second")
    assert decided.status_code == 200
    history = store.history(word["id"])
    assert [each.author for each in history] == ["Ben", "Ada"]
    assert [mark.box for mark in history[1].characters] == [tuple(m["box"]) for m in word["second"]["characters"]]
    assert ada.get("/api/people/disagreements").json()["all"] == 0
    shown = ada.get(f"/api/words/{word['id']}/history").json()
    assert [(each["author"], each["purpose"]) for each in shown["history"]] == [
        ("Ben", "main"), ("Cid", "second"), ("Ada", "main"),
    ]  # fmt: skip
    assert shown["in_force"] == history[1].id
    assert overrule(ada, word, "first").status_code == 409, "someone who still sees the old state is told"


def test_an_owner_may_keep_the_first_version(
    browsers: dict[str, TestClient], read_twice: list[Json], store: Store
) -> None:
    (word,) = browsers["Ada"].get("/api/people/disagreements").json()["shown"]
    assert overrule(browsers["Ada"], word, "first").status_code == 200
    first, again = store.history(word["id"])
    assert again.characters == first.characters and again.author == "Ada" and "Ben" in again.reason
    assert overrule(browsers["Ada"], word, "first", opinion_id=99).status_code == 404


def test_check_words_measure_each_person(browsers: dict[str, TestClient], store: Store) -> None:
    ada = browsers["Ada"]
    trusted = queue(ada, 1)["words"][0]
    assert decide(ada, trusted).status_code == 200
    added = ada.post("/api/people/checks", json={"source": "mine", "count": 5}).json()
    assert added["added"] == 1 and list(store.check_words()) == [trusted["id"]]
    assert ada.post("/api/people/checks", json={"source": "mine"}).status_code == 409
    assert ada.post("/api/people/checks", json={"source": "reference"}).status_code == 409
    store.set_setting("check_share", 1.0)
    for name, by in (("Ben", 0.0), ("Cid", 0.4)):
        word = next(each for each in queue(browsers[name], 4)["words"] if each["id"] == trusted["id"])
        assert word["correction"] is None
        assert decide(browsers[name], word, characters=moved(word, by)).status_code == 200
    people = {each["name"]: each for each in ada.get("/api/people").json()["people"]}
    assert people["Ben"]["check"]["centre_px"] == pytest.approx(0) and people["Ben"]["check"]["iou"] == pytest.approx(1)
    assert people["Cid"]["check"]["centre_px"] == pytest.approx(0.4, abs=1e-3)
    assert people["Cid"]["check"]["words"] == 1 and people["Ada"]["check"] is None
    assert ada.post("/api/people/checks/remove", json=None).json()["checks"]["words"] == 0
    assert ada.post("/api/people/checks", json={"source": "words", "words": [trusted["id"]]}).json()["added"] == 1


def test_one_persons_work_is_taken_back_after_a_look(
    browsers: dict[str, TestClient], read_twice: list[Json], store: Store
) -> None:
    ada = browsers["Ada"]
    plan = ada.get("/api/people/Ben/revert").json()
    assert (plan["words"], plan["boxes"], plan["restored"]) == (2, 2, 0)
    body = {"uuid": str(uuid4()), "upto": plan["upto"]}
    for name in ("Rea", "Ben", "Cid"):
        assert browsers[name].post("/api/people/Ben/revert", json=body).status_code == 403
    assert ada.post("/api/people/Nobody/revert", json=body).status_code == 404
    assert ada.post("/api/people/Ben/revert", json=body | {"upto": 0}).status_code == 409
    assert ada.post("/api/people/Ben/revert", json=body).json()["words"] == 2
    assert store.counts().corrected == 0
    assert all([each.author for each in store.history(word["id"])] == ["Ben", "Ada"] for word in read_twice)
    assert ada.post("/api/people/Ben/revert", json=body).json()["words"] == 0, "sent again"


def test_how_work_is_shared_is_set_by_owners(browsers: dict[str, TestClient], store: Store) -> None:
    wanted = {"double_share": 0.25, "lease_minutes": 5.0}
    assert browsers["Cid"].post("/api/people/settings", json=wanted).status_code == 403
    answer = browsers["Ada"].post("/api/people/settings", json=wanted).json()
    assert answer["settings"] == {"double_share": 0.25, "check_share": 0.0, "lease_minutes": 5.0}
    for wrong in ({"double_share": 1.5}, {"lease_minutes": 0}, {"check_share": 0.9}, {"other": 1}):
        assert browsers["Ada"].post("/api/people/settings", json=wrong).status_code == 422


def test_the_history_has_tags(browsers: dict[str, TestClient], store: Store) -> None:
    id = store.word_ids()[0]
    for name, on in (("Ben", True), ("Cid", False)):
        assert browsers[name].post("/api/tags", json={"ids": [id], "name": "hard", "on": on}).json() == {"changed": 1}
    shown = browsers["Rea"].get(f"/api/words/{id}/history").json()["history"]
    assert [(each["author"], each["kind"], each["reason"]) for each in shown] == [
        ("Ben", "tagged", "hard"), ("Cid", "untagged", "hard"),
    ]  # fmt: skip


def test_who_reads_second_is_not_told_by_the_history(browsers: dict[str, TestClient], store: Store) -> None:
    (word,) = queue(browsers["Ben"], 1)["words"]
    assert decide(browsers["Ben"], word).status_code == 200
    store.set_setting("double_share", 1.0)
    assert word["id"] in [each["id"] for each in queue(browsers["Cid"])["words"]]
    path = f"/api/words/{word['id']}/history"
    assert browsers["Cid"].get(path).json()["history"] == []
    assert [each["author"] for each in browsers["Rea"].get(path).json()["history"]] == ["Ben"]
