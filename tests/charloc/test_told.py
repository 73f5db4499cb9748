"""One pinned box tells the core band where the ink was mistaken, and is not believed where it was not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charloc import pretrained
from charloc.ink import Band, Ink, find_ink
from charloc.layout import expected_glyphs
from charloc.methods import Method, guess, segmental
from charloc.methods._looks import Seen
from charloc.methods.guess import Guess
from charloc.methods.segmental import Segmental
from charloc.metrics import iou
from charloc.pinning import pinned_bounds
from charloc.realign import Realigner
from charloc.synth import Degradation, load_font, render
from charloc.told import GRID, MOST, SURE, Told, holds_line, told
from charloc.types import Pin, PinError, Pins, TranscriptError, WordImage

TEXTS = ("feather", "women", "hand")


@cache
def above_larger(text: str) -> tuple[WordImage, np.ndarray]:
    """A word above part of a line in letters so much larger that the ink's core band is theirs; its true boxes."""
    rng = np.random.default_rng(0)
    small = render(text, load_font(None, 18), rng, Degradation(margins_px=(4, 30, 4, 30)))
    large = render("Gump", load_font(None, 48), rng, Degradation(margins_px=(2, 4, 4, 4)))
    height, width = np.maximum(small.pixels.shape, large.pixels.shape)
    pixels = np.full((height + large.pixels.shape[0], width), int(small.pixels[0, 0]), np.uint8)
    for picture, rows in ((small.pixels, slice(0, len(small.pixels))), (large.pixels, slice(-len(large.pixels), None))):
        pixels[rows, : picture.shape[1]] = np.minimum(pixels[rows, : picture.shape[1]], picture)
    return WordImage(1, "two lines.png", pixels, tuple(text)), small.boxes.astype(np.float32)


def pin(boxes: np.ndarray, k: int) -> Pins:
    return (Pin(k, tuple(map(float, boxes[k]))),)  # type: ignore[arg-type]


@cache
def shipped() -> Segmental:
    return Segmental(pretrained.shipped())


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("method", [Guess(), shipped()], ids=["guess", "segmental"])
def test_one_pin_puts_a_whole_word_right(method: Method, text: str) -> None:
    word, true = above_larger(text)
    (free,) = method.e_step([word], [()])
    assert (iou(free.boxes, true) < 0.5).sum() > len(text) / 2
    realigner = Realigner(method)
    ready = realigner.prepare(word)
    for k in range(len(text)):
        assert (iou(realigner.solve(ready, pin(true, k)).boxes, true) >= 0.5).all(), k


@pytest.mark.parametrize("method", [Guess(), shipped()], ids=["guess", "segmental"])
def test_what_a_dragged_pin_finds_does_not_depend_on_where_it_was_before(method: Method) -> None:
    """Looks are kept from one step to the next; none may be used for a pin that says something else."""
    word, true = above_larger("women")
    realigner = Realigner(method)
    ready = realigner.prepare(word)
    scores: list[float] = []
    for grown in (0.0, 3.0, 1.5, 9.0, 3.0, 0.0):
        box = (true[1] + np.array([-1, -1, 1, 1]) * np.float32(grown)).clip(0)
        facts = (Pin(1, tuple(map(float, box))),)  # type: ignore[arg-type]
        now, anew = realigner.solve(ready, facts), method.e_step([word], [facts])[0]
        np.testing.assert_array_equal(now.boxes, anew.boxes)
        assert now.score == anew.score
        scores.append(now.score)
    assert scores[0] == scores[-1] != scores[1]


@pytest.mark.parametrize("method", [Guess(), shipped()], ids=["guess", "segmental"])
def test_a_box_much_too_high_moves_none_of_a_word_that_is_right(method: Method) -> None:
    """It says that letters are twice as high: but then they would not explain the ink."""
    rendered = render("hemlock", load_font(None, 36), np.random.default_rng(0), Degradation(margins_px=(9, 50, 9, 50)))
    word, true = rendered.word(0), rendered.boxes.astype(np.float32)
    realigner = Realigner(method)
    ready = realigner.prepare(word)
    for k in range(len(true)):
        tall = true[k, 3] - true[k, 1]
        high = true + np.array([0, -0.8, 0, 0.4], np.float32) * tall
        others = np.arange(len(true)) != k
        assert (iou(realigner.solve(ready, pin(high, k)).boxes, true) >= 0.5)[others].all(), k


@pytest.mark.parametrize("method", [Guess(), shipped()], ids=["guess", "segmental"])
@pytest.mark.parametrize("cores", [-3.0, -2.0, 2.0, 3.0])
def test_a_pin_on_paper_takes_no_letter_along(method: Method, cores: float) -> None:
    """There the pin tells of a line in which there is none."""
    shape = Degradation(margins_px=(12, 110, 12, 110))
    rendered = render("feather", load_font(None, 30), np.random.default_rng(0), shape)
    word, true = rendered.word(0), rendered.boxes.astype(np.float32)
    beside = pin(true + np.array([0, 1, 0, 1], np.float32) * np.float32(cores * find_ink(word.pixels).core), 1)
    np.testing.assert_array_equal(found(method, word, beside), found(method, word, beside, nothing))


def found(method: Method, word: WordImage, facts: Pins, tells: object = None) -> np.ndarray:
    """The boxes, `told` being what it is or something else."""
    with pytest.MonkeyPatch.context() as patch:
        if tells is not None:
            patch.setattr(segmental, "told", tells)
            patch.setattr(guess, "told", tells)
        return method.e_step([word], [facts])[0].boxes


def nothing(*_: object) -> None:
    """Pins tell nothing of the core band."""


