"""Planted errors come first, with the reason and what it should say; nothing is asked of the planting."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from charloc import pretrained
from charloc.methods.segmental import Segmental
from charloc.suspicion import IN_WORDS, Reason, Suspicion, difference
from charloc.suspicion.finding import find
from charloc.suspicion.reading import Scale, edit
from charloc.synth import CLEAN, load_font, render_word
from charloc.types import Pin, WordImage

TEXTS = (
    "harbour", "window", "between", "letters", "morning", "silver", "kitchen", "garden", "bottle", "summer", "paper",
    "thunder", "winter", "market", "finger", "monday", "orange", "purple", "hundred", "simple",
)  # fmt: skip
WRONG = {2: ("betveen", Reason.changed), 4: ("mornng", Reason.missing), 7: ("gardeen", Reason.extra),
         11: ("thudner", Reason.swapped), 15: ("elephant", Reason.other_text)}  # fmt: skip


def picture(text: str, index: int = 0, size_px: float = 30) -> WordImage:
    pixels, _ = render_word(text, load_font(None, size_px), np.random.default_rng(index), CLEAN)
    return WordImage(index + 1, f"{index}.png", pixels, tuple(text))


@pytest.fixture(scope="module")
def reader() -> Segmental:
    shipped = pretrained.shipped()
    assert shipped is not None
    return Segmental(shipped)


@pytest.fixture(scope="module")
def words() -> list[WordImage]:
    said = [replace(picture(text, i), characters=tuple(WRONG.get(i, (text,))[0])) for i, text in enumerate(TEXTS)]
    blank = WordImage(101, "blank.png", np.full((40, 120), 230, np.uint8), tuple("nothing"))
    copy = replace(said[0], id=102, name="copy.png", characters=tuple("harbourx"))
    narrow = WordImage(103, "narrow.png", said[3].pixels[:, :12], tuple("a very long line of text"))
    return [*said, blank, copy, narrow]


@pytest.fixture(scope="module")
def found(words: list[WordImage], reader: Segmental) -> list[Suspicion]:
    return find(words, [()] * len(words), reader)


def test_what_was_planted_comes_first(found: list[Suspicion]) -> None:
    scores = np.array([each.score for each in found[: len(TEXTS)]])
    wrong = np.array([i in WRONG for i in range(len(TEXTS))])
    wrong[0] = True  # its picture is there twice, with another text
    assert scores[wrong].min() > scores[~wrong].max()
    assert np.median(scores[wrong]) > 0.9 and scores[~wrong].max() < 0.1


@pytest.mark.parametrize("index", WRONG)
def test_the_reason_and_the_suggestion_are_right(found: list[Suspicion], index: int) -> None:
    each = found[index]
    assert each.reason is WRONG[index][1]
    assert each.suggestion is not None and "".join(each.suggestion) == TEXTS[index]
    assert each.gain > 0 and each.word_id == index + 1


def test_pictures_are_suspicious_by_themselves(found: list[Suspicion]) -> None:
    blank, copy, narrow = found[-3:]
    assert blank.reason is Reason.blank and blank.suggestion is None
    assert copy.weights[Reason.other_copy] == found[0].weights[Reason.other_copy] and found[0].other == 102
    assert narrow.reason is Reason.too_many and narrow.score > 0.9


def test_a_score_joins_the_weights_of_its_reasons(found: list[Suspicion]) -> None:
    for each in found:
        assert 0 <= each.score <= 1
        assert each.score == pytest.approx(1 - np.prod([1 - weight for weight in each.weights.values()]))
        assert each.weights[each.reason] == max(each.weights.values())


def test_without_a_net_the_width_and_the_pictures_still_tell(words: list[WordImage]) -> None:
    found = find(words, [()] * len(words), None)
    assert [each.suggestion for each in found] == [None] * len(words)
    assert {found[-3].reason, found[-1].reason} == {Reason.blank, Reason.too_many}
    assert found[0].reason is Reason.other_copy


def test_what_is_said_to_be_invisible_is_not_missed(words: list[WordImage], reader: Segmental) -> None:
    hidden = replace(words[1], characters=(*words[1].characters, "."))
    seen, held = find([hidden, *words[2:6]], [()] * 5, reader)[0], find(
        [hidden, *words[2:6]], [(Pin(len(hidden.characters) - 1, None, "invisible"),), (), (), (), ()], reader
    )[0]  # fmt: skip
    assert seen.score > held.score


def test_it_reports_and_can_be_stopped(words: list[WordImage], reader: Segmental) -> None:
    class Enough(Exception):
        pass

    said: list[tuple[str, int, int]] = []

    def stop(phase: str, done: int, total: int) -> None:
        said.append((phase, done, total))
        if done:
            raise Enough

    with pytest.raises(Enough):
        find(words, [()] * len(words), reader, stop)
    assert said[0] == ("read", 0, len(words))


def test_words_without_letters_and_no_words() -> None:
    assert find([], [], None) == []
    space = WordImage(1, "space", picture("abc").pixels, (" ",))
    assert find([space], [()], None)[0].score < 0.5


RTL = (4, 3, 2, 1, 0)


@pytest.mark.parametrize(
    ("reason", "place", "order", "becomes"),
    [
        (Reason.changed, 1, (0, 1, 2, 3, 4), "a*cde"),
        (Reason.extra, 0, (0, 1, 2, 3, 4), "bcde"),
        (Reason.swapped, 3, (0, 1, 2, 3, 4), "abced"),
        (Reason.missing, 0, (0, 1, 2, 3, 4), "*abcde"),
        (Reason.missing, 5, (0, 1, 2, 3, 4), "abcde*"),
        (Reason.missing, 2, (0, 1, 2, 3, 4), "ab*cde"),
        (Reason.changed, 1, RTL, "abc*e"),
        (Reason.extra, 0, RTL, "abcd"),
        (Reason.missing, 0, RTL, "abcde*"),
        (Reason.missing, 5, RTL, "*abcde"),
        (Reason.missing, 1, RTL, "abcd*e"),
        (Reason.missing, 1, (0, 1, 2, 3), "a*bcde"),
    ],
)
def test_an_edit_of_the_layout_is_made_in_reading_order(
    reason: Reason, place: int, order: tuple[int, ...], becomes: str
) -> None:
    assert "".join(edit(tuple("abcde"), order, reason, place, "*")) == becomes


def test_few_letters_say_little_of_a_word_s_scale() -> None:
    scale = Scale(0.0, 0.1)
    assert 1 < scale.shrunk(1.5, 1) < scale.shrunk(1.5, 30) < 1.5
    assert scale.deviations(1.5, 30) > scale.deviations(1.5, 1) > 0


def test_a_difference_reads_in_order_and_gives_both_texts_back() -> None:
    runs = difference(tuple("kitten"), tuple("sitting"))
    assert "".join(text for kind, text in runs if kind != "new") == "kitten"
    assert "".join(text for kind, text in runs if kind != "gone") == "sitting"
    assert difference((), tuple("a")) == [("new", "a")] and difference((), ()) == []


def test_every_reason_is_said_in_words() -> None:
    assert set(IN_WORDS) == set(Reason)
