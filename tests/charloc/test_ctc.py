"""CTC as EM on a few dozen rendered words: from a guess, from nothing; what is held, kept, refused and survived."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from charloc import checkpoint as on_disk
from charloc.em import first_guess, run_round
from charloc.methods import Checkpoint, Method, ctc, make, silent
from charloc.methods._learner import look, nothing_believed
from charloc.methods.ctc import Ctc
from charloc.nets import STRIDE
from charloc.types import CharlocError, CheckpointError, Pin, Pins
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
        set_steps(patch, ctc, 60)
        yield


@pytest.fixture(scope="module")
def learned(small: object) -> Learned:
    """One round from the first guess."""
    return learn("ctc")


def restored(learned: Learned, **settings: object) -> Ctc:
    return Ctc(learned.result.checkpoint, **settings)  # type: ignore[arg-type]


# --- a round ----------------------------------------------------------------------------------------------------------


def test_from_a_guess_it_is_better_than_an_even_split(learned: Learned) -> None:
    assert r50(learned.rendered, learned.result.localizations) > r50(learned.rendered, learned.even) + 0.1
    assert learned.result.learned["steps"] == 60
    for word, found in zip(learned.words, learned.result.localizations, strict=True):
        assert found.method == "ctc"
        height, width = word.pixels.shape
        assert (found.boxes[:, :2] >= 0).all() and (found.boxes[:, 2:] <= (width, height)).all()
        assert (found.boxes[:, 2:] > found.boxes[:, :2]).all()
        assert ((found.confidence >= 0) & (found.confidence <= 1)).all()
        assert np.isfinite(found.score)


def test_from_nothing_it_is_better_than_an_even_split(monkeypatch: pytest.MonkeyPatch) -> None:
    set_steps(monkeypatch, ctc, 200)
    rendered = simple_words()
    words = [each.word(i) for i, each in enumerate(rendered)]
    nothing: list[Pins] = [()] * len(words)
    even = first_guess(words, nothing, first="even")
    result = run_round("ctc", words, even, nothing, np.ones(len(words), np.float32), first="even")
    assert r50(rendered, result.localizations) > r50(rendered, even) + 0.1


def test_a_flat_start_knows_nothing_of_the_positions(learned: Learned, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is believed with confidence 0 might as well be anywhere."""
    set_steps(monkeypatch, ctc, 6)
    even = learned.even[:4]
    elsewhere = [replace(each, boxes=each.boxes * np.float32(0.5)) for each in even]
    tensors = []
    for beliefs in (even, elsewhere):
        method = Ctc()
        method.m_step(training(learned.words[:4], beliefs))
        tensors.append(method.checkpoint().tensors)
    for name in tensors[0]:
        np.testing.assert_array_equal(tensors[0][name], tensors[1][name], err_msg=name)


def test_what_is_a_flat_start(learned: Learned) -> None:
    words, box = learned.words[:2], (5.0, 5.0, 15.0, 15.0)
    partly: list[Pins] = [(Pin(0, box),), (Pin(0, box),)]
    fully: list[Pins] = [tuple(Pin(i, box) for i in range(len(word.characters))) for word in words]
    for beliefs, flat in ((learned.guess[:2], False), (learned.even[:2], True)):
        assert nothing_believed(training(words, beliefs), [0, 1]) == flat
        pinned = [replace(each, confidence=np.array([1, *each.confidence[1:]], "f4")) for each in beliefs]
        assert nothing_believed(training(words, pinned, pins=partly), [0, 1]) == flat
        assert not nothing_believed(training(words, beliefs, pins=fully), [0, 1])
        assert nothing_believed(training(words, beliefs, pins=[fully[0], ()]), [0, 1]) == flat
    assert not nothing_believed(training(words, [learned.even[0], learned.guess[1]]), [0, 1])
    assert nothing_believed(training(words, [learned.even[0], learned.guess[1]]), [0])


