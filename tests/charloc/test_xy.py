"""EM for x and y on a few dozen words: from a guess, from nothing; what is held, kept, refused and survived."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from charloc import checkpoint as on_disk
from charloc.em import first_guess, run_round
from charloc.methods import Checkpoint, Method, make, xy
from charloc.methods.xy import Xy
from charloc.places import Steps
from charloc.types import CharlocError, CheckpointError, Pin, Pins, WordImage
from tests.small_rounds import (
    CONTRADICTING,
    Learned,
    check_few_at_a_time,
    check_odd,
    hidden,
    learn,
    line_r50,
    odd_words,
    r50,
    set_steps,
    simple_words,
    small_batches,
    training,
)


@pytest.fixture(scope="module", autouse=True)
def small() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        small_batches(patch)
        set_steps(patch, xy, 50)
        yield


@pytest.fixture(scope="module")
def learned(small: object) -> Learned:
    """One round from the first guess."""
    return learn("xy")


def restored(learned: Learned, **settings: object) -> Xy:
    return Xy(learned.result.checkpoint, **settings)  # type: ignore[arg-type]


# --- a round ----------------------------------------------------------------------------------------------------------


def test_from_a_guess_it_is_better_than_an_even_split(learned: Learned) -> None:
    assert r50(learned.rendered, learned.result.localizations) > r50(learned.rendered, learned.even) + 0.15
    for word, found in zip(learned.words, learned.result.localizations, strict=True):
        assert found.method == "xy"
        height, width = word.pixels.shape
        assert (found.boxes[:, :2] >= 0).all() and (found.boxes[:, 2:] <= (width, height)).all()
        assert (found.boxes[:, 2:] > found.boxes[:, :2]).all()
        assert ((found.confidence >= 0) & (found.confidence <= 1)).all()
        assert np.isfinite(found.score)


def test_from_nothing_it_is_better_than_an_even_split(monkeypatch: pytest.MonkeyPatch) -> None:
    set_steps(monkeypatch, xy, 50)
    rendered = simple_words()
    words = [each.word(i) for i, each in enumerate(rendered)]
    nothing: list[Pins] = [()] * len(words)
    even = first_guess(words, nothing, first="even")
    result = run_round("xy", words, even, nothing, np.ones(len(words), np.float32), first="even")
    assert set(result.learned) == {"flat_loss", "class_loss", "box_loss"}
    assert r50(rendered, result.localizations) > r50(rendered, even) + 0.1


def test_a_flat_start_knows_nothing_of_the_positions(learned: Learned, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is believed with confidence 0 might as well be anywhere."""
    set_steps(monkeypatch, xy, 6)
    even = learned.even[:4]
    elsewhere = [replace(each, boxes=each.boxes * np.float32(0.5)) for each in even]
    tensors = []
    for beliefs in (even, elsewhere):
        method = Xy()
        assert "flat_loss" in method.m_step(training(learned.words[:4], beliefs))
        tensors.append(method.checkpoint().tensors)
    for name in tensors[0]:
        np.testing.assert_array_equal(tensors[0][name], tensors[1][name], err_msg=name)


def test_only_the_first_round_is_a_flat_start(learned: Learned, monkeypatch: pytest.MonkeyPatch) -> None:
    set_steps(monkeypatch, xy, 6)
    words = learned.words[:4]
    assert set(restored(learned).m_step(training(words, learned.even[:4]))) == {"class_loss", "box_loss"}
    assert set(Xy().m_step(training(words, learned.guess[:4]))) == {"class_loss", "box_loss"}


def test_progress_of_a_round(learned: Learned) -> None:
    phases = list(dict.fromkeys(phase for phase, _, _ in learned.reports))
    assert phases[:3] == ["look", "prepare", "learn"] and phases[-1] == "localize"
    for phase in phases:
        done = [report[1] for report in learned.reports if report[0] == phase]
        assert done == sorted(done)
        assert {report[2] for report in learned.reports if report[0] == phase} == {done[-1]}


def test_it_is_a_method(learned: Learned) -> None:
    method = make("xy", learned.result.checkpoint)
    assert isinstance(method, Method)
    assert method.learns and method.honours_pins


