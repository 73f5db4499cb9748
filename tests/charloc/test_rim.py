"""The rim that a black-and-white picture does not show: who gets it, and that nothing people said moves."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from charloc import em, methods, pretrained
from charloc.boxes import with_pins
from charloc.images import decode
from charloc.methods import METHODS, Checkpoint, Entry, Progress, make, silent
from charloc.metrics import iou
from charloc.realign import Realigner
from charloc.rim import RIM_PX, Rim, black_and_white, rim_of
from charloc.synth import CLEAN, Degradation, load_font, render, render_set
from charloc.types import Localization, Pin, Pins, TrainingSet, WordImage
from tests.bench.rim import BLURS_PX, lost

FONT = load_font(None, 30)
RIM = Rim(RIM_PX, 60, 30)


def found(*boxes: tuple[float, ...]) -> Localization:
    return Localization(np.array(boxes, np.float32), np.ones(len(boxes), np.float32), -1.0, "fake")


def cut(pixels: np.ndarray) -> np.ndarray:
    """A picture made black and white."""
    return np.where(pixels < 128, 0, 255).astype(np.uint8)


def word(text: str = "quiet.", seed: int = 0) -> WordImage:
    drawn = render(text, FONT, np.random.default_rng(seed), Degradation(blur_px=0.6))
    return WordImage(seed, text, cut(drawn.pixels), tuple(text))


def test_two_colours_are_black_and_white_whichever_they_are_and_as_a_jpeg_too() -> None:
    pixels = word().pixels
    assert black_and_white(pixels) and black_and_white(255 - pixels) and black_and_white(pixels // 3 + 40)
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "JPEG", quality=75)
    again = decode(data.getvalue(), "again.jpg")
    assert len(np.unique(again)) > 10 and black_and_white(again)
    assert rim_of(pixels) == Rim(RIM_PX, pixels.shape[1], pixels.shape[0])


def test_grey_pictures_and_empty_ones_have_no_rim() -> None:
    for drawn in render_set(12, 3, hard=True) + render_set(12, 3, hard=False):
        assert rim_of(drawn.pixels).px == 0
    assert rim_of(np.full((9, 9), 255, np.uint8)) == Rim(0.0, 9, 9)
    small = Image.fromarray(word().pixels).resize((40, 14), Image.Resampling.BICUBIC)
    assert not black_and_white(np.asarray(small))
    faint = np.pad(render("quiet", FONT, np.random.default_rng(0), Degradation(contrast=0.15)).pixels, ((0, 6), (0, 0)))
    assert not black_and_white(faint)  # writing that is faint beside a black rule


def test_half_a_pixel_lies_between_what_a_sharp_scan_loses_and_what_a_blurred_one_does() -> None:
    """Why the rim is as wide as it is."""
    means = [lost([], blur, 60, np.random.default_rng(1)).mean() for blur in (*BLURS_PX, 1.6)]
    assert 0 <= means[0] < RIM_PX < means[-1]
    assert means == sorted(means)


def test_a_full_stop_is_right_whether_it_was_drawn_close_or_a_pixel_off() -> None:
    stop = (20.0, 20.0, 24.0, 24.0)
    shown = RIM.on(found(stop), ()).boxes[0]
    loose = (19.0, 19.0, 25.0, 25.0)
    assert iou(stop, loose) < 0.5 < min(iou(shown, stop), iou(shown, loose))


edges = st.tuples(st.integers(0, 28), st.integers(0, 14), st.integers(1, 32), st.integers(1, 16))


@given(st.lists(edges, min_size=1, max_size=5))
def test_what_was_shown_comes_back_to_the_method_as_it_was(given_: list[tuple[int, ...]]) -> None:
    """Round after round no box creeps, at the picture's border neither."""
    boxes = found(*[(x, y, x + w, y + h) for x, y, w, h in given_])
    shown = RIM.on(boxes, ())
    np.testing.assert_array_equal(RIM.off(shown).boxes, boxes.boxes)
    assert shown.boxes[:, :2].min() >= 0 and (shown.boxes[:, 2:] <= [60, 30]).all()
    pins = tuple(Pin(k, tuple(box.tolist())) for k, box in enumerate(shown.boxes))
    assert [pin.box for pin in RIM.off_pins(pins)] == [tuple(box) for box in boxes.boxes.tolist()]


@given(st.lists(st.tuples(*[st.floats(-5, 65, width=32)] * 4), min_size=1, max_size=5))
def test_whatever_people_draw_stays_a_box(drawn: list[tuple[float, ...]]) -> None:
    boxes = found(*[(min(a, c), min(b, d), max(a, c), max(b, d)) for a, b, c, d in drawn])
    inner = RIM.off(boxes).boxes
    before, after = (each[:, 2:] - each[:, :2] for each in (boxes.boxes, inner))
    assert (after >= np.minimum(before, 1) - 1e-5).all()
    assert (inner[:, :2] >= boxes.boxes[:, :2]).all() and (inner[:, 2:] <= boxes.boxes[:, 2:]).all()