@pytest.mark.parametrize(("alignment", "loss"), [("hard", "cross_entropy"), ("soft", "mse"), ("hard", "mse")])
def test_other_alignments_and_losses_learn_too(monkeypatch: pytest.MonkeyPatch, alignment: str, loss: str) -> None:
    set_steps(monkeypatch, ctc, 100)
    rendered = simple_words("Solida")
    words = [each.word(i) for i, each in enumerate(rendered)]
    guess, even = (first_guess(words, [()] * len(words), first=first) for first in ("guess", "even"))
    method = make("ctc", None, alignment=alignment, loss=loss)
    numbers = method.m_step(training(words, guess))
    assert np.isfinite(list(numbers.values())).all()
    assert r50(rendered, method.e_step(words, [()] * len(words))) > r50(rendered, even) + 0.1


def test_progress_of_a_round(learned: Learned) -> None:
    phases = list(dict.fromkeys(phase for phase, _, _ in learned.reports))
    assert phases == ["look", "prepare", "learn", "measure", "localize"]
    for phase in phases:
        done = [report[1] for report in learned.reports if report[0] == phase]
        assert done == sorted(done)
        assert {report[2] for report in learned.reports if report[0] == phase} == {done[-1]}


def test_it_is_a_method(learned: Learned) -> None:
    method = make("ctc", learned.result.checkpoint)
    assert isinstance(method, Method)
    assert method.learns and method.honours_pins


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(CharlocError, match="alignment is 'medium'; it can be soft or hard"):
        make("ctc", None, alignment="medium")
    with pytest.raises(CharlocError, match="loss is 'l1'; it can be cross_entropy or mse"):
        make("ctc", None, loss="l1")
    with pytest.raises(CharlocError, match="prior is 'much'; it can be a number from 0 to 1"):
        make("ctc", None, prior="much")


def test_a_round_goes_on_with_the_settings_it_was_learned_with() -> None:
    """Its kin too: what an alignment says holds for the prior it was learned under."""
    first = make("ctc", None, alignment="hard", loss="mse", prior=0.1).checkpoint()
    for name in ("ctc", "gradient", "masking"):
        again = make(name, first)
        assert isinstance(again, ctc.Ctc)
        assert (again.alignment, again.loss, again.prior) == ("hard", "mse", 0.1)
    inner = getattr(make("brute_xy", first), "ctc")  # noqa: B009
    assert (inner.alignment, inner.loss, inner.prior) == ("hard", "mse", 0.1)
    other = make("ctc", first, prior=0)
    assert isinstance(other, ctc.Ctc)
    assert (other.hard, other.prior) == (True, 0.0)


def test_one_by_one_or_in_batches_it_is_the_same(learned: Learned) -> None:
    method = restored(learned)
    widths = [word.pixels.shape[1] for word in learned.words]
    for i in (int(np.argmin(widths)), int(np.argmax(widths)), 5):
        (alone,) = method.e_step([learned.words[i]], [()])
        together = learned.result.localizations[i]
        np.testing.assert_allclose(alone.boxes, together.boxes, atol=1e-3)
        np.testing.assert_allclose(alone.confidence, together.confidence, atol=1e-3)
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
    assert (found.boxes[:2, 2] <= box[0] + 2).all()
    assert found.boxes[3, 0] >= box[2] - 2


def test_the_alignment_emits_what_is_pinned_within_its_box(learned: Learned) -> None:
    """Though the net does not believe it; and the others before and after."""
    i = learned.long
    word, box = learned.words[i], tuple(learned.rendered[i].boxes[3].astype(float).tolist())
    seen = look(word)
    for alignment in ("soft", "hard"):
        method = restored(learned, alignment=alignment)
        (aligned,) = method.align([word], [(Pin(2, box),)], [seen])
        assert aligned is not None
        at = np.flatnonzero(aligned.occupation[:, 2] > 1e-6) * STRIDE / seen.view.scale + seen.view.origin
        columns = seen.ink.upright_column(np.array(box)[[0, 2]], (box[1] + box[3]) / 2)
        assert columns[0] - 3 <= at[0] and at[-1] <= columns[1] + 3
        points = method._points(seen, aligned, word.characters)
        assert (points[:2] < columns[1]).all() and (points[3:] > columns[0]).all()


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


# --- words that are not as they should be -----------------------------------------------------------------------------


def test_large_pictures_are_localized_few_at_a_time(monkeypatch: pytest.MonkeyPatch, learned: Learned) -> None:
    check_few_at_a_time(monkeypatch, restored(learned), learned.words)


