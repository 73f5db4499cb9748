"""Re-aligning one word again and again is what the method's own E-step of it would be."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache
from threading import Event

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charloc import pretrained
from charloc.methods import Method, make
from charloc.methods._looks import Eye
from charloc.realign import BYTES_PER_PIXEL, Prepares, Realigner
from charloc.synth import CLEAN, load_font, render, render_set
from charloc.types import Localization, Pin, PinError, Pins, TranscriptError, WordImage

METHODS = ("guess", "pretrained", "segmental", "even")
"""Those that prepare, and one that does not."""
GREEK = "λόγος τις"
HEBREW = "אבגד 12 הו"


@lru_cache(maxsize=1)
def words() -> list[WordImage]:
    """Degraded words, a line, letters that the net which ships does not know, and text laid out right to left."""
    rendered = render_set(8, 5, hard=True)
    line = render("the water lily, again", load_font(None, 28), np.random.default_rng(2), CLEAN)
    found = [each.word(i) for i, each in enumerate([*rendered, line])]
    found += [replace(line.word(len(found) + k), characters=tuple(text)) for k, text in enumerate((GREEK, HEBREW))]
    return found


@lru_cache(maxsize=8)
def method(name: str) -> Method:
    return make(name, pretrained.shipped() if name == "segmental" else None)


@lru_cache(maxsize=8)
def realigner(name: str) -> Realigner:
    return Realigner(method(name))


def same(one: Localization, other: Localization) -> bool:
    """The same to rounding: a matrix product of more rows may differ in the last bit."""
    return (
        np.allclose(one.boxes, other.boxes, rtol=0, atol=1e-3, equal_nan=True)
        and np.allclose(one.confidence, other.confidence, rtol=0, atol=1e-4)
        and np.isclose(one.score, other.score, rtol=1e-6, atol=1e-3)
        and one.method == other.method
    )


@st.composite
def pinned_words(draw: st.DrawFn) -> tuple[WordImage, Pins]:
    """A word, and some of its characters pinned near where an even split has them, or anywhere; a few invisible."""
    word = draw(st.sampled_from(words()))
    height, width = word.pixels.shape
    proposed = method("guess").e_step([word], [()])[0].boxes
    pins = []
    for index in sorted(draw(st.sets(st.integers(0, len(word.characters) - 1), max_size=4))):
        state = draw(st.sampled_from(("pinned", "pinned", "accepted", "invisible")))
        if state == "invisible":
            pins.append(Pin(index, None, state))
            continue
        if np.isnan(proposed[index, 0]):
            continue
        moved = proposed[index] + draw(st.integers(-6, 6))
        x0 = float(np.clip(moved[0], 0, width - 2))
        x1 = float(np.clip(moved[2] + draw(st.integers(-4, 8)), x0 + 1, width))
        pins.append(Pin(index, (x0, 0.0, x1, float(height)), state))
    return word, tuple(pins)


@pytest.mark.parametrize("name", METHODS)
def test_it_is_the_e_step_under_the_same_pins(name: str) -> None:
    solved = refused = 0

    @given(pinned_words())
    @settings(max_examples=40, database=None)
    def check(drawn: tuple[WordImage, Pins]) -> None:
        nonlocal solved, refused
        word, pins = drawn
        again = realigner(name)
        try:
            found = again.solve(again.prepare(word), pins)
        except PinError:
            refused += 1
            return
        solved += 1
        assert same(found, method(name).e_step([word], [pins])[0])
        for pin in pins:
            assert found.confidence[pin.index] == 1
            assert pin.box is None or found.boxes[pin.index].tolist() == np.float32(pin.box).tolist()

    check()
    assert solved >= 20, (solved, refused)


@pytest.mark.parametrize("name", ["pretrained", "segmental"])
def test_what_is_known_of_a_word_saves_further_looks_and_changes_no_box(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only what pins do not move keeps the confidence that was known."""
    word = words()[8]
    (free,) = method(name).e_step([word], [()])
    pins = (Pin(4, tuple((free.boxes[4] + np.array([5, 0, 5, 0], np.float32)).tolist())),)
    (moved,) = method(name).e_step([word], [pins])
    with monkeypatch.context() as patch:
        patch.setattr(Eye, "further", None)
        again = Realigner(method(name))
        prepared = again.prepare(word, lambda: free)
        assert same(again.solve(prepared), free)
        found = again.solve(prepared, pins)
    np.testing.assert_allclose(found.boxes, moved.boxes, atol=1e-3)
    stays = np.isclose(moved.boxes, free.boxes, equal_nan=True).all(axis=1)
    assert 0 < stays.sum() < len(stays)
    np.testing.assert_array_equal(found.confidence[stays], free.confidence[stays])
    np.testing.assert_allclose(found.confidence[~stays], moved.confidence[~stays], atol=1e-4)
    # Of another transcript nothing is known: it is looked at after all.
    edited = replace(word, characters=tuple("the water lilies, again"))
    assert same(again.solve(again.prepare(edited)), method(name).e_step([edited], [()])[0])


