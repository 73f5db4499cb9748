"""Learning from rendered words: what comes out is a checkpoint that `segmental` goes on from, ink net included."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from charloc import checkpoint as on_disk
from charloc import descent, learning_ink
from charloc.glances import MORE_SIZES, SIZES
from charloc.learning import one_thread
from charloc.methods import Checkpoint, _learner, _teaching, make
from charloc.methods.segmental import Segmental
from charloc.pretraining import Effort, pretrain
from charloc.synth import Degradation, Rendered, load_font, render
from charloc.types import CheckpointError, Localization, TrainingSet

LETTERS = "aehilnost"
STEPS = 6
Report = tuple[str, int, int]


@pytest.fixture(scope="module", autouse=True)
def small_batches() -> object:
    """The same arithmetic on every processor, and little of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHARLOC_FLOAT32", "1")
        patch.setattr(descent, "BATCH", 4)
        patch.setattr(_learner, "BATCH", 4)
        patch.setattr(learning_ink, "BATCH", 4)
        yield


def words(count: int, seed: int) -> list[Rendered]:
    """Half of them on paper that is not flat, some of them lines."""
    rng = np.random.default_rng(seed)
    made = []
    for i in range(count):
        text = "".join(rng.choice(list(LETTERS), int(rng.integers(2, 5)))) + (" on" if i % 6 == 5 else "")
        shape = Degradation(noise=0.03 * (i % 2), paper=0.9, contrast=0.8, tracking_px=2, rules=i % 2)
        made.append(render(text, load_font(None, 20), rng, shape))
    return made


@pytest.fixture(scope="module")
def rendered() -> list[Rendered]:
    return words(24, 0)


@pytest.fixture(scope="module")
def reports() -> list[Report]:
    return []


@pytest.fixture(scope="module")
def learned(small_batches: object, rendered: list[Rendered], reports: list[Report]) -> Checkpoint:
    return pretrain(rendered, words(6, 9), Effort(STEPS), progress=lambda *report: reports.append(report))


def same(once: Checkpoint, again: Checkpoint) -> bool:
    return once.settings == again.settings and list(once.tensors) == list(again.tensors) and all(
        np.array_equal(once.tensors[name], again.tensors[name]) for name in once.tensors
    )  # fmt: skip


def test_it_knows_the_letters_it_was_shown(learned: Checkpoint) -> None:
    method = Segmental(learned)
    assert {*LETTERS} <= set(method.charset.symbols)
    assert method.net is not None and method.ink is not None
    assert not method.net.training and not method.ink.training
    assert {*LETTERS} <= set(method.measures.by_character)
    assert method.calibration is not None


def test_progress_says_what_is_done(learned: Checkpoint, reports: list[Report]) -> None:
    phases = list(dict.fromkeys(phase for phase, _, _ in reports))
    assert phases == ["learn ink", "prepare", "learn", "lay out", "learn boxes", "calibrate"]
    assert [report for report in reports if report[0] == "learn"][-1] == ("learn", STEPS, STEPS)
    for phase in phases:
        done = [report[1] for report in reports if report[0] == phase]
        assert done == list(range(done[-1] + 1))
        assert {report[2] for report in reports if report[0] == phase} == {done[-1]}


def test_the_checkpoint_comes_back_whole(learned: Checkpoint, tmp_path: Path) -> None:
    """Through the method and through a file, the ink net with it."""
    ink = {name for name in learned.tensors if name.startswith("ink.")}
    assert ink and ink < set(learned.tensors)
    assert same(Segmental(learned).checkpoint(), learned)
    on_disk.write(tmp_path / "kept", "segmental", learned, {})
    read = on_disk.read(tmp_path / "kept")
    assert same(Segmental(read).checkpoint(), learned)


def test_from_a_start_only_whole_spans_are_learned_and_what_confidence_is_worth(
    small_batches: object, learned: Checkpoint, rendered: list[Rendered]
) -> None:
    tensors = {name: each for name, each in learned.tensors.items() if not name.startswith("whole.")}
    older = Checkpoint(tensors, {key: each for key, each in learned.settings.items() if key != "knows_spans"})
    assert not Segmental(older).knows_spans and Segmental(learned).knows_spans
    again = pretrain(rendered, words(6, 9), Effort(STEPS), start=older)
    assert all(np.array_equal(again.tensors[name], each) for name, each in tensors.items())
    assert {*again.tensors} == {*learned.tensors} and Segmental(again).knows_spans
    fresh = pretrain(rendered, words(6, 9), Effort(1), start=older)
    assert not np.array_equal(again.tensors["whole.2.weight"], fresh.tensors["whole.2.weight"])
    assert again.settings["measures"] == learned.settings["measures"]
    calibrated = pretrain(rendered, words(12, 10), Effort(STEPS), start=again)
    assert all(np.array_equal(calibrated.tensors[name], each) for name, each in again.tensors.items())
    assert calibrated.settings["calibration"] != again.settings["calibration"]
    with pytest.raises(CheckpointError, match="does not know z"):
        pretrain([*rendered, render("zest", load_font(None, 20), np.random.default_rng(0))], (), Effort(1), start=older)


