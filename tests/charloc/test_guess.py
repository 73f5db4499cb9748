"""The first guess on rendered words, and on what nobody would call a word."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn

from charloc.methods import Checkpoint, Method, make
from charloc.methods.guess import CHUNK, Guess, guess_word
from charloc.metrics import scores, word_errors
from charloc.synth import Rendered, load_font, render_set, render_word
from charloc.types import Localization, Pin, WordImage


@pytest.fixture(scope="module", params=[False, True], ids=["clean", "hard"])
def rendered(request: pytest.FixtureRequest) -> tuple[list[Rendered], list[Localization]]:
    words = render_set(60, 8, request.param)
    images = [each.word(i) for i, each in enumerate(words)]
    return words, Guess().e_step(images, [()] * len(images))


def test_it_is_a_method() -> None:
    method = make("guess")
    assert isinstance(method, Method)
    assert not method.learns and method.honours_pins
    assert isinstance(make("guess", method.checkpoint()), Guess)
    assert method.checkpoint() == Checkpoint({}, {"method": "guess"})


def test_most_characters_of_rendered_words_are_right(
    rendered: tuple[list[Rendered], list[Localization]], request: pytest.FixtureRequest
) -> None:
    words, found = rendered
    result = scores(word_errors(word.boxes, each.boxes) for word, each in zip(words, found, strict=True))
    hard = "hard" in request.node.name
    assert result.cover == 1.0
    assert result.r50 > (0.92 if hard else 0.97)
    assert result.word50 > (0.75 if hard else 0.9)


def test_what_it_is_surer_of_is_right_more_often(rendered: tuple[list[Rendered], list[Localization]]) -> None:
    words, found = rendered
    errors = np.concatenate([word_errors(word.boxes, each.boxes) for word, each in zip(words, found, strict=True)])
    sure = np.concatenate([each.confidence for each in found])
    wrong = errors[:, 2] < 0.5
    if wrong.sum() >= 3:
        assert sure[wrong].mean() < sure[~wrong].mean() - 0.1


def test_one_by_one_or_in_batches_it_is_the_same(rendered: tuple[list[Rendered], list[Localization]]) -> None:
    words, found = rendered
    for i in (0, 7, 31):
        alone = guess_word(words[i].word(i))
        np.testing.assert_array_equal(alone.boxes, found[i].boxes)
        np.testing.assert_array_equal(alone.confidence, found[i].confidence)
        assert alone.score == found[i].score
        assert alone.method == "guess"


def test_more_words_than_a_chunk_keep_their_order_and_report_progress() -> None:
    kinds = [each.word(i) for i, each in enumerate(render_set(3, 1, False))]
    words = [kinds[i % 3] for i in range(CHUNK + 5)]
    seen = []
    found = Guess().e_step(words, [()] * len(words), lambda *report: seen.append(report))
    assert seen == [("localize", 0, len(words)), ("localize", CHUNK, len(words)), ("localize", len(words), len(words))]
    for i in (0, 1, CHUNK - 1, CHUNK, CHUNK + 4):
        np.testing.assert_array_equal(found[i].boxes, guess_word(words[i]).boxes)
    assert Guess().e_step([], []) == []


def test_progress_may_stop_the_work() -> None:
    words = [each.word(i) for i, each in enumerate(render_set(2, 1, False))]

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Guess().e_step(words, [()] * 2, stop)


# --- kinds of text ----------------------------------------------------------------------------------------------------


def test_right_to_left_text_is_read_from_the_right() -> None:
    pixels, boxes = render_word("mail", load_font(None, 34), np.random.default_rng(0))
    # Hebrew letters are taken for equally wide; these four are not, so only their order is asked for.
    found = guess_word(WordImage(1, "rtl.png", pixels, ("א", "ב", "ג", "ד"))).boxes
    assert (np.diff((found[:, 0] + found[:, 2]) / 2) < 0).all()
    assert found[0, 2] == pytest.approx(boxes[3, 2], abs=2)


def test_spaces_have_no_box_and_words_are_parted_there() -> None:
    text = "to be or"
    pixels, boxes = render_word(text, load_font(None, 34), np.random.default_rng(0))
    found = guess_word(WordImage(1, text, pixels, tuple(text)))
    space = np.array([c == " " for c in text])
    assert np.isnan(found.boxes[space]).all()
    assert np.abs(found.boxes[~space] - boxes[~space]).max() <= 3
    assert (found.confidence[space] > 0.5).all()


@pytest.mark.parametrize("character", ["l", "W", ".", "_", "-", "|", "\N{LATIN SMALL LETTER E WITH ACUTE}"])
def test_one_character_is_all_there_is(character: str) -> None:
    pixels, boxes = render_word(character, load_font(None, 34), np.random.default_rng(0))
    found = guess_word(WordImage(1, character, pixels, (character,))).boxes
    assert np.abs(found - boxes).max() <= 1.5


def line(words: int) -> tuple[WordImage, np.ndarray]:
    """A long line of rendered words, and its boxes."""
    rng, font = np.random.default_rng(1), load_font(None, 26)
    parts, boxes, text, at = [], [], [], 0
    for _ in range(words):
        each = "".join(rng.choice(list("abcdefghijklmnopqrstuvwxyz"), 6))
        pixels, placed = render_word(f"{each}lg", font, rng)  # the last two make all pictures equally high
        end = int(placed[5, 2]) + 6
        part = np.full((42, end), 255, np.uint8)
        part[: len(pixels), : end - 6] = pixels[:, : end - 6]
        parts.append(part)
        placed[:, [0, 2]] += at
        boxes += [*placed[:6], np.full(4, np.nan)]
        text += [*each, " "]
        at += end
    return WordImage(1, "line.png", np.hstack(parts), tuple(text[:-1])), np.array(boxes[:-1])


def test_a_line_of_five_hundred_characters() -> None:
    word, boxes = line(72)
    assert len(word.characters) > 500
    found = guess_word(word)
    result = scores([word_errors([None if np.isnan(b[0]) else tuple(b) for b in boxes], found.boxes)])
    assert result.r50 > 0.9


# --- anything at all --------------------------------------------------------------------------------------------------


def check(word: WordImage, found: Localization) -> None:
    height, width = word.pixels.shape
    assert found.boxes.shape == (len(word.characters), 4)
    assert np.isfinite(found.score)
    assert ((found.confidence >= 0) & (found.confidence <= 1)).all()
    space = np.array([c == " " for c in word.characters])
    assert np.isnan(found.boxes[space]).all()
    boxes = found.boxes[~space]
    assert (boxes[:, :2] >= 0).all() and (boxes[:, 2:] <= (width, height)).all()
    assert (boxes[:, 2:] - boxes[:, :2] > 0.999).all()


@pytest.mark.parametrize("shape", [(1, 1), (40, 4), (1, 40), (30, 100), (500, 8), (12, 6000)])
@pytest.mark.parametrize("level", [0, 255])
def test_a_picture_without_ink_gives_boxes_nobody_is_sure_of(shape: tuple[int, int], level: int) -> None:
    word = WordImage(1, "plain.png", np.full(shape, level, np.uint8), tuple("ab c"[: min(4, shape[1])]))
    found = guess_word(word)
    check(word, found)
    space = np.array([c == " " for c in word.characters])
    assert not found.confidence[~space].any()


@settings(max_examples=100)
@given(st.data())
def test_any_text_on_any_picture(data: st.DataObject) -> None:
    shape = data.draw(stn.array_shapes(min_dims=2, max_dims=2, max_side=36))
    elements = data.draw(st.sampled_from([st.integers(0, 255), st.sampled_from([0, 255])]))
    pixels = data.draw(stn.arrays(np.uint8, shape, elements=elements))
    text = data.draw(st.lists(st.sampled_from(list("miW.'ძא文 ")), min_size=1, max_size=shape[1]))
    word = WordImage(1, "wild.png", pixels, tuple(text))
    check(word, guess_word(word))


def test_a_character_said_to_be_invisible_has_no_box() -> None:
    pixels, _ = render_word("hand", load_font(None, 30), np.random.default_rng(0))
    found = guess_word(WordImage(1, "w", pixels, tuple("hand")), (Pin(3, None, "invisible"),))
    assert np.isnan(found.boxes[3]).all()
    assert found.confidence[3] == 1


def test_one_impossible_word_does_not_end_a_round(caplog: pytest.LogCaptureFixture) -> None:
    good = render_set(1, 3, False)[0].word(0)
    height, width = good.pixels.shape
    swapped = (Pin(0, (width - 9.0, 2.0, width - 1.0, height - 2.0)), Pin(1, (1.0, 2.0, 9.0, height - 2.0)))
    crowded = WordImage(7, "crowded.png", np.full((9, 3), 255, np.uint8), tuple("abcdefg"))
    found = Guess().e_step([good, good, crowded], [(), swapped, ()])
    np.testing.assert_array_equal(found[1].boxes[:2], [pin.box for pin in swapped])
    assert (found[1].confidence[:2] == 1).all()
    np.testing.assert_array_equal(found[1].boxes[2:], found[0].boxes[2:])
    assert len(found[2].boxes) == 7
    assert (found[2].confidence == 0).all()
    assert "wrong order" in caplog.text
    assert "crowded.png" in caplog.text


def test_a_character_that_is_not_visible_takes_no_ink() -> None:
    pixels = render_word("melody", load_font(None, 34), np.random.default_rng(3))[0]
    right = guess_word(WordImage(0, "right.png", pixels, tuple("melody")))
    wrong = guess_word(WordImage(1, "wrong.png", pixels, tuple("melrody")), (Pin(3, None, "invisible"),))
    np.testing.assert_array_equal(np.delete(wrong.boxes, 3, axis=0), right.boxes)
    assert np.isnan(wrong.boxes[3]).all()
    assert wrong.confidence[3] == 1
    nothing = tuple(Pin(i, None, "invisible") for i in range(7))
    assert np.isnan(guess_word(WordImage(2, "none.png", pixels, tuple("melrody")), nothing).boxes).all()