def test_odd_words_survive_the_e_step(learned: Learned) -> None:
    words = odd_words(learned.words[0])
    check_odd(words, restored(learned).e_step(words, [()] * len(words)))


@pytest.mark.parametrize("first", ["guess", "even"])
def test_odd_words_survive_the_m_step(learned: Learned, first: str, monkeypatch: pytest.MonkeyPatch) -> None:
    set_steps(monkeypatch, ctc, 6)
    words = [*learned.words[:4], *odd_words(learned.words[0])]
    pins: list[Pins] = [()] * len(words)
    pins[0] = (Pin(0, (30.0, 5.0, 40.0, 20.0)), Pin(1, (10.0, 5.0, 20.0, 20.0)))
    (pins[1],) = hidden(words[1:2])
    beliefs = first_guess(words, pins, first=first)
    numbers = Ctc().m_step(training(words, beliefs, pins=pins))
    assert np.isfinite(list(numbers.values())).all()


def test_lines_with_spaces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Letters after a space are found where they are, the space has no box; longer lines than any that was learned."""
    set_steps(monkeypatch, ctc, 120)
    words = [each.word(i) for i, each in enumerate(simple_words("Solida"))]
    method = Ctc()
    method.m_step(training(words, first_guess(words, [()] * len(words), first="guess")))
    for text in ("Solid aS lad oil", "Soda " * 8 + "S"):
        assert line_r50(text, lambda word: method.e_step([word], [()])[0]) > 0.85


# --- what is kept -----------------------------------------------------------------------------------------------------


def test_a_checkpoint_read_back_localizes_the_same(learned: Learned, tmp_path: Path) -> None:
    assert learned.result.checkpoint is not None
    on_disk.write(tmp_path / "round_1", "ctc", learned.result.checkpoint)
    again = Ctc(on_disk.read(tmp_path / "round_1", "ctc"))
    found = again.e_step(learned.words[:8], [()] * 8)
    for one, other in zip(found, restored(learned).e_step(learned.words[:8], [()] * 8), strict=True):
        np.testing.assert_array_equal(one.boxes, other.boxes)
        np.testing.assert_array_equal(one.confidence, other.confidence)
        assert one.score == other.score
    assert again.bias == restored(learned).bias != {}


def test_new_characters_are_added_and_the_old_ones_keep_what_was_learned(
    learned: Learned, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = restored(learned)
    before, prior = method.charset.symbols, method.log_prior
    monkeypatch.setattr(ctc, "train", lambda *given, **_: ({}, given[5]))  # only the growing is at stake
    strange = replace(learned.words[0], characters=("ß", *learned.words[0].characters[1:]))
    method.m_step(training([strange, learned.words[1]], learned.guess[:2]))
    assert method.charset.symbols == (*before, "ß")
    old, new = (Ctc(each).net for each in (learned.result.checkpoint, method.checkpoint()))
    assert old is not None and new is not None
    for name, tensor in old.state_dict().items():
        grown = new.state_dict()[name]
        assert torch.equal(grown[: len(tensor)] if tensor.ndim else grown, tensor), name
    np.testing.assert_allclose(method.log_prior[:-1], prior, rtol=1e-5)
    assert np.isfinite(method.log_prior).all()
    assert method.rounds == 2


def test_a_second_round_learns_new_characters(learned: Learned, monkeypatch: pytest.MonkeyPatch) -> None:
    set_steps(monkeypatch, ctc, 60)
    words = [replace(word, characters=tuple(c.upper() for c in word.characters)) for word in learned.words[:8]]
    result = run_round("ctc", words, learned.guess[:8], [()] * 8, np.ones(8, np.float32), first="guess",
                       parent=learned.result.checkpoint)  # fmt: skip
    assert result.learned["steps"] == 20
    assert result.checkpoint is not None and result.checkpoint.settings["rounds"] == 2
    assert r50(learned.rendered[:8], result.localizations) > 0.5


def test_a_fresh_one_cannot_localize(learned: Learned) -> None:
    with pytest.raises(CharlocError, match="learned nothing yet"):
        Ctc().e_step(learned.words[:1], [()])


def test_checkpoints_of_something_else_are_refused(learned: Learned) -> None:
    with pytest.raises(CheckpointError, match="of the method 'even', not 'ctc'"):
        Ctc(make("even").checkpoint())
    mine = learned.result.checkpoint
    assert mine is not None
    tensors = {name: each[:1] if each.ndim else each for name, each in mine.tensors.items()}
    with pytest.raises(CheckpointError, match="does not fit"):
        Ctc(Checkpoint(tensors, mine.settings))


# --- what is learned --------------------------------------------------------------------------------------------------


def test_nothing_to_learn_from(learned: Learned) -> None:
    words = learned.words[:2]
    flagged = training(words, learned.guess[:2], weights=np.zeros(2, np.float32))
    invisible = training(words, first_guess(words, hidden(words), first="guess"), pins=hidden(words))
    for nothing in (flagged, invisible):
        with pytest.raises(CharlocError, match="nothing to learn from"):
            Ctc().m_step(nothing)


def test_flagged_words_teach_nothing_and_learning_is_repeatable(
    learned: Learned, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_steps(monkeypatch, ctc, 6)
    words, beliefs = learned.words[:8], learned.guess[:8]
    sound = Ctc()
    sound.m_step(training(words, beliefs))
    wrong = [replace(word, characters=("ß",) * len(word.characters)) for word in learned.words[8:12]]
    weights = np.array([1] * 8 + [0] * 4, np.float32)
    mixed = Ctc()
    mixed.m_step(training(words + wrong, learned.guess[:12], weights=weights))
    assert mixed.charset == sound.charset
    assert mixed.bias == pytest.approx(sound.bias, abs=1e-4)
    one, other = sound.checkpoint().tensors, mixed.checkpoint().tensors
    for name in one:
        np.testing.assert_allclose(one[name], other[name], atol=1e-6, err_msg=name)


def test_learning_can_be_stopped(learned: Learned) -> None:
    def stop(phase: str, done: int, total: int) -> None:
        if phase == "learn" and done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Ctc().m_step(training(learned.words[:4], learned.guess[:4]), stop)


class _Late(torch.nn.Module):
    """A net that says what another says, some frames too late."""

    def __init__(self, net: torch.nn.Module, frames: int) -> None:
        super().__init__()
        self.net, self.frames = net, frames

    def forward(self, views: torch.Tensor, frames: torch.Tensor | None = None) -> torch.Tensor:
        scores = torch.roll(self.net(views, frames), self.frames, dims=1)
        scores[:, : self.frames] = torch.tensor([0.0, *[-20.0] * (scores.shape[2] - 1)])
        return scores


def centres(method: Ctc, learned: Learned) -> np.ndarray:
    """How far right of the middle of its true box each character's point is, core heights."""
    looks = [look(word) for word in learned.words]
    out = []
    for rendered, word, seen, aligned in zip(
        learned.rendered, learned.words, looks, method.align(learned.words, [()] * len(looks), looks), strict=True
    ):
        assert aligned is not None
        true = (rendered.boxes[:, 0] + rendered.boxes[:, 2]) / 2, (rendered.boxes[:, 1] + rendered.boxes[:, 3]) / 2
        out.append((method._points(seen, aligned, word.characters) - seen.ink.upright_column(*true)) / seen.ink.core)
    return np.concatenate(out)


def test_what_is_said_too_late_is_taken_back(learned: Learned, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every character said two frames late: the offsets that are measured put the points back."""
    monkeypatch.setattr(ctc, "BIAS_PRIOR", 0.0)  # rare ones too
    method = restored(learned)
    before = float(np.median(centres(method, learned)))
    assert abs(before) < 0.1
    assert method.net is not None
    method.net = _Late(method.net, 2).eval()  # type: ignore[assignment]
    late = float(np.median(centres(method, learned)))
    assert late - before > 0.12  # a frame is two of a core's sixteen pixels
    method._measure_bias(training(learned.words, learned.guess), list(range(len(learned.words))), silent)
    assert np.median(list(method.bias.values())) < -0.05
    after = float(np.median(centres(method, learned)))
    assert abs(after) < 0.5 * late
    # Measured again it is the same: what is taken off already is not taken off twice.
    bias = dict(method.bias)
    method._measure_bias(training(learned.words, learned.guess), list(range(len(learned.words))), silent)
    assert method.bias == pytest.approx(bias, abs=1e-5)
