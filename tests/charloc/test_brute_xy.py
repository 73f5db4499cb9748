"""Brute-force x and y: ctc's x, every y at half height, a 2-D net that takes both for the truth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from charloc import checkpoint as on_disk
from charloc.em import first_guess, run_round
from charloc.ink import find_ink
from charloc.learning_xy import XySample
from charloc.methods import Checkpoint, Method, brute_xy, ctc, make
from charloc.methods.brute_xy import BruteXy, level
from charloc.methods.ctc import Ctc
from charloc.plane import plane
from charloc.synth import Rendered
from charloc.types import CharlocError, CheckpointError, Localization, Pin, Pins, TrainingSet, WordImage
from tests.small_rounds import r50, set_steps, simple_words, small_batches, training


@pytest.fixture(scope="module", autouse=True)
def small() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        small_batches(patch)
        set_steps(patch, ctc, 70)
        patch.setattr(brute_xy, "LEAST", 60)
        patch.setattr(brute_xy, "MOST", 60)
        yield


@dataclass(frozen=True)
class Learned:
    rendered: list[Rendered]
    words: list[WordImage]
    guess: list[Localization]
    ctc: Checkpoint
    brute: Checkpoint
    found: list[Localization]


@pytest.fixture(scope="module")
def learned(small: object) -> Learned:
    """One round of ctc from a guess, and one of brute_xy from that."""
    rendered = simple_words("Solida", 24, longest=5)
    words = [each.word(i) for i, each in enumerate(rendered)]
    nothing: list[Pins] = [()] * len(words)
    weights = np.ones(len(words), np.float32)
    guess = first_guess(words, nothing, first="guess")
    inner = run_round("ctc", words, guess, nothing, weights, first="guess").checkpoint
    assert inner is not None
    result = run_round("brute_xy", words, guess, nothing, weights, parent=inner)
    assert result.checkpoint is not None
    return Learned(rendered, words, guess, inner, result.checkpoint, result.localizations)


def everything(learned: Learned, **changes: object) -> TrainingSet:
    return training(learned.words, learned.guess, **changes)


class Trained(Exception):
    """ctc was trained."""


def refuse(*_: object, **__: object) -> None:
    raise Trained


# --- level ------------------------------------------------------------------------------------------------------------


def test_level_puts_y_at_the_mean_of_the_ink_and_leaves_pins_and_x_alone() -> None:
    pixels = np.zeros((40, 50), np.uint8)
    pixels[10:20, 5:45] = 255
    pixels[20:40, 5:25] = 128
    rows = np.arange(40) + 0.5
    mean = float((pixels.sum(axis=1) * rows).sum() / pixels.sum())
    boxes = np.array([[5, 2, 15, 12], [16, 30, 26, 38], [np.nan] * 4, [30, 3, 40, 9]], np.float32)
    pinned = np.array([False, False, False, True])
    sample = XySample(pixels, np.array([1, 2, 3, 4]), boxes.copy(), np.ones(4, np.float32), pinned)
    out = level(sample)
    np.testing.assert_array_equal(sample.boxes, boxes)
    np.testing.assert_allclose((out.boxes[:2, 1] + out.boxes[:2, 3]) / 2, mean, rtol=1e-5)
    np.testing.assert_allclose(out.boxes[:2, 3] - out.boxes[:2, 1], [10, 8], rtol=1e-5)
    np.testing.assert_array_equal(out.boxes[:, [0, 2]], boxes[:, [0, 2]])
    assert np.isnan(out.boxes[2]).all()
    np.testing.assert_array_equal(out.boxes[3], boxes[3])
    np.testing.assert_array_equal(out.pixels, pixels)


def test_level_of_a_blank_plane() -> None:
    blank = XySample(np.zeros((9, 9), np.uint8), np.array([1]), np.array([[1, 2, 3, 4]], np.float32),
                     np.ones(1, np.float32), np.zeros(1, bool))  # fmt: skip
    assert np.isfinite(level(blank).boxes).all()


def test_the_net_is_told_half_height(learned: Learned, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of a word's characters on one row, where people said nothing else; x is what ctc found."""
    told: list[XySample] = []
    monkeypatch.setattr(brute_xy, "train_points", lambda _, samples, *__, **___: told.extend(samples) or {})
    method = BruteXy(learned.ctc)
    method.m_step(everything(learned))
    found = Ctc(learned.ctc).e_step(learned.words, [()] * len(learned.words))
    assert len(told) == len(learned.words)
    for sample, word, each in zip(told, learned.words, found, strict=True):
        middle = (sample.boxes[:, 1] + sample.boxes[:, 3]) / 2
        np.testing.assert_allclose(middle, middle[0], rtol=1e-4)
        to_plane = plane(find_ink(word.pixels)).to_plane(each.boxes)
        np.testing.assert_allclose(sample.boxes[:, [0, 2]], to_plane[:, [0, 2]], atol=1e-3)