def test_beams(learned: Learned) -> None:
    """Of one hypothesis at the least; as many as there are candidates find the best path, fewer none better."""
    with pytest.raises(CharlocError, match="beam is 0; it has to be 1 or more"):
        make("xy", None, beam=0)
    with pytest.raises(CharlocError, match="expected a whole number"):
        make("xy", None, beam=1.5)
    narrow, usual, exact = (
        restored(learned, beam=beam).e_step(learned.words, [()] * len(learned.words)) for beam in (1, 32, 10_000)
    )
    for one, other, best in zip(narrow, usual, exact, strict=True):
        assert one.score <= other.score + 1e-4 <= best.score + 2e-4
        assert np.isfinite(one.boxes).all()
    assert sum(one.score for one in narrow) < sum(best.score for best in exact)


def test_one_by_one_or_in_batches_it_is_the_same(learned: Learned) -> None:
    method = restored(learned)
    sizes = [word.pixels.shape for word in learned.words]
    chosen = {int(pick([size[axis] for size in sizes])) for pick in (np.argmin, np.argmax) for axis in (0, 1)}
    for i in chosen:
        (alone,) = method.e_step([learned.words[i]], [()])
        together = learned.result.localizations[i]
        np.testing.assert_allclose(alone.boxes, together.boxes, atol=2e-3)
        np.testing.assert_allclose(alone.confidence, together.confidence, atol=2e-3)
        assert alone.score == pytest.approx(together.score, abs=1e-2)
    assert method.e_step([], []) == []


# --- what people said -------------------------------------------------------------------------------------------------


def test_pinned_characters_come_back_exactly_with_their_neighbours_beside_them(learned: Learned) -> None:
    i = learned.long
    # The third character pinned where the fourth is.
    box = tuple((learned.rendered[i].boxes[3] + [0.3, -0.2, 1.7, 0.1]).astype(float).tolist())
    (found,) = restored(learned).e_step([learned.words[i]], [(Pin(2, box), Pin(5, None, "invisible"))])
    np.testing.assert_array_equal(found.boxes[2], np.array(box, np.float32))
    assert np.isnan(found.boxes[5]).all()
    assert found.confidence[[2, 5]].tolist() == [1, 1]
    middle = (found.boxes[:, 0] + found.boxes[:, 2]) / 2
    assert (np.diff(middle[:5]) > 0).all()


def test_the_search_goes_through_what_is_pinned(learned: Learned) -> None:
    """Though the net does not believe it, and whatever the beam."""
    i = learned.long
    word, box = learned.words[i], tuple((learned.rendered[i].boxes[3] + [1, -9, 2, -9]).astype(float).tolist())
    order = list(range(len(word.characters)))
    seen = xy._look(word)
    for beam in (1, 32):
        method = restored(learned, beam=beam)
        (field,) = method._evidence([seen.plane], None)
        classes = method.charset.encode(word.characters)
        at, sure, score = method._search(seen, field, order, word.characters, np.array(order), classes, (Pin(2, box),))
        middle = np.array([box[0] + box[2], box[1] + box[3]]) / 2
        np.testing.assert_allclose(seen.plane.to_picture(at[2]), middle, atol=1e-3)
        assert (np.diff(at[:, 0]) > 0).all()
        assert sure[2] == 1 and np.isfinite(score)


@pytest.mark.parametrize("boxes", CONTRADICTING)
def test_contradicting_pins_do_not_end_a_round(learned: Learned, boxes: tuple[tuple[float, ...], ...]) -> None:
    """The facts are kept as they are; the rest is localized as if there were none."""
    i = learned.long
    pins = (Pin(0, boxes[0]), Pin(2, boxes[1]))  # type: ignore[arg-type]
    free, found = (restored(learned).e_step([learned.words[i]], [facts])[0] for facts in ((), pins))
    assert found.boxes[[0, 2]].tolist() == [list(each) for each in boxes]
    rest = [k for k in range(len(free.boxes)) if k not in (0, 2)]
    np.testing.assert_array_equal(found.boxes[rest], free.boxes[rest])