def test_from_a_start_only_where_boxes_end_is_learned_if_it_lacks_that(
    small_batches: object, learned: Checkpoint, rendered: list[Rendered]
) -> None:
    older = Checkpoint(learned.tensors, {k: each for k, each in learned.settings.items() if k != "taught"})
    assert not Segmental(older).taught and Segmental(learned).taught == len(Segmental(learned).charset.symbols)
    again = pretrain(rendered, words(6, 9), Effort(STEPS), start=older)
    changed = [name for name, each in learned.tensors.items() if not np.array_equal(again.tensors[name], each)]
    assert {name.split(".")[0] for name in changed} == {"box", "name"} and Segmental(again).taught
    assert again.settings["measures"] == learned.settings["measures"]


def test_more_is_learned_from_a_start_and_ink_stays(
    small_batches: object, learned: Checkpoint, rendered: list[Rendered]
) -> None:
    searched: set[int] = set()
    with pytest.MonkeyPatch.context() as patch:
        lay = Segmental._lay
        patch.setattr(Segmental, "_lay", lambda self, *some: (searched.add(self.rounds), lay(self, *some))[1])
        on = pretrain(rendered, words(6, 9), Effort(STEPS), start=learned, more="letters")
    assert searched == {2}, "letters are learned from true boxes as they are, only where they end is searched"
    assert {*on.tensors} == {*learned.tensors} and Segmental(on).knows_spans
    for name, each in learned.tensors.items():
        assert np.array_equal(on.tensors[name], each) == name.startswith("ink."), name
    assert on.settings["rounds"] == 2 and on.settings["warm"]
    assert on.settings["charset"] == learned.settings["charset"]
    again = pretrain(rendered, words(6, 9), Effort(STEPS), start=learned, more="letters")
    assert same(on, again)
    between = pretrain(rendered, words(6, 9), Effort(STEPS, kept=0.25), start=learned, more="letters")
    for name in ("classify.bias", "classify.weight"):
        expected = 0.25 * learned.tensors[name] + 0.75 * on.tensors[name]
        np.testing.assert_allclose(between.tensors[name], expected, atol=1e-6)
    # All of it is kept: the same batches at the rate of a round, then halfway back, are something else.
    method = Segmental(learned)
    sure = [Localization(each.boxes, np.ones(len(each.boxes), np.float32), 0.0, "rendered") for each in rendered]
    whole = [each.word(i) for i, each in enumerate(rendered)]
    method.m_step(TrainingSet(whole, sure, [()] * len(whole), np.ones(len(whole), np.float32)), steps=STEPS)
    before, half, full = (each["classify.bias"] for each in (learned.tensors, method.checkpoint().tensors, on.tensors))
    assert 0 < np.abs(half - before).max() < np.abs(full - before).max()


def test_more_is_learned_of_ink_from_a_start_and_letters_stay(
    small_batches: object, learned: Checkpoint, rendered: list[Rendered]
) -> None:
    on = pretrain(rendered, words(6, 9), Effort(STEPS), start=learned, more="ink")
    kinds = {name.split(".")[0] for name, each in learned.tensors.items() if not np.array_equal(on.tensors[name], each)}
    assert kinds == {"ink", "box", "name"}, "where boxes end depends on the ink"
    assert on.settings["measures"] == learned.settings["measures"] and on.settings["rounds"] == 1
    assert on.settings["calibration"] != learned.settings["calibration"]
    again = pretrain(rendered, words(6, 9), Effort(STEPS), start=learned, more="ink")
    assert same(on, again)
    other = [*rendered, render("zest", load_font(None, 20), np.random.default_rng(0))]
    with pytest.raises(CheckpointError, match="does not know z"):
        pretrain(other, (), Effort(1), start=learned, more="ink")