# --- rounds -----------------------------------------------------------------------------------------------------------


def test_it_localizes(learned: Learned) -> None:
    even = first_guess(learned.words, [()] * len(learned.words), first="even")
    assert r50(learned.rendered, learned.found) > r50(learned.rendered, even) + 0.1
    assert {each.method for each in learned.found} == {"brute_xy"}
    method = make("brute_xy", learned.brute)
    assert isinstance(method, Method)
    assert method.learns and method.honours_pins


def test_started_from_ctc_it_does_not_train_ctc_again(learned: Learned, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Ctc, "m_step", refuse)
    monkeypatch.setattr(brute_xy, "train_points", lambda *_, **__: {"class_loss": 1.0})
    method = BruteXy(learned.ctc)
    assert method.net is None and method.rounds == 0 and method.ctc.rounds == 1
    assert method.m_step(everything(learned)) == {"class_loss": 1.0}
    assert method.rounds == 1
    for name, tensor in learned.ctc.tensors.items():
        np.testing.assert_array_equal(method.checkpoint().tensors[brute_xy.INNER + name], tensor)


def test_otherwise_it_does(learned: Learned, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fresh; in a later round; and where people said something that ctc does not know."""
    monkeypatch.setattr(Ctc, "m_step", refuse)
    pins: list[Pins] = [()] * len(learned.words)
    pins[3] = (Pin(0, (1.0, 2.0, 9.0, 20.0)),)
    for parent, facts in ((None, [()] * len(pins)), (learned.brute, [()] * len(pins)), (learned.ctc, pins)):
        with pytest.raises(Trained):
            BruteXy(parent).m_step(everything(learned, pins=facts))


@pytest.mark.parametrize("first", ["guess", "even"])
def test_fresh_rounds_learn_both(learned: Learned, first: str, monkeypatch: pytest.MonkeyPatch) -> None:
    set_steps(monkeypatch, ctc, 6)
    monkeypatch.setattr(brute_xy, "LEAST", 6)
    monkeypatch.setattr(brute_xy, "MOST", 6)
    words, nothing = learned.words[:6], [()] * 6
    begin = first_guess(words, nothing, first=first)
    result = run_round("brute_xy", words, begin, nothing, np.ones(6, np.float32), first=first)
    assert {"ctc_loss", "ctc_log_likelihood", "ctc_steps", "class_loss"} == set(result.learned)
    assert result.checkpoint is not None and result.checkpoint.settings["ctc.rounds"] == 1
    # And on from there, with a character nobody knew and a pin.
    strange = [replace(words[0], characters=("ß", *words[0].characters[1:])), *words[1:]]
    pins: list[Pins] = [*[()] * 5, (Pin(0, (1.0, 2.0, 9.0, 20.0)),)]
    again = run_round("brute_xy", strange, result.localizations, pins, np.ones(6, np.float32),
                      parent=result.checkpoint, first=first)  # fmt: skip
    assert again.checkpoint is not None and again.checkpoint.settings["ctc.rounds"] == 2
    assert again.localizations[5].boxes[0].tolist() == [1, 2, 9, 20]
    assert "ß" in str(again.checkpoint.settings["charset"]) and "ß" in str(again.checkpoint.settings["ctc.charset"])


def test_words_with_pins_are_aligned_by_its_kin_at_first(learned: Learned) -> None:
    """A first round from ctc's checkpoint, with a pin: nobody has learned brute_xy's net yet."""
    pins: list[Pins] = [(Pin(0, (1.0, 2.0, 9.0, 20.0)),), *[()] * 5]
    result = run_round("brute_xy", learned.words[:6], learned.guess[:6], pins, np.ones(6, np.float32),
                       parent=learned.ctc)  # fmt: skip
    assert result.localizations[0].boxes[0].tolist() == [1, 2, 9, 20]
    assert result.checkpoint is not None and result.checkpoint.settings["ctc.rounds"] == 2


# --- what is held and kept --------------------------------------------------------------------------------------------


def test_pins(learned: Learned) -> None:
    i = next(i for i, word in enumerate(learned.words) if len(word.characters) >= 4)
    box = tuple((learned.rendered[i].boxes[1] + [0.3, -0.2, 1.7, 0.1]).astype(float).tolist())
    (found,) = BruteXy(learned.brute).e_step([learned.words[i]], [(Pin(1, box), Pin(3, None, "invisible"))])
    np.testing.assert_array_equal(found.boxes[1], np.array(box, np.float32))
    assert np.isnan(found.boxes[3]).all()
    assert np.isfinite(found.boxes[[0, 2]]).all()


def test_a_checkpoint_holds_the_inner_ctc(learned: Learned, tmp_path: Path) -> None:
    on_disk.write(tmp_path / "round_1", "brute_xy", learned.brute)
    again = BruteXy(on_disk.read(tmp_path / "round_1", "brute_xy"))
    for one, other in zip(again.e_step(learned.words, [()] * len(learned.words)), learned.found, strict=True):
        np.testing.assert_allclose(one.boxes, other.boxes, atol=1e-3)
        assert one.score == pytest.approx(other.score, abs=1e-4)
    inner, alone = again.ctc, Ctc(learned.ctc)
    assert inner.charset == alone.charset and inner.bias == alone.bias and inner.rounds == alone.rounds
    assert inner.net is not None and alone.net is not None
    for name, tensor in alone.net.state_dict().items():
        assert torch.equal(tensor, inner.net.state_dict()[name]), name
    found = inner.e_step(learned.words[:4], [()] * 4)
    for one, other in zip(found, alone.e_step(learned.words[:4], [()] * 4), strict=True):
        np.testing.assert_array_equal(one.boxes, other.boxes)


def test_checkpoints_before_anything_is_learned(learned: Learned) -> None:
    fresh = BruteXy(BruteXy().checkpoint())
    assert fresh.net is None and fresh.ctc.net is None
    started = BruteXy(BruteXy(learned.ctc).checkpoint())
    assert started.net is None and started.ctc.net is not None
    for method in (fresh, started):
        with pytest.raises(CharlocError, match="brute_xy method has learned nothing yet"):
            method.e_step(learned.words[:1], [()])


def test_checkpoints_of_something_else_are_refused() -> None:
    with pytest.raises(CheckpointError, match="of the method 'even', not 'brute_xy'"):
        BruteXy(make("even").checkpoint())
    with pytest.raises(CheckpointError, match="of the method 'brute_xy', not 'ctc'"):
        Ctc(BruteXy().checkpoint())
    with pytest.raises(CharlocError, match="beam is 0"):
        make("brute_xy", None, beam=0)


def test_nothing_to_learn_from(learned: Learned) -> None:
    with pytest.raises(CharlocError, match="nothing to learn from"):
        BruteXy(learned.ctc).m_step(everything(learned, weights=np.zeros(len(learned.words), np.float32)))
