"""How far people agree with each other, and with what is known; how long they worked. Statistics only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from charloc.metrics import iou

WRONG_IOU = 0.5
PAUSE_S = 300.0
"""Who decides nothing for so long does something else; a difficult line takes a minute or two."""

Boxes = NDArray[np.float64]
"""(L, 4) x0 y0 x1 y1 in px of the image; NaN for a character that has no box."""
Compared = NDArray[np.float64]
"""(n, 3) of the n characters of one word that can be compared: distance of the centres in px and in h (NaN where only
one of the two has a box), and IoU (0 there)."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How near two sets of boxes of the same words are.

    Args:
        words, chars: what was compared.
        centre_px, centre_h: mean distance of the centres, in pixels and in heights of the word (h: the median height
            of its boxes), over characters with a box in both; NaN if there are none.
        iou: mean intersection over union; 0 for a character with a box in one of them only.
        wrong: share of characters with IoU < 0.5.
        word_wrong: share of words with such a character.
    """

    words: int
    chars: int
    centre_px: float
    centre_h: float
    iou: float
    wrong: float
    word_wrong: float


def compare(a: Boxes, b: Boxes, judged: Sequence[bool] | NDArray[np.bool_] | None = None) -> Compared:
    """Two sets of boxes of one word, character by character.

    Args:
        a, b: (L, 4); the same for `compare(b, a)`.
        judged: (L,) which characters both say something about; all that have a box in at least one, if None. Where
            neither has one, such as at a space, there is nothing to compare.

    >>> compare(np.array([[0, 0, 2, 2.0]]), np.array([[1, 0, 3, 2.0]])).round(3).tolist()
    [[1.0, 0.5, 0.333]]
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    there = np.stack([~np.isnan(a[:, 0]), ~np.isnan(b[:, 0])])
    use = there.any(axis=0)
    if judged is not None:
        use &= np.asarray(judged, bool)
    if not use.any():
        return np.empty((0, 3))
    height = float(np.nanmedian(np.concatenate([a[:, 3] - a[:, 1], b[:, 3] - b[:, 1]])))
    shift = (a[use, :2] + a[use, 2:] - b[use, :2] - b[use, 2:]) / 2
    distance = np.hypot(shift[:, 0], shift[:, 1])
    return np.stack([distance, distance / height, iou(a[use], b[use])], axis=1)


def summarise(compared: Iterable[Compared]) -> Agreement | None:
    """The agreement over words; None if nothing can be compared."""
    words = [word for word in compared if len(word)]
    if not words:
        return None
    rows = np.concatenate(words)
    both = rows[~np.isnan(rows[:, 0])]
    centre_px, centre_h = both[:, :2].mean(axis=0) if len(both) else (np.nan, np.nan)
    wrong = rows[:, 2] < WRONG_IOU
    return Agreement(
        words=len(words),
        chars=len(rows),
        centre_px=float(centre_px),
        centre_h=float(centre_h),
        iou=float(rows[:, 2].mean()),
        wrong=float(wrong.mean()),
        word_wrong=float(np.mean([(word[:, 2] < WRONG_IOU).any() for word in words])),
    )


def hours_of_work(times: Iterable[datetime], pause_s: float = PAUSE_S) -> float:
    """How long somebody worked, by when they decided something: the gaps between decisions, without the pauses.

    The first decision after a pause took some time that nobody saw: it counts as much as the person's median gap.
    """
    ordered = sorted(times)
    gaps = [(later - one).total_seconds() for one, later in pairwise(ordered)]
    working = [gap for gap in gaps if gap <= pause_s]
    if not working:
        return 0.0
    sittings = 1 + len(gaps) - len(working)
    return (sum(working) + sittings * float(np.median(working))) / 3600