@pytest.mark.parametrize("name", METHODS)
def test_another_transcript_of_the_same_picture(name: str) -> None:
    word = words()[8]
    again = realigner(name)
    again.solve(again.prepare(word))
    for text in ("another text", "the water lily, again!", GREEK, HEBREW, "x", "…", "e\u0301\u0316 \U0001f468"):
        edited = replace(word, characters=tuple(text))
        assert same(again.solve(again.prepare(edited)), method(name).e_step([edited], [()])[0]), text


@pytest.mark.parametrize("name", METHODS)
def test_pins_that_contradict_each_other_are_named(name: str) -> None:
    word = words()[8]
    again = realigner(name)
    pins = (Pin(1, (100.0, 2.0, 110.0, 20.0)), Pin(4, (10.0, 2.0, 20.0, 20.0)))
    with pytest.raises(PinError, match=r"'h' \(character 2\) and 'w' \(character 5\)"):
        again.solve(again.prepare(word), pins)
    tight = (Pin(1, (100.0, 2.0, 110.0, 20.0)), Pin(9, (101.0, 2.0, 111.0, 20.0)))
    with pytest.raises(PinError, match="no room for the 7 between"):
        again.solve(again.prepare(word), tight)


@pytest.mark.parametrize("name", METHODS)
def test_more_characters_than_columns(name: str) -> None:
    word = replace(words()[0], characters=("m",) * 2000)
    with pytest.raises(TranscriptError, match="2000 characters do not fit"):
        realigner(name).solve(realigner(name).prepare(word))


@pytest.mark.parametrize("name", METHODS)
def test_everything_pinned_or_invisible(name: str) -> None:
    word = words()[0]
    hidden = tuple(Pin(i, None, "invisible") for i in range(len(word.characters)))
    found = realigner(name).solve(realigner(name).prepare(word), hidden)
    assert np.isnan(found.boxes).all() and (found.confidence == 1).all()


class Counted:
    """A method that prepares; counts how often."""

    name, learns, honours_pins = "counted", False, True

    def __init__(self) -> None:
        self.prepared: list[int] = []

    def kind(self, word: WordImage) -> str:
        return "marks" if "." in word.characters else ""

    def prepare(self, word: WordImage, known: Localization | None = None) -> str:
        self.prepared.append(word.id)
        return f"picture {word.id}"

    def solve(self, word: WordImage, prepared: str, pins: Pins) -> Localization:
        nowhere = np.full((len(word.characters), 4), np.nan, np.float32)
        return Localization(nowhere, np.ones(len(nowhere), np.float32), 0.0, prepared)


def picture(id: int, text: str) -> WordImage:
    return WordImage(id, f"{id}.png", np.zeros((20, 50), np.uint8), tuple(text))


def test_a_picture_is_prepared_once_for_each_kind_of_transcript() -> None:
    counted = Counted()
    assert isinstance(counted, Prepares)
    again = Realigner(counted)  # type: ignore[arg-type]
    for text in ("ab", "ab", "abcd", "ab.", "x."):
        found = again.solve(again.prepare(picture(1, text)))
        assert (found.method, len(found.boxes)) == ("picture 1", len(text))
    assert counted.prepared == [1, 1]
    assert again.solve(again.prepare(picture(2, "ab"))).method == "picture 2"
    assert counted.prepared == [1, 1, 2]


def test_two_threads_make_a_picture_ready_once() -> None:
    """And another one is not waited for."""
    held, begun = Event(), Event()

    class Slow(Counted):
        def prepare(self, word: WordImage, known: Localization | None = None) -> str:
            if word.id == 1:
                begun.set()
                assert held.wait(30)
            return super().prepare(word, known)

    slow = Slow()
    again = Realigner(slow)  # type: ignore[arg-type]
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(again.prepare, picture(1, text)) for text in ("ab", "abc")]
        assert begun.wait(30)
        assert again.solve(again.prepare(picture(2, "ab"))).method == "picture 2"
        held.set()
        assert [again.solve(each.result()).method for each in both] == ["picture 1"] * 2
    assert sorted(slow.prepared) == [1, 2]


def test_the_picture_used_longest_ago_is_forgotten_first() -> None:
    counted = Counted()
    again = Realigner(counted, most_bytes=3 * 20 * 50 * BYTES_PER_PIXEL)  # type: ignore[arg-type]
    for id in (1, 2, 3, 1, 4, 1, 2):
        again.prepare(picture(id, "ab"))
    assert counted.prepared == [1, 2, 3, 4, 2]
    small = Realigner(counted, most_bytes=1)  # type: ignore[arg-type]
    counted.prepared.clear()
    for id in (1, 1, 2, 2, 1):
        small.prepare(picture(id, "ab"))
    assert counted.prepared == [1, 2, 1]