def test_pins_outside_of_the_picture_are_kept(learned: Learned) -> None:
    i = learned.long
    for k, box in ((0, (-50.0, -50.0, -20.0, -20.0)), (3, (500.0, 0.0, 900.0, 10.0))):
        (found,) = restored(learned).e_step([learned.words[i]], [(Pin(k, box),)])
        assert found.boxes[k].tolist() == list(box)
        assert np.isfinite(found.boxes).all()


def test_what_is_pinned_is_learned_there(learned: Learned) -> None:
    """What a net learns from a pinned word is the person's box, as given, and with more weight."""
    word, box = learned.words[0], (3.0, 4.0, 15.0, 22.0)
    method = restored(learned)
    pins: list[Pins] = [(Pin(1, box), Pin(0, None, "invisible"))]
    ((letters, sample),) = method._samples(
        training([word], learned.guess[:1], pins=pins), learned.guess[:1], [0], lambda *_: None
    )
    assert letters == list(word.characters[1:])
    assert sample.pinned.tolist() == [True] + [False] * (len(letters) - 1)
    np.testing.assert_allclose(xy._look(word).plane.to_picture(sample.boxes[0]), box, atol=1e-3)
    assert sample.weights[0] == 8 and (sample.weights[1:] <= 1).all()
    assert sample.repeat == 4


# --- words that are not as they should be -----------------------------------------------------------------------------


def test_large_pictures_are_localized_few_at_a_time(monkeypatch: pytest.MonkeyPatch, learned: Learned) -> None:
    check_few_at_a_time(monkeypatch, restored(learned), learned.words)


def test_odd_words_survive_the_e_step(learned: Learned) -> None:
    words = odd_words(learned.words[0])
    check_odd(words, restored(learned).e_step(words, [()] * len(words)))


@pytest.mark.parametrize("first", ["guess", "even"])
def test_odd_words_survive_the_m_step(learned: Learned, first: str, monkeypatch: pytest.MonkeyPatch) -> None:
    set_steps(monkeypatch, xy, 6)
    words = [*learned.words[:4], *odd_words(learned.words[0])]
    pins: list[Pins] = [()] * len(words)
    pins[0] = (Pin(0, (30.0, 5.0, 40.0, 20.0)), Pin(1, (10.0, 5.0, 20.0, 20.0)))
    (pins[1],) = hidden(words[1:2])
    beliefs = first_guess(words, pins, first=first)
    numbers = Xy().m_step(training(words, beliefs, pins=pins))
    assert np.isfinite(list(numbers.values())).all()


