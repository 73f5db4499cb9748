"""What a net does otherwise that true boxes taught: where its boxes end, and what its rounds learn from."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from charloc import pretrained
from charloc.em import first_guess
from charloc.methods import segmental
from charloc.methods._learner import believed, believed_boxes, look
from charloc.methods._lessons import found_at
from charloc.methods.segmental import Sample, Segmental
from charloc.nets import STRIDE
from charloc.synth import Degradation, Rendered, load_font, render, render_set
from charloc.types import Localization, Pin, Pins, TrainingSet, WordImage


@dataclass(frozen=True)
class Some:
    rendered: list[Rendered]
    words: list[WordImage]
    guess: list[Localization]


@pytest.fixture(scope="module")
def some() -> Some:
    rendered = render_set(8, 21, hard=True)
    words = [each.word(i) for i, each in enumerate(rendered)]
    return Some(rendered, words, first_guess(words, [()] * len(words), first="guess"))


def training(words: list[WordImage], beliefs: list[Localization], pins: list[Pins] | None = None) -> TrainingSet:
    return TrainingSet(words, beliefs, pins or [()] * len(words), np.ones(len(words), np.float32))


def test_a_span_that_was_found_comes_with_its_box(some: Some) -> None:
    """Told from the middle of the span, in core heights; a span of another character changes nothing."""
    method, word, true = Segmental(pretrained.shipped()), some.words[0], some.rendered[0].boxes.astype(np.float32)
    (seen,) = method._see([look(word)])
    laid, view, ink = method._lay(word, (), seen), seen.look.view, seen.look.ink
    count = len(true)
    assert laid.order == list(range(count)) and (np.abs(laid.boxes - true) < ink.core).all()
    elsewhere = true.copy()
    elsewhere[-1, [0, 2]] = laid.boxes[-1, [0, 2]] + 1.1 * ink.core
    rng = np.random.default_rng(0)
    before = Sample(view.pixels, laid.classes, *(rng.random((count, n), np.float32) for n in (2, 4)), np.ones(count))
    after = found_at(before, seen.look, laid, elsewhere)
    columns = laid.spans.columns[laid.solution.bounds]
    frames = view.frames(np.stack([columns[:-1], columns[1:]], axis=1), STRIDE)
    # Seams are not straight: the ink may begin a little before the column of its cut.
    np.testing.assert_allclose(after.spans[:-1], frames[:-1], atol=1.0)
    middle = after.spans.mean(axis=1) * STRIDE / view.scale + view.origin
    at, baseline = ink.place(middle)
    back = np.stack([at, baseline, at, baseline], axis=1) + np.array([1, -1, 1, -1]) * after.edges * ink.core
    np.testing.assert_allclose(back[:-1], true[:-1], atol=1e-3)
    for one, other in ((before.spans, after.spans), (before.edges, after.edges)):
        np.testing.assert_array_equal(one[-1], other[-1])
    assert after.pixels is before.pixels and after.weights is before.weights


def test_found_spans_are_of_the_characters_that_stand_there_in_whatever_order(some: Some) -> None:
    """In text from right to left the first character to read is the last one in the layout."""
    method, word, true = Segmental(pretrained.shipped()), some.words[0], some.rendered[0].boxes.astype(np.float32)
    (seen,) = method._see([look(word)])
    laid = method._lay(word, (), seen)
    count = len(true)
    nothing = Sample(
        seen.look.view.pixels, laid.classes, *(np.zeros((count, n), np.float32) for n in (2, 4)), np.ones(count)
    )
    forwards = found_at(nothing, seen.look, laid, true)
    backwards = found_at(nothing, seen.look, replace(laid, order=laid.order[::-1]), true[::-1])
    np.testing.assert_array_equal(backwards.spans[::-1], forwards.spans)
    np.testing.assert_array_equal(backwards.edges[::-1], forwards.edges)


def test_a_found_span_that_overlaps_its_box_too_little_changes_nothing(some: Some) -> None:
    """A full stop is narrower than what counts as near: a pin must not be learned from its neighbour's ink."""
    method, word, true = Segmental(pretrained.shipped()), some.words[0], some.rendered[0].boxes.astype(np.float32)
    (seen,) = method._see([look(word)])
    laid = method._lay(word, (), seen)
    narrow = true.copy()
    narrow[1, 2] = narrow[1, 0] + 0.3 * (narrow[1, 2] - narrow[1, 0])
    base = Sample(
        seen.look.view.pixels, laid.classes, *(np.zeros((len(true), n), np.float32) for n in (2, 4)),
        np.ones(len(true)),
    )  # fmt: skip
    assert found_at(base, seen.look, laid, narrow).spans[1].any()
    assert not found_at(base, seen.look, laid, narrow, least=0.5).spans[1].any()