def test_without_the_ink_net_there_is_none(learned: Checkpoint) -> None:
    """Checkpoints of earlier versions have none; one with half of it is refused."""
    tensors = {name: each for name, each in learned.tensors.items() if not name.startswith("ink.")}
    older = Segmental(Checkpoint(tensors, learned.settings))
    assert older.ink is None and older.net is not None
    assert set(older.checkpoint().tensors) == set(tensors)
    some = next(name for name in learned.tensors if name.startswith("ink."))
    with pytest.raises(CheckpointError, match="does not fit"):
        Segmental(Checkpoint(tensors | {some: learned.tensors[some]}, learned.settings))


def test_it_localizes_words_it_has_not_seen(learned: Checkpoint) -> None:
    unseen = words(12, 1)
    found = make("segmental", learned).e_step([each.word(i) for i, each in enumerate(unseen)], [()] * len(unseen))
    for each, localized in zip(unseen, found, strict=True):
        space = np.array([c == " " for c in each.text])
        boxes = localized.boxes[~space]
        height, width = each.pixels.shape
        assert np.isnan(localized.boxes[space]).all()
        assert (boxes[:, :2] >= 0).all() and (boxes[:, 2:] <= (width, height)).all()
        assert (boxes[:, 2:] > boxes[:, :2]).all()
        assert (np.diff(boxes[:, 0]) > 0).all()
        assert ((localized.confidence >= 0) & (localized.confidence <= 1))[~space].all()


def test_its_ink_net_is_asked_about_every_word(
    learned: Checkpoint, rendered: list[Rendered], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it does not take for ink has no box: here, the right half of the picture."""
    method = Segmental(learned)
    asked = []

    def left_half(net: object, pixels: np.ndarray, soft: np.ndarray) -> np.ndarray:
        assert net is method.ink
        asked.append(pixels.shape)
        return np.where(np.arange(soft.shape[1]) < soft.shape[1] / 2, np.float32(1), np.float32(0)) * (soft > 0.5)

    monkeypatch.setattr(_learner, "own_ink", left_half)
    noisy = [each.word(i) for i, each in enumerate(rendered[1:4:2])]
    for word, found in zip(noisy, method.e_step(noisy, [()] * 2), strict=True):
        assert found.boxes[:, 2].max() < 0.75 * word.pixels.shape[1]
    assert {word.pixels.shape for word in noisy} <= {*asked}
    count = len(asked)
    apart = sum(method.prepare(word).more is not None for word in noisy)
    assert count == len(noisy) * (1 + len(SIZES)) + apart * len(MORE_SIZES)


def test_the_same_seed_learns_the_same(rendered: list[Rendered]) -> None:
    once, again, other = (pretrain(rendered[:6], (), Effort(2, seed)) for seed in (1, 1, 2))
    assert same(once, again)
    assert not same(once, other)


@pytest.fixture
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> int:
    """How many words a process is given at once."""
    monkeypatch.setattr(_teaching, "CHUNK", 5)
    return 5


def test_several_processes_learn_the_same(learned: Checkpoint, few_at_once: int) -> None:
    """More words than a process is given at once: what confidence is worth is found out of all of them, in order."""
    held_out = words(3 * few_at_once + 1, 4)
    with one_thread():  # as each of several processes has
        alone, together = (pretrain([], held_out, Effort(1, workers=n), start=learned) for n in (1, 2))
    assert alone.settings["calibration"] != learned.settings["calibration"]
    assert same(alone, together)


def test_whoever_stops_it_while_others_work_is_heard(learned: Checkpoint, few_at_once: int) -> None:
    held_out, stop = words(3 * few_at_once + 1, 4), stop_at("calibrate", few_at_once)
    with pytest.raises(InterruptedError, match="calibrate"):
        pretrain([], held_out, Effort(1, workers=2), start=learned, progress=stop)


def stop_at(phase: str, done: int) -> Callable[[str, int, int], None]:
    def progress(*report: object) -> None:
        if report[:2] == (phase, done):
            raise InterruptedError(phase)

    return progress


@pytest.mark.parametrize(
    ("phase", "done"),
    [("learn ink", 1), ("prepare", 2), ("learn", 1), ("lay out", 1), ("learn boxes", 1), ("calibrate", 1)],
)
def test_whoever_stops_it_is_heard(rendered: list[Rendered], phase: str, done: int) -> None:
    with pytest.raises(InterruptedError, match=phase):
        pretrain(rendered[:6], rendered[6:9], Effort(3), progress=stop_at(phase, done))
