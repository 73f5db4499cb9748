"""Several people at the same queue, through the REST interface."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from annotator.access import Access
from annotator.sharing import Handed, hand_out
from annotator.turns import prepare
from db import Store
from db.leases import MOST_HELD
from tests.annotator.conftest import ADDRESS, Starter, create_rest
from tests.annotator.test_api import decision
from tests.projects import TEXTS, add_round, add_words
from tests.team import add_team

COOKIE = "test"
Json = dict[str, Any]


@pytest.fixture(scope="module")
def team_ready(ready_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = Path(shutil.copytree(ready_project, tmp_path_factory.mktemp("shared") / "project"))
    with Store.open(folder) as store:
        add_team(store)
        store.set_setting("double_share", 0.0)
        store.set_setting("check_share", 0.0)
    return folder


@pytest.fixture
def store(team_ready: Path, tmp_path: Path) -> Iterator[Store]:
    with Store.open(Path(shutil.copytree(team_ready, tmp_path / "project"))) as opened:
        yield opened


@pytest.fixture
def browsers(store: Store, starter: Starter) -> dict[str, TestClient]:
    """A browser for everybody, logged in."""
    app = create_rest(store, store.path.parent, start=starter, cancel=starter.cancel)
    app.add_middleware(Access, store=store, cookie=COOKIE)
    people = {each.name: each.id for each in store.people()}
    return {
        name: TestClient(app, base_url=ADDRESS, cookies={COOKIE: store.open_session(id)}) for name, id in people.items()
    }


def queue(client: TestClient, limit: int = 8, exclude: list[int] | None = None) -> Json:
    listed = ",".join(map(str, exclude or []))
    return client.get(f"/api/queue?limit={limit}&exclude={listed}").json()


def ids(answer: Json) -> list[int]:
    return [word["id"] for word in answer["words"]]


def decide(client: TestClient, word: Json, kind: str = "boxes", **changes: Any) -> Any:
    return client.post("/api/corrections", json=decision(word, kind, lease=word.get("lease"), **changes))


def moved(word: Json, by: float) -> list[Json]:
    """All boxes pinned `by` px further right, where there is room."""
    return [{"state": "pinned", "box": [x0 - by, y0, x1 - by, y1]} for x0, y0, x1, y1 in word["boxes"]]


def test_people_get_different_words_and_what_they_decide_frees_their_hands(
    browsers: dict[str, TestClient], store: Store
) -> None:
    ada, ben = queue(browsers["Ada"]), queue(browsers["Ben"])
    assert len(ids(ada)) == MOST_HELD and not set(ids(ada)) & set(ids(ben))
    assert len(ids(ben)) == len(TEXTS) - MOST_HELD and ben["elsewhere"] == MOST_HELD
    more = queue(browsers["Ada"], exclude=ids(ada))
    assert more["words"] == [] and more["full"]
    assert decide(browsers["Ada"], ada["words"][0]).status_code == 200
    assert store.history(ada["words"][0]["id"])[0].author == "Ada"
    assert len(store.holding("Ada")) == MOST_HELD - 1


def test_a_reloaded_page_gets_its_words_again(browsers: dict[str, TestClient]) -> None:
    before = queue(browsers["Ben"], 3)
    again = queue(browsers["Ben"], 8)
    assert ids(again)[:3] == ids(before)
    assert [word["lease"] for word in again["words"][:3]] == [word["lease"] for word in before["words"]]


def test_readers_look_without_taking_words_away(browsers: dict[str, TestClient], store: Store) -> None:
    assert len(ids(queue(browsers["Rea"], 100))) == len(TEXTS)
    assert len(ids(queue(browsers["Ben"]))) == MOST_HELD
    assert store.holding("Rea") == []


def test_a_page_keeps_its_words_while_it_works(browsers: dict[str, TestClient], store: Store) -> None:
    store.set_setting("lease_minutes", -1)
    held = ids(queue(browsers["Ben"], 2))
    assert store.holding("Ben") == []
    store.set_setting("lease_minutes", 10)
    assert browsers["Ben"].post("/api/leases/renew", json={"ids": held}).json() == {"held": sorted(held)}
    assert not set(held) & set(ids(queue(browsers["Ada"])))
    assert browsers["Rea"].post("/api/leases/renew", json={"ids": held}).status_code == 403


def test_who_comes_back_late_is_told_what_another_decided(browsers: dict[str, TestClient], store: Store) -> None:
    store.set_setting("lease_minutes", -1)
    (late,) = queue(browsers["Ben"], 1)["words"]
    store.set_setting("lease_minutes", 10)
    (word,) = queue(browsers["Ada"], 1)["words"]
    assert word["id"] == late["id"]
    assert decide(browsers["Ada"], word, "flag", reason="smudged").status_code == 200
    answer = decide(browsers["Ben"], late)
    assert answer.status_code == 409
    assert answer.json()["correction"]["author"] == "Ada"
    assert [each.author for each in store.history(word["id"])] == ["Ada"]


def test_a_second_reader_sees_nothing_of_the_first(browsers: dict[str, TestClient], store: Store) -> None:
    (first,) = queue(browsers["Ada"], 1)["words"]
    assert decide(browsers["Ada"], first, characters=moved(first, 0.5)).status_code == 200
    # A round learns from it: now its proposals are what she said.
    add_round(store, {each.text: other_boxes(each.text) for each in store.words(store.word_ids())}, noise_px=0)
    store.set_setting("double_share", 1.0)
    everything = queue(browsers["Ben"], 8)["words"]
    assert set(first) | {"lease"} == set(everything[0])
    second = next(word for word in everything if word["id"] == first["id"])
    assert second["boxes"] == first["boxes"] and second["correction"] is None
    assert browsers["Ben"].get(f"/api/words/{first['id']}").json()["boxes"] == first["boxes"], "after a reload, too"
    other = next(word for word in everything if word["id"] != first["id"])
    assert set(second) == set(other) and second["round_id"] == other["round_id"], "nothing tells which is which"
    answer = decide(browsers["Ben"], second, characters=moved(second, 1))
    assert answer.status_code == 200 and set(answer.json()["correction"]) == {
        "id", "word_id", "uuid", "kind", "characters", "reason", "author", "created_at", "text",
    }  # fmt: skip
    assert [each.author for each in store.history(first["id"])] == ["Ada"], "what holds is what the first said"
    (pair,) = store.pairs()
    assert (pair.first.author, pair.second.author) == ("Ada", "Ben")
    taken_back = decide(browsers["Ben"], second, "clear", base_id=answer.json()["correction"]["id"])
    assert taken_back.status_code == 200 and store.pairs() == []


def other_boxes(text: str) -> Any:
    """Some boxes for a word of the project, none of them where the first round has them."""
    return np.array([[3.0 * k, 1, 3 * k + 2, 9] for k in range(len(text))])


@pytest.fixture(params=["second", "check"])
def run_out(browsers: dict[str, TestClient], store: Store, request: pytest.FixtureRequest) -> Json:
    """A word that Ada decided about and that Ben was handed blind, as he saw it; he let it run out."""
    (word,) = queue(browsers["Ada"], 1)["words"]
    narrow = [{"state": "pinned", "box": [x0, y0, x0 + (x1 - x0) * 0.3, y1]} for x0, y0, x1, y1 in word["boxes"]]
    assert decide(browsers["Ada"], word, characters=narrow).status_code == 200
    if request.param == "check":
        store.add_check_words({word["id"]: [(1.0, 1.0, 5.0, 20.0)] * len(word["characters"])}, "Ada")
    store.set_setting("check_share" if request.param == "check" else "double_share", 1.0)
    store.set_setting("lease_minutes", -1)
    found = next(each for each in queue(browsers["Ben"])["words"] if each["id"] == word["id"])
    for name in ("check_share", "double_share"):
        store.set_setting(name, 0.0)
    store.set_setting("lease_minutes", 10)
    assert store.lease(found["lease"]).purpose == request.param and store.holding("Ben") == []  # type: ignore[union-attr]
    return found


def test_a_word_stays_blind_after_its_lease_has_run_out(
    browsers: dict[str, TestClient], store: Store, run_out: Json
) -> None:
    ben, id = browsers["Ben"], run_out["id"]

    def seen() -> list[Json]:
        recent = ben.get("/api/queue?queue=recent&limit=8").json()["words"]
        return [ben.get(f"/api/words/{id}").json(), *ben.get(f"/api/words?ids={id}").json()["words"], *recent]

    assert len(seen()) == 3
    for word in seen():
        assert word["id"] == id and word["correction"] is None and word["boxes"] == run_out["boxes"]
        assert store.lease(word["lease"]).purpose == store.lease(run_out["lease"]).purpose  # type: ignore[union-attr]
    store.release("Ben")
    assert seen()[0]["correction"] is None, "nor after it was given back"
    about = ben.get(f"/api/words/{id}/history").json()
    assert about["history"] == [] and about["in_force"] is None
    assert ben.get("/api/rounds/1/contradictions").json()["words"] == 0
    assert browsers["Cid"].get("/api/rounds/1/contradictions").json()["words"] == 1
    prepare(store, store.round(1))
    crops = {"character": run_out["characters"][0]}
    shown = {name: browsers[name].get("/api/glyphs", params=crops).json()["rows"] for name in ("Ben", "Cid")}
    assert [id in [row[0] for row in shown[name]] for name in ("Ben", "Cid")] == [False, True]
    (listed,) = ben.get("/api/list", params={"state": "any", "q": run_out["name"]}).json()["words"]
    assert (listed["state"], listed["sure"]) == ("open", None)
    late = run_out | {"lease": None}
    assert decide(ben, late).status_code == 200, "not told that somebody else has decided"
    assert [each.author for each in store.history(id)] == ["Ada"] and len(store.opinions_of(id)) == 1
    after = seen()
    assert all(word["correction"]["author"] == "Ada" for word in after), "having answered, he may look"
    assert len(ben.get(f"/api/words/{id}/history").json()["history"]) == 1


def test_who_takes_a_blind_answer_back_has_not_answered(
    browsers: dict[str, TestClient], store: Store, run_out: Json
) -> None:
    ben, id = browsers["Ben"], run_out["id"]
    said = decision(run_out, "boxes")
    assert [ben.post("/api/corrections", json=said).status_code for _ in range(2)] == [200, 200]
    assert len(store.opinions_of(id)) == 1, "the same sent again, without the lease that told what it is"
    assert decide(ben, run_out, "clear").status_code == 200
    assert ben.get(f"/api/words/{id}").json()["correction"] is None
    assert ben.get(f"/api/words/{id}/history").json()["history"] == []


def test_a_check_looks_like_any_other_word(browsers: dict[str, TestClient], store: Store) -> None:
    (known,) = store.words(store.queue(1))
    store.add_check_words({known.id: [(1.0, 1.0, 5.0, 20.0)] * len(known.characters)}, "Ada")
    store.set_setting("check_share", 1.0)
    answers = {name: queue(browsers[name], 4)["words"] for name in ("Ben", "Cid")}
    for name, words in answers.items():
        word = next(word for word in words if word["id"] == known.id)
        assert set(word) == set(words[-1])
        assert decide(browsers[name], word).status_code == 200
    assert {each.author for each in store.opinions("check")} == {"Ben", "Cid"}
    assert store.history(known.id) == [], "it teaches nothing, and stays open"
    again = queue(browsers["Ben"], 8, [word["id"] for word in answers["Ben"] if word["id"] != known.id])
    kinds = [store.lease(word["lease"]).purpose for word in again["words"]]  # type: ignore[union-attr]
    assert "check" not in kinds, "each is given to a person once"


def audited(client: TestClient, path: str = "next?limit=3") -> Json:
    return client.get(f"/api/audits/current/{path}").json()


def test_an_audits_words_are_in_one_persons_hands(browsers: dict[str, TestClient], store: Store) -> None:
    assert browsers["Ada"].post("/api/audits", json={"words": 10, "seed": 1}).status_code == 201
    ben, cid = browsers["Ben"], browsers["Cid"]
    drawn = audited(ben, "pending")["words"]
    mine = audited(ben)["words"]
    assert [word["id"] for word in mine] == drawn[:3] and all(store.lease(word["lease"]) for word in mine)
    assert audited(cid, "pending") == {"audit": 1, "words": drawn[3:], "elsewhere": 3}
    assert ids(audited(cid)) == drawn[3:6]
    assert ids(audited(ben)) == drawn[:3], "after a reload, the same"
    assert ids(audited(ben, f"words?ids={','.join(map(str, drawn))}")) == [*drawn[:3], *drawn[6:]]
    assert ids(queue(ben)) and audited(cid, "pending")["elsewhere"] == 7, "a queue leaves them in hand"
    said = decision(mine[0], "boxes") | {"audit": 1}
    assert ben.post("/api/audits/answers", json=said).status_code == 200
    assert audited(cid, f"words?ids={drawn[0]}")["words"] == [], "somebody has answered"
    assert audited(ben, "pending")["words"] == [*drawn[1:3], *drawn[6:]]
    assert ben.post("/api/leases/renew", json={"ids": drawn[1:2]}).json() == {"held": drawn[1:2]}
    store.release("Ben")
    assert audited(cid, "pending")["words"] == drawn[1:]


def test_words_opened_by_a_link_are_nobodys(browsers: dict[str, TestClient], store: Store) -> None:
    (word,) = queue(browsers["Ben"], 1)["words"]
    (opened,) = browsers["Ada"].get(f"/api/words?ids={word['id']}").json()["words"]
    assert "lease" not in opened
    assert decide(browsers["Ada"], opened, "flag").status_code == 200
    assert decide(browsers["Ben"], word).status_code == 409


def test_another_persons_lease_is_worth_nothing(browsers: dict[str, TestClient], store: Store) -> None:
    store.set_setting("check_share", 1.0)
    (known,) = store.words(store.queue(1))
    store.add_check_words({known.id: [(1.0, 1.0, 5.0, 20.0)] * len(known.characters)}, "Ada")
    word = next(word for word in queue(browsers["Ben"], 4)["words"] if word["id"] == known.id)
    assert decide(browsers["Cid"], word).status_code == 200
    assert [each.author for each in store.history(known.id)] == ["Cid"] and store.opinions("check") == []


def test_a_queue_that_runs_dry_hands_out_what_is_left_to_compare(store: Store, tmp_path: Path) -> None:
    with Store.open(tmp_path / "small", create=True) as small:
        truth = add_words(small, ("one", "two"))
        add_round(small, truth)
        small.add_check_words({small.word_ids()[0]: [(1.0, 1.0, 5.0, 9.0)] * 3}, "Ada")

        def handed() -> Handed:
            return hand_out(
                small, "Ben", lambda limit, exclude: [], 4, [], mixed=True, undecided=True, chance=random.Random(0)
            )

        small.set_setting("check_share", 0.0)
        assert handed().leases == [], "nobody wants checks"
        small.set_setting("check_share", 0.01)
        found = handed()
        assert [(each.word_id, each.purpose) for each in found.leases] == [(small.word_ids()[0], "check")]
        assert not found.full