def hardly(*arguments: object) -> Told | None:
    """Pins tell of it, but whatever explains the word at all does it better."""
    says = told(*arguments)  # type: ignore[arg-type]
    return None if says is None else replace(says, nats=-1e9)


@pytest.mark.parametrize("method", [Guess(), shipped()], ids=["guess", "segmental"])
def test_what_explains_a_word_worse_is_not_taken(method: Method) -> None:
    word, true = above_larger("hand")
    facts = pin(true, 1)
    assert not np.array_equal(found(method, word, facts), found(method, word, facts, nothing))
    np.testing.assert_array_equal(found(method, word, facts, hardly), found(method, word, facts, nothing))


def test_looks_that_are_apart_make_it_less_sure(monkeypatch: pytest.MonkeyPatch) -> None:
    word, true = above_larger("hand")
    facts, real = pin(true, 1), Segmental._laid
    sure = shipped().e_step([word], [facts])[0]

    def elsewhere(self: Segmental, word: WordImage, others: Iterable[tuple[Seen, np.ndarray]]) -> list[np.ndarray]:
        first, *rest = real(self, word, others)
        aside = np.where((np.arange(len(first)) == 1)[:, None], 0, np.float32(8))  # that has the pinned one right
        return [first + aside, *rest]

    monkeypatch.setattr(Segmental, "_laid", elsewhere)
    unsure = shipped().e_step([word], [facts])[0]
    others = [0, 2, 3]
    assert (1 - unsure.confidence[others] > 5 * (1 - sure.confidence[others])).all()


@pytest.mark.parametrize("error", [PinError, TranscriptError])
@pytest.mark.parametrize("method", [Guess(), shipped()], ids=["guess", "segmental"])
def test_where_there_is_no_room_at_that_size_nothing_changes(
    method: Method, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    word, true = above_larger("hand")
    facts, real = pin(true, 1), pinned_bounds

    def cramped(ink: Ink, *arguments: object) -> object:
        if ink.core < 20:
            raise error("no room")
        return real(ink, *arguments)  # type: ignore[arg-type]

    expected = found(method, word, facts, nothing)
    for module in (segmental, guess):
        monkeypatch.setattr(module, "pinned_bounds", cramped)
    np.testing.assert_array_equal(found(method, word, facts), expected)


# --- what is told -----------------------------------------------------------------------------------------------------


@cache
def plain() -> Ink:
    return find_ink(render("hemlock", load_font(None, 36), np.random.default_rng(0)).pixels)


@settings(max_examples=200)
@given(st.data())
def test_the_band_is_the_one_that_all_pins_were_made_from(data: st.DataObject) -> None:
    ink, characters = plain(), list("hemlock.")
    expected = expected_glyphs(characters)
    core = ink.core * data.draw(st.floats(0.25, ink.mask.shape[0] / ink.core))
    lower = data.draw(st.floats(-3, 3)) * core
    pinned = np.full((len(characters), 4), np.nan, np.float32)
    for k in data.draw(st.sets(st.integers(0, len(characters) - 2), min_size=1)):
        x = 10.0 + 20 * k
        _, baseline = ink.place(ink.upright_column(np.float32(x), np.float32(ink.bottom)))
        bottom = float(baseline) + lower
        pinned[k] = x - 5, bottom - expected.top[k] * core, x + 5, bottom - expected.bottom[k] * core
    says = told(ink, pinned, expected)
    off = np.log(core / ink.core)
    if abs(off) < 0.25 and abs(lower / core) < 0.2:
        assert says is None
    if off < -0.5 or abs(lower / core) > 0.5:
        assert says is not None
    if says is not None:
        assert says.nats >= SURE
        assert abs(np.log(says.band.core / core)) <= GRID
        _, baseline = ink.place(ink.upright_column(np.float32(says.band.x), np.float32(ink.bottom)))
        assert abs(says.band.bottom - float(baseline) - lower) <= 3 * GRID * core


@pytest.mark.parametrize(
    ("text", "box"),
    [(".", (5, 0, 9, 40)), ("-", (10, 2, 20, 3)), (" ", (10, 0, 20, 90)), ("a", (10, 5, 20, 5)), ("a", (10, 5, 20, 7))],
    ids=["full stop", "dash", "space", "no height", "just begun"],
)
def test_small_marks_spaces_and_boxes_just_begun_tell_nothing(text: str, box: tuple[float, ...]) -> None:
    expected = expected_glyphs(["a", text])
    pinned = np.array([[np.nan] * 4, box], np.float32)
    assert told(plain(), pinned, expected) is None
    assert told(plain(), np.full((2, 4), np.nan, np.float32), expected) is None
    pinned[1] = 10, 0, 20, 90
    assert (told(plain(), pinned, expected) is None) == (text != "a")


def test_however_high_a_box_is_letters_are_no_higher_than_the_picture() -> None:
    says = told(plain(), np.array([[0, -1e9, 20, 1e9]], np.float32), expected_glyphs(["a"]))
    assert says is not None and says.nats == MOST
    assert says.band.core <= plain().mask.shape[0] * (1 + GRID)


def test_a_line_is_where_there_is_ink_along_the_band() -> None:
    rendered = render("hemlock", load_font(None, 36), np.random.default_rng(0), Degradation(margins_px=(9, 90, 9, 90)))
    true, expected = find_ink(rendered.pixels), expected_glyphs(list("hemlock"))
    for cores, there in ((0.0, True), (0.4, True), (2.0, False), (-2.0, False)):
        band = Band(true.mask.shape[1] / 2, true.bottom + cores * true.core, true.core)
        assert holds_line(find_ink(rendered.pixels, band=band), expected) == there, cores