def test_a_box_of_a_pixel_keeps_it_and_spaces_stay_nowhere() -> None:
    thin = found((5, 5, 6, 25), (np.nan,) * 4)
    assert RIM.off(thin).boxes.tolist()[0] == [5, 5.5, 6, 24.5]
    assert np.isnan(RIM.off(thin).boxes[1]).all() and np.isnan(RIM.on(thin, ()).boxes[1]).all()
    grey = Rim(0.0, 60, 30)
    pins = (Pin(0, (5.0, 5.0, 6.0, 25.0)),)
    assert grey.on(thin, pins) is thin and grey.off(thin) is thin and grey.off_pins(pins) is pins


@pytest.mark.parametrize("name", ["guess", "pretrained"])
def test_pinned_boxes_are_exactly_what_people_said(name: str) -> None:
    some = word()
    free = em.localize(make(name), [some], [()])[0]
    bare = make(name).e_step([some], [()])[0]
    np.testing.assert_allclose(free.boxes, rim_of(some.pixels).on(bare, ()).boxes)
    assert (free.boxes[:, 2] - free.boxes[:, 0] > bare.boxes[:, 2] - bare.boxes[:, 0]).all()
    box = tuple((free.boxes[1] + [0.3, 0, 0.21, 0.1]).tolist())
    pins = (Pin(1, box), Pin(3, None, "invisible"))
    for each in (em.localize(make(name), [some], [pins])[0], one_again(name, some, pins)):
        assert each.boxes[1].tolist() == np.array(box, np.float32).tolist()
        assert np.isnan(each.boxes[3]).all() and each.confidence[1] == 1


def one_again(name: str, some: WordImage, pins: tuple[Pin, ...]) -> Localization:
    realigner = Realigner(make(name))
    return realigner.solve(realigner.prepare(some), pins)


@pytest.mark.parametrize("name", ["guess", "pretrained"])
def test_accepting_what_is_shown_moves_nothing(name: str) -> None:
    some = word("window", 4)
    free = em.localize(make(name), [some], [()])[0]
    for index in range(len(free.boxes)):
        pins = (Pin(index, tuple(free.boxes[index].tolist()), "accepted"),)
        under = em.localize(make(name), [some], [pins])[0]
        np.testing.assert_allclose(under.boxes, free.boxes, atol=1e-4)
        realigner = Realigner(make(name))
        known = realigner.prepare(some, lambda: free)
        np.testing.assert_allclose(realigner.solve(known, pins).boxes, free.boxes, atol=1e-4)
    everything = tuple(Pin(k, tuple(box.tolist()), "accepted") for k, box in enumerate(free.boxes))
    np.testing.assert_array_equal(em.localize(make(name), [some], [everything])[0].boxes, free.boxes)


def test_a_pinned_box_survives_as_given_where_pins_contradict_each_other() -> None:
    some = word()
    crossed = (Pin(0, (60.0, 4.0, 70.0, 20.0)), Pin(1, (5.0, 4.0, 15.0, 20.0)))
    shown = em.localize(make("guess"), [some], [crossed])[0]
    np.testing.assert_array_equal(shown.boxes[:2], with_pins(shown, crossed).boxes[:2])


# --- what a method is told, and what comes of what it says ------------------------------------------------------------

GREY, BLACK, OTHER = 0, 1, 2
TIGHT = found((4, 4, 12, 20), (14, 4, 30, 20), (32, 4, 44, 20))
"""What the method below says of every word; what it sees of `BLACK`."""


class Recorder:
    """A method that finds the same boxes everywhere, and remembers what it was told."""

    name = "recorder"
    learns = True
    honours_pins = True
    told: ClassVar[dict[str, list[object]]] = {}

    def __init__(self, checkpoint: Checkpoint | None = None) -> None:
        pass

    def note(self, what: str, value: object) -> None:
        self.told.setdefault(what, []).append(value)

    def m_step(self, training: TrainingSet, progress: Progress = silent) -> dict[str, float]:
        self.note("training", training)
        return {}

    def e_step(
        self, words: Sequence[WordImage], pins: Sequence[Pins], progress: Progress = silent
    ) -> list[Localization]:
        self.note("pins", list(zip([word.id for word in words], pins, strict=True)))
        return [with_pins(TIGHT, facts) for facts in pins]

    def checkpoint(self) -> Checkpoint:
        return Checkpoint({}, {"method": self.name})

    def kind(self, word: WordImage) -> bool:
        return False

    def prepare(self, word: WordImage, known: Localization | None = None) -> str:
        self.note("known", known)
        return "seen"

    def solve(self, word: WordImage, prepared: str, pins: Pins) -> Localization:
        assert prepared == "seen"
        self.note("solve", pins)
        return with_pins(TIGHT, pins)


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[object]]:
    """What the recorder is told."""
    monkeypatch.setitem(METHODS, "recorder", Entry(__name__, "Recorder", True, "for tests"))
    monkeypatch.setattr(methods, "_class", lambda name: Recorder)
    monkeypatch.setattr(pretrained, "shipped", lambda: None)
    Recorder.told.clear()
    return Recorder.told


