"""What a round starts from: what was pretrained, flat, from its kin; and how far other methods disagree with it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from annotator import disagreements
from annotator.rounds import RoundCancelled, run_round
from charloc import checkpoint as on_disk
from charloc import pretrained
from charloc.methods import Checkpoint
from charloc.types import CharlocError, CheckpointError, Localization
from db import Store
from tests import fake_method
from tests.annotator.fakes import WORDS, believed, correct, stop_at, x0


@pytest.fixture
def project(fake_project: Path) -> Path:
    return fake_project


@pytest.fixture
def store(fake_store: Store) -> Store:
    return fake_store


# --- flat starts ------------------------------------------------------------------------------------------------------


def test_a_flat_start_needs_no_guess_and_later_rounds_go_on_from_it(store: Store, project: Path) -> None:
    word = store.word_ids()[0]
    correct(store, word, (4.0, 2.0, 24.0, 18.0))
    first, second = (run_round(store, project, "fake", init="flat", settings={"shift": 4.0}) for _ in range(2))
    assert [each.method for each in store.rounds()] == ["fake", "fake"]
    assert (first.number, first.parent_id, first.moved) == (0, None, 0)
    assert first.settings == {"shift": 4.0, "init": "flat"}
    assert fake_method.M_STEPS[0].localizations[0].boxes[0].tolist() == [4.0, 2.0, 24.0, 18.0]
    assert believed() == ["even", "fake"]
    assert x0(store, second.id, store.word_ids()[1]) == 8.0


def test_a_flat_start_uses_nothing_of_the_rounds_before(store: Store, project: Path) -> None:
    run_round(store, project, "fake")
    flat = run_round(store, project, "fake", init="flat", fresh=True)
    assert believed() == ["pretrained", "even"]
    assert flat.number == 2
    assert flat.moved == 0, "counted from the round before"
    store.add_words(fake_method.words(2, start=100))
    run_round(store, project, "fake", init="flat")
    assert believed()[-1] == "even+fake", "words that came later are split evenly, too"


@pytest.mark.parametrize("method", ["fake", "nephew"])
def test_what_did_not_start_flat_is_not_called_flat(store: Store, project: Path, method: str) -> None:
    run_round(store, project, "fake")
    with pytest.raises(KeyboardInterrupt):
        run_round(store, project, "fake", stop_at("localize", 5))
    with pytest.raises(CharlocError, match=rf"{method} .* round 1 \(fake\) learned.* Add --fresh"):
        run_round(store, project, method, init="flat")
    stopped = store.unfinished_round()
    assert stopped is not None and stopped.state == "interrupted", "not given up for what is refused"
    flat = run_round(store, project, method, init="flat", fresh=True)
    assert (flat.number, flat.settings) == (2, {"init": "flat", "fresh": True})
    assert believed()[-1] == "even"
    assert x0(store, run_round(store, project, method, init="flat").id, store.word_ids()[0]) == 2.0, "goes on"
    run_round(store, project, method)
    with pytest.raises(CharlocError, match="did not start flat"):
        run_round(store, project, method, init="flat")


def test_a_method_that_does_not_learn_has_no_start(store: Store, project: Path) -> None:
    assert run_round(store, project, "guess", init="flat").settings == {}


def test_a_stopped_flat_start_is_gone_on_with(store: Store, project: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_round(store, project, "fake", stop_at("localize", 5), init="flat")
    resumed = run_round(store, project, "fake", init="flat")
    assert (resumed.number, resumed.attempt, believed()) == (0, 2, ["even"])


# --- warm starts ------------------------------------------------------------------------------------------------------


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """The folder of what the fake method learned elsewhere: 5 px."""
    folder = tmp_path / "elsewhere"
    on_disk.write(folder, "fake", Checkpoint({"shift_px": np.asarray(5.0)}, {"method": "fake"}))
    return folder


@pytest.mark.parametrize(
    ("init", "method", "others"),
    [("pretrained", "pretrained", ("guess", "even")), ("guess", "guess", ("pretrained", "even"))],
)
def test_round_0_is_what_init_says_whatever_other_start_there_is(
    store: Store, project: Path, init: str, method: str, others: Sequence[str]
) -> None:
    first = run_round(store, project, "fake", init=init)
    assert [each.method for each in store.rounds()] == [method, "fake"]
    assert (store.rounds()[0].settings, first.settings) == ({}, {"init": init})
    for other in others:
        run_round(store, project, other)
        run_round(store, project, "fake", init=init, fresh=True)
    run_round(store, project, "nephew", init=init)
    run_round(store, project, "fake", init=init, fresh=True)
    assert believed() == [method, method, method, "fake", "nephew"]
    store.add_words(fake_method.words(2, start=100))
    run_round(store, project, "fake", init=init)
    assert believed()[-1] == f"fake+{method}", "words that came later, too"


def test_what_ships_is_gone_on_from(store: Store, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ships = Checkpoint({"shift_px": np.asarray(7.0)}, {"method": "fake", "charset": '["a", "b"]'})
    monkeypatch.setattr(pretrained, "shipped", lambda: ships)
    word = store.word_ids()[0]
    assert x0(store, run_round(store, project, "fake").id, word) == 8.0
    assert x0(store, run_round(store, project, "fake").id, word) == 9.0
    assert x0(store, run_round(store, project, "fake", fresh=True).id, word) == 8.0
    assert x0(store, run_round(store, project, "fake", fresh=True, init="guess").id, word) == 1.0
    assert x0(store, run_round(store, project, "fake", fresh=True, init="flat").id, word) == 1.0
    assert x0(store, run_round(store, project, "nephew", fresh=True).id, word) == 8.0, "its kin's"


def test_a_named_checkpoint_is_where_all_begins(store: Store, project: Path, elsewhere: Path) -> None:
    word = store.word_ids()[0]
    run_round(store, project, "pretrained")
    first, second = (run_round(store, project, "fake", start=elsewhere) for _ in range(2))
    assert (x0(store, first.id, word), x0(store, second.id, word)) == (6.0, 7.0)
    assert first.settings == {"init": "pretrained", "start": str(elsewhere)}
    assert fake_method.M_STEPS[0].localizations[0].boxes[0, 0] == 5.0, "not from what the one that ships proposed"
    assert x0(store, run_round(store, project, "fake").id, word) == 8.0, "goes on"
    assert x0(store, run_round(store, project, "pretrained", start=elsewhere).id, word) == 5.0


def test_a_named_checkpoint_makes_round_0(store: Store, project: Path, elsewhere: Path) -> None:
    run_round(store, project, "fake", start=elsewhere)
    zero = store.rounds()[0]
    assert (zero.method, zero.settings) == ("pretrained", {"start": str(elsewhere)})
    assert x0(store, zero.id, store.word_ids()[0]) == 5.0


def test_a_named_checkpoint_that_is_no_start_is_refused(store: Store, project: Path, elsewhere: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no checkpoint in .*nowhere"):
        run_round(store, project, "fake", start=project / "nowhere")
    with pytest.raises(CharlocError, match="'guess' has no setting 'start'"):
        run_round(store, project, "guess", start=elsewhere)
    with pytest.raises(CharlocError, match="flat starts from nothing"):
        run_round(store, project, "fake", start=elsewhere, init="flat")
    assert store.rounds() == []
    run_round(store, project, "fake")
    with pytest.raises(CharlocError, match=r"elsewhere: fake would go on from what round 1 .* Add --fresh"):
        run_round(store, project, "fake", start=elsewhere)
    assert x0(store, run_round(store, project, "fake", start=elsewhere, fresh=True).id, store.word_ids()[0]) == 6.0


# --- kin --------------------------------------------------------------------------------------------------------------


def test_a_method_starts_from_the_newest_that_it_or_its_kin_learned(store: Store, project: Path) -> None:
    word = store.word_ids()[0]
    run_round(store, project, "fake", settings={"shift": 3.0})
    assert x0(store, run_round(store, project, "nephew").id, word) == 4.0
    assert x0(store, run_round(store, project, "nephew").id, word) == 5.0
    fake = run_round(store, project, "fake", settings={"shift": 7.0})
    assert x0(store, fake.id, word) == 10.0, "a nephew is not its uncle's kin"
    assert x0(store, run_round(store, project, "nephew").id, word) == 11.0, "the newest: its uncle's"
    with pytest.raises(CheckpointError, match="learned by the method 'nephew', not by 'fake'"):
        on_disk.read(project / "checkpoints" / "round_2", "fake", kin=("guess",))
    assert on_disk.read(project / "checkpoints" / "round_1", "nephew", kin=("fake",)).settings["method"] == "fake"


# --- disagreement -----------------------------------------------------------------------------------------------------


def test_disagreement_is_with_the_newest_round_of_every_other_method(store: Store, project: Path) -> None:
    word, other = store.word_ids()[:2]
    first = run_round(store, project, "fake", settings={"shift": 10.0})
    found = store.disagreements(first.id, [word])[word]
    assert found is not None
    assert found[0] == pytest.approx(1 - 20 / 40)  # 30 px wide, 10 px from the guess
    assert store.disagreements(store.rounds()[0].id, [word]) == {word: None}
    correct(store, word, (4.0, 2.0, 24.0, 18.0))
    store.add_words(fake_method.words(1, start=100))
    new = store.word_ids()[-1]
    second = run_round(store, project, "fake", settings={"shift": 5.0})
    found = store.disagreements(second.id, [word, other, new])
    assert found[word] is not None and found[other] is not None
    assert found[word][0] == 0, "nobody disagrees with a person"
    assert found[other][0] == pytest.approx(1 - 15 / 45)
    assert found[new] is None, "no other method has seen it"


def test_disagreement_is_found_some_words_at_a_time(
    store: Store, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_round(store, project, "guess")
    asked: list[int] = []
    shown: list[tuple[str, int, int]] = []
    real = Store.proposals

    def proposals(self: Store, round_id: int, word_ids: Sequence[int]) -> dict[int, Localization]:
        asked.append(len(word_ids))
        return real(self, round_id, word_ids)

    monkeypatch.setattr(disagreements, "CHUNK", 5)
    monkeypatch.setattr(Store, "proposals", proposals)
    finished = run_round(store, project, "fake", lambda *progress: shown.append(progress))
    # What is worked out after the round, queues and oddities, asks again.
    assert [5, 5, 2] in [asked[start : start + 3] for start in range(len(asked))]
    assert [each for each in shown if each[0] == "save"] == [("save", done, WORDS) for done in (0, 5, 10, WORDS)]
    assert all(each is not None for each in store.disagreements(finished.id, store.word_ids()).values())
    with pytest.raises(RoundCancelled):
        run_round(store, project, "fake", stop_at("save", 10, RoundCancelled))
    assert [each.name for each in (project / "checkpoints").iterdir()] == ["round_1"]
