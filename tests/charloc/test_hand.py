"""What a hand does to letters: each another, none lost, no place left, the same for the same state."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from charloc.hand import ROOM, by_hand
from charloc.synth import CLEAN, INK, load_font, render


def layers() -> np.ndarray:
    """Two bars of one height on layers of their own, 30 x 40 px."""
    drawn = np.zeros((2, 30, 40), np.float32)
    drawn[0, 5:25, 8:12] = drawn[1, 5:25, 28:32] = 1
    return drawn


def test_without_strength_letters_stay_what_they_are() -> None:
    moved = by_hand(layers(), 0.0, np.random.default_rng(0))
    room = int(np.ceil(ROOM * 30))
    assert moved.shape == (2, 30 + 2 * room, 40 + 2 * room)
    np.testing.assert_allclose(moved[:, room:-room, room:-room], layers(), atol=1e-5)


def test_letters_become_unlike_and_keep_their_ink_and_order() -> None:
    unlike = 0
    for seed in range(8):
        one, other = by_hand(layers(), 1.0, np.random.default_rng(seed))
        for each in (one, other):
            assert 0.4 < each.sum() / layers()[0].sum() < 2
            assert each[0].max() == 0 or each[-1].max() == 0, "room enough"
        middles = [float((each.sum(axis=0) * np.arange(each.shape[1])).sum() / each.sum()) for each in (one, other)]
        assert 8 < middles[1] - middles[0] < 32
        unlike += not np.allclose(one[:, :20], other[:, 20:40], atol=0.2)
    assert unlike == 8


def test_the_same_state_gives_the_same_hand() -> None:
    once, again = (by_hand(layers(), 0.7, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(once, again)


def test_boxes_of_words_by_hand_hold_their_own_ink() -> None:
    rendered = render("hand", load_font(None, 30), np.random.default_rng(1), replace(CLEAN, hand=0.8))
    assert np.isfinite(rendered.boxes).all()
    rows, columns = np.nonzero(rendered.ink >= INK * 255 + 1)
    x0, y0 = rendered.boxes[:, :2].min(axis=0)
    x1, y1 = rendered.boxes[:, 2:].max(axis=0)
    assert (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) == (x0, y0, x1, y1)