def test_what_has_no_path_is_spread_over_the_ink(learned: Learned, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a tall picture with the word far down: the ink's x is not to be taken for its y."""
    rendered = learned.rendered[2]
    pixels = np.full((600, rendered.pixels.shape[1]), np.median(rendered.pixels), np.uint8)
    pixels[-len(rendered.pixels) :] = rendered.pixels
    word = WordImage(1, "low", pixels, tuple(rendered.text))
    count = len(word.characters)
    monkeypatch.setattr(xy, "best_path", lambda *_: (np.full(count, -1, np.int32), -np.inf))
    (found,) = restored(learned).e_step([word], [()])
    assert not found.confidence.any()
    middle = (found.boxes[:, 0] + found.boxes[:, 2]) / 2
    assert (np.diff(middle) > 0).all()
    true = (rendered.boxes[:, 0] + rendered.boxes[:, 2]) / 2
    assert np.abs(middle - true).max() < 0.35 * np.ptp(true)


def test_lines_with_spaces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Letters after a space are found where they are, the space has no box; longer lines than any that was learned."""
    set_steps(monkeypatch, xy, 70)
    words = [each.word(i) for i, each in enumerate(simple_words("Solida"))]
    method = Xy()
    method.m_step(training(words, first_guess(words, [()] * len(words), first="guess")))
    for text in ("Solid aS lad oil", "Soda " * 12 + "S"):
        assert line_r50(text, lambda word: method.e_step([word], [()])[0]) > 0.85


# --- what is kept -----------------------------------------------------------------------------------------------------


def test_a_checkpoint_read_back_localizes_the_same(learned: Learned, tmp_path: Path) -> None:
    assert learned.result.checkpoint is not None
    on_disk.write(tmp_path / "round_1", "xy", learned.result.checkpoint)
    again = Xy(on_disk.read(tmp_path / "round_1", "xy"))
    found = again.e_step(learned.words[:8], [()] * 8)
    for one, other in zip(found, restored(learned).e_step(learned.words[:8], [()] * 8), strict=True):
        np.testing.assert_array_equal(one.boxes, other.boxes)
        np.testing.assert_array_equal(one.confidence, other.confidence)
        assert one.score == other.score
    assert again.steps == restored(learned).steps != Steps({}, 0.15)


def test_new_characters_are_added_and_the_old_ones_keep_what_was_learned(
    learned: Learned, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = restored(learned)
    before = method.charset.symbols
    monkeypatch.setattr(xy, "train_points", lambda *_: {})  # only the growing is at stake
    strange = replace(learned.words[0], characters=("ß", *learned.words[0].characters[1:]))
    method.m_step(training([strange, learned.words[1]], learned.guess[:2]))
    assert method.charset.symbols == (*before, "ß")
    old, new = (Xy(each).net for each in (learned.result.checkpoint, method.checkpoint()))
    assert old is not None and new is not None
    for name, tensor in old.state_dict().items():
        grown = new.state_dict()[name]
        assert torch.equal(grown[: len(tensor)] if tensor.ndim else grown, tensor), name
    assert method.rounds == 2


def test_a_fresh_one_cannot_localize(learned: Learned) -> None:
    with pytest.raises(CharlocError, match="learned nothing yet"):
        Xy().e_step(learned.words[:1], [()])


def test_checkpoints_of_something_else_are_refused(learned: Learned) -> None:
    with pytest.raises(CheckpointError, match="of the method 'even', not 'xy'"):
        Xy(make("even").checkpoint())
    mine = learned.result.checkpoint
    assert mine is not None
    tensors = {name: each[:1] if each.ndim else each for name, each in mine.tensors.items()}
    with pytest.raises(CheckpointError, match="does not fit"):
        Xy(Checkpoint(tensors, mine.settings))


# --- what is learned --------------------------------------------------------------------------------------------------


def test_nothing_to_learn_from(learned: Learned) -> None:
    words = learned.words[:2]
    flagged = training(words, learned.guess[:2], weights=np.zeros(2, np.float32))
    invisible = training(words, first_guess(words, hidden(words), first="guess"), pins=hidden(words))
    for nothing in (flagged, invisible):
        with pytest.raises(CharlocError, match="nothing to learn from"):
            Xy().m_step(nothing)
    long = replace(words[0], characters=tuple("e" * 300))
    with pytest.raises(CharlocError, match="no picture has room for its transcript"):
        Xy().m_step(training([long], first_guess([long], [()], first="even")))


@pytest.mark.parametrize("first", ["guess", "even"])
def test_flagged_words_teach_nothing_and_learning_is_repeatable(
    learned: Learned, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_steps(monkeypatch, xy, 6)
    every = learned.guess if first == "guess" else learned.even
    words, beliefs = learned.words[:4], every[:4]
    sound = Xy()
    sound.m_step(training(words, beliefs))
    wrong = [replace(word, characters=("ß",) * len(word.characters)) for word in learned.words[4:6]]
    weights = np.array([1] * 4 + [0] * 2, np.float32)
    mixed = Xy()
    mixed.m_step(training(words + wrong, every[:6], weights=weights))
    assert mixed.charset == sound.charset
    assert mixed.steps == sound.steps
    one, other = sound.checkpoint().tensors, mixed.checkpoint().tensors
    for name in one:
        np.testing.assert_allclose(one[name], other[name], atol=1e-6, err_msg=name)


def test_learning_can_be_stopped(learned: Learned) -> None:
    def stop(phase: str, done: int, total: int) -> None:
        if phase == "learn" and done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Xy().m_step(training(learned.words[:4], learned.guess[:4]), stop)