def pictures() -> list[WordImage]:
    """A grey one, a black-and-white one, and another grey one."""
    black = np.full((30, 60), 255, np.uint8)
    black[4:20, 4:44:3] = 0
    grey = np.where(black == 0, np.linspace(0, 200, 60, dtype=np.uint8), 255).astype(np.uint8)
    return [WordImage(k, f"{k}", pixels, tuple("abc")) for k, pixels in enumerate((grey, black, grey))]


def test_what_is_learned_from_is_what_is_black_and_what_is_shown_has_a_rim(recorder: dict[str, list[Any]]) -> None:
    words, rim = pictures(), Rim(RIM_PX, 60, 30)
    assert [rim_of(each.pixels).px for each in words] == [0, RIM_PX, 0]
    pin = Pin(1, (13.7, 3.2, 31.1, 21.0))
    pins: list[Pins] = [(pin,), (pin,), ()]
    current = [TIGHT, rim.on(TIGHT, ()), TIGHT]
    result = em.run_round("recorder", words, current, pins, np.ones(3, np.float32), first="recorder", unaided=True)
    (training,) = recorder["training"]
    assert training.pins[GREY] == (pin,) and training.pins[OTHER] == ()
    (inner,) = training.pins[BLACK]
    assert inner.box == pytest.approx((14.2, 3.7, 30.6, 20.5))
    np.testing.assert_array_equal(training.localizations[OTHER].boxes, TIGHT.boxes)
    np.testing.assert_array_equal(training.localizations[BLACK].boxes[[0, 2]], TIGHT.boxes[[0, 2]])
    np.testing.assert_allclose(training.localizations[BLACK].boxes[1], inner.box, rtol=1e-6)
    np.testing.assert_array_equal(training.localizations[GREY].boxes, with_pins(TIGHT, (pin,)).boxes)
    # Around the pins for learning, then all, then those with pins without them: what is pinned holds as it is.
    assert recorder["pins"] == [
        [(GREY, (pin,)), (BLACK, (pin,))], [(GREY, (pin,)), (BLACK, (pin,)), (OTHER, ())], [(GREY, ()), (BLACK, ())],
    ]  # fmt: skip
    shown = result.localizations
    np.testing.assert_array_equal(shown[GREY].boxes, with_pins(TIGHT, (pin,)).boxes)
    np.testing.assert_array_equal(shown[BLACK].boxes[[0, 2]], [[3.5, 3.5, 12.5, 20.5], [31.5, 3.5, 44.5, 20.5]])
    np.testing.assert_array_equal(shown[BLACK].boxes[1], np.array(pin.box, np.float32))
    np.testing.assert_array_equal(shown[OTHER].boxes, TIGHT.boxes)
    np.testing.assert_array_equal(result.unaided[GREY].boxes, TIGHT.boxes)
    np.testing.assert_array_equal(result.unaided[BLACK].boxes, rim.on(TIGHT, ()).boxes)


def test_a_word_alone_is_as_in_a_round(recorder: dict[str, list[Any]]) -> None:
    again, words, rim = Realigner(Recorder()), pictures(), Rim(RIM_PX, 60, 30)
    pin = Pin(0, (3.9, 4.0, 12.2, 20.0))
    for word in words[:2]:
        shown = em.localize(Recorder(), [word], [()])[0]
        ready = again.prepare(word, lambda shown=shown: shown)
        np.testing.assert_array_equal(recorder["known"][-1].boxes, TIGHT.boxes)
        np.testing.assert_array_equal(again.solve(ready).boxes, shown.boxes)
        under = again.solve(again.prepare(word), (pin,))
        assert recorder["solve"][-1] == (pin,)
        np.testing.assert_array_equal(under.boxes, em.localize(Recorder(), [word], [(pin,)])[0].boxes)
    assert len(recorder["known"]) == 2 and again.prepare(words[1]).rim == rim


def test_rounds_do_not_make_boxes_creep() -> None:
    drawn = [render(text, FONT, np.random.default_rng(i), CLEAN) for i, text in enumerate(("line", "tree", "rest"))]
    words = [WordImage(i, each.text, cut(each.pixels), tuple(each.text)) for i, each in enumerate(drawn)]
    nobody, ones = [()] * 3, np.ones(3, np.float32)
    current = em.first_guess(words, nobody, first="guess")
    first, parent = current, None
    for _ in range(2):
        result = em.run_round("segmental", words, current, nobody, ones, parent=parent, first="guess")
        current, parent = result.localizations, result.checkpoint
    for before, after, each in zip(first, current, drawn, strict=True):
        assert np.abs(after.boxes - before.boxes).max() < 1.0, each.text
        assert iou(after.boxes, each.boxes).min() > 0.7