def test_a_round_of_a_taught_net_learns_from_the_spans_that_its_search_finds(
    some: Some, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under the pins, with their boxes; a net that only ink taught learns from spans of boxes."""
    seen: list[list[Sample]] = []
    monkeypatch.setattr(segmental, "train", lambda _, samples, *__: (seen.append(samples), {})[1])
    words, guess, rendered = some.words[:4], some.guess[:4], some.rendered[:4]
    box = rendered[0].boxes[2] - np.array([0, 1, 0, 1])
    pins: list[Pins] = [(Pin(2, tuple(map(float, box))),), (), (), ()]
    method = Segmental(pretrained.shipped())
    laid: list[Pins] = []
    lay = method._lay
    monkeypatch.setattr(method, "_lay", lambda word, facts, look: (laid.append(facts), lay(word, facts, look))[1])
    method.m_step(training(words, guess, pins), steps=1)
    assert sorted(laid, key=len, reverse=True) == pins
    taught, method.taught = method.taught, 0
    method.m_step(training(words, guess, pins), steps=1)
    assert len(laid) == len(words), "nothing was searched"
    method.taught = taught
    found, of_untaught = seen
    for word, facts, belief, sample, other in zip(words, pins, guess, found, of_untaught, strict=True):
        own = look(word, method._own_ink())
        base, _ = believed(own, word, belief, facts, method.charset)
        np.testing.assert_array_equal(other.spans, base.spans)
        expected = found_at(base, own, lay(word, facts, *method._see([own])), believed_boxes(belief, facts), 0.5)
        np.testing.assert_allclose(sample.spans, expected.spans, atol=0.05)
        assert (sample.weights == base.weights).all()
    assert max(np.abs(one.spans - other.spans).max() for one, other in zip(found, of_untaught, strict=True)) > 0.1
    own, pinned = look(words[0], method._own_ink()), found[0]
    at, baseline = own.ink.place(pinned.spans[2].mean(keepdims=True) * STRIDE / own.view.scale + own.view.origin)
    back = np.array([*at, *baseline] * 2) + np.array([1, -1, 1, -1]) * pinned.edges[2] * own.ink.core
    np.testing.assert_allclose(back, box, atol=0.01)


def test_a_word_of_which_nothing_is_visible_ends_no_round(some: Some) -> None:
    word, belief = some.words[0], some.guess[0]
    hidden = tuple(Pin(k, None, "invisible") for k in range(len(word.characters)))
    method = Segmental(pretrained.shipped())
    method.m_step(training([word, some.words[1]], [belief, some.guess[1]], [hidden, ()]), steps=1)
    assert method.rounds > 0


def test_only_characters_that_true_boxes_taught_end_where_the_net_says(some: Some) -> None:
    """Not those of a net that only ink taught, nor unknown ones, nor one that a round has learned since."""
    words, nobody = some.words, some.guess
    untaught = Segmental()
    untaught.m_step(training(words, nobody), steps=1)
    assert not believed_taught(untaught, words[0]).any()
    new = replace(words[0], characters=("\N{LATIN LETTER WYNN}", *words[0].characters[1:]))
    method = Segmental(pretrained.shipped())
    assert method.taught == len(method.charset.symbols)
    assert believed_taught(method, words[0]).all()
    assert believed_taught(method, new).tolist() == [False] + [True] * (len(new.characters) - 1)
    method.m_step(training([new, *words[1:]], nobody), steps=1)
    assert new.characters[0] in method.charset.symbols
    again = Segmental(method.checkpoint())
    assert believed_taught(again, new).tolist() == [False] + [True] * (len(new.characters) - 1)


def believed_taught(method: Segmental, word: WordImage) -> np.ndarray:
    with pytest.MonkeyPatch.context() as patch:
        said: list[np.ndarray] = []
        real = segmental.believed_within
        patch.setattr(segmental, "believed_within", lambda whole, taught: (said.append(taught), real(whole, taught))[1])
        method.solve(word, method.prepare(word), ())
    return said[0]


def test_a_word_whose_letters_touch_ends_left_and_right_where_the_taught_net_says() -> None:
    touching = render("mamma", load_font(None, 40), np.random.default_rng(0), Degradation(tracking_px=-4)).word(0)
    method = Segmental(pretrained.shipped())
    found: list[np.ndarray] = []
    for taught in (method.taught, 0):
        method.taught = taught
        found.append(method.solve(touching, method.prepare(touching), ()).boxes)
    apart = np.abs(found[0] - found[1]).max(axis=0)
    assert (apart[[0, 2]] > 0.1).all() and (apart[[1, 3]] == 0).all()
