"""Wrong boxes and wrong letters stand out among their likes."""

from __future__ import annotations

import numpy as np
import pytest

from charloc.calibration import auc
from charloc.oddity import medians, oddity
from charloc.synth import CLEAN, load_font, render_word
from charloc.types import WordImage

TEXTS = ("melody", "number", "meadow", "women", "dome", "modern", "demon", "memo", "omen", "wonder") * 6


@pytest.fixture(scope="module")
def rendered() -> tuple[list[WordImage], list[np.ndarray]]:
    rng = np.random.default_rng(3)
    words, boxes = [], []
    for number, text in enumerate(TEXTS):
        pixels, found = render_word(text, load_font(None, 24 + number % 3 * 6), rng, CLEAN)
        words.append(WordImage(number, f"{number}.png", pixels, tuple(text)))
        boxes.append(np.asarray(found, np.float32))
    return words, boxes


def test_planted_errors_come_first(rendered: tuple[list[WordImage], list[np.ndarray]]) -> None:
    words, true = rendered
    rng = np.random.default_rng(5)
    boxes, planted = [each.copy() for each in true], [np.zeros(len(each), bool) for each in true]
    for number in range(0, len(words), 5):
        at = int(rng.integers(len(boxes[number])))
        x0, _, x1, _ = boxes[number][at]
        boxes[number][at, [0, 2]] += 0.6 * (x1 - x0) if number % 2 else -0.6 * (x1 - x0)
        planted[number][at] = True
    swapped = list(words[3].characters)
    swapped[1], swapped[2] = swapped[2], swapped[1]
    assert swapped[1] != swapped[2]
    words = [*words[:3], WordImage(3, "3.png", words[3].pixels, tuple(swapped)), *words[4:]]
    planted[3][1:3] = True
    values, wrong = np.concatenate(oddity(words, boxes)), np.concatenate(planted)
    assert auc(values, wrong) > 0.97
    first = np.argsort(-values)[: wrong.sum()]
    assert wrong[first].mean() > 0.7
    assert np.median(values[~wrong]) == pytest.approx(1.0, abs=0.4), "ordinary ones are about 1"


def test_what_has_no_box_or_no_likes_is_not_judged(rendered: tuple[list[WordImage], list[np.ndarray]]) -> None:
    words, boxes = rendered
    some, there = words[:12], [each.copy() for each in boxes[:12]]
    there[0][2] = np.nan
    rare = WordImage(99, "rare.png", words[0].pixels, ("§", *words[0].characters[1:]))
    seen: list[int] = []
    values = oddity([*some, rare], [*there, boxes[0]], seen.append)
    assert [len(each) for each in values] == [len(each.characters) for each in [*some, rare]]
    assert np.isnan(values[0][2]) and np.isnan(np.concatenate(values)).sum() == 1
    assert values[-1][0] == 1.0, "the only one of its name is as it is"
    assert seen == list(range(1, 14))
    assert oddity([], []) == []
    nowhere = oddity(words[:1], [np.full((6, 4), np.nan, np.float32)])
    assert np.isnan(nowhere[0]).all()


def test_it_does_not_depend_on_the_order_of_words(rendered: tuple[list[WordImage], list[np.ndarray]]) -> None:
    words, boxes = rendered
    forward = oddity(words, boxes)
    backward = oddity(words[::-1], boxes[::-1])[::-1]
    for one, other in zip(forward, backward, strict=True):
        assert np.allclose(one, other, atol=0.15)


def test_medians_agree_with_numpy() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        groups = rng.integers(0, 6, rng.integers(1, 30))
        values = rng.normal(size=len(groups))
        for group, found in enumerate(medians(values, groups, 6)):
            mine = values[groups == group]
            assert found == pytest.approx(np.median(mine) if len(mine) else 1.0)
