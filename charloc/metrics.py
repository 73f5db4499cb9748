"""How good boxes are, measured against true ones: centre error, overlap, whole words right.

All errors are in units of h, the median height of the word's true boxes: a hundredth of a page and a postage stamp
are judged alike. Characters whose true box is unknown or only approximate do not count; a character without a
predicted box is a miss.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from charloc.text import code_points_per_character
from charloc.types import Box

Errors = NDArray[np.float64]
"""(n, 3) of the n characters of one word that count: dx and dy of the centre in h (NaN: no box), and IoU."""


@dataclass(frozen=True, slots=True)
class Scores:
    """The numbers of one set of words; NaN where nothing counted.

    Args:
        words: words with at least one character that counts.
        chars: characters that count.
        cover: share of characters that were given a box.
        dx_med, dx_mean, dy_med, dy_mean: absolute error of the centre in h, over characters given a box.
        pck25, pck10: share of all characters whose centre is within 0.25 h (0.10 h).
        miou: mean intersection over union; a missing box counts 0.
        r50, r75: share of all characters with IoU >= 0.5 (0.75).
        word50: share of words in which all characters reach IoU >= 0.5.
        wordpck25: share of words in which all characters are within 0.25 h.
    """

    words: int
    chars: int
    cover: float
    dx_med: float
    dx_mean: float
    dy_med: float
    dy_mean: float
    pck25: float
    pck10: float
    miou: float
    r50: float
    r75: float
    word50: float
    wordpck25: float

    def rounded(self) -> dict[str, float | None]:
        """The scores by name, to four places; None where nothing counted."""
        return {name: None if np.isnan(value) else round(value, 4) for name, value in asdict(self).items()}


def iou(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """Intersection over union of boxes.

    Args:
        a, b: (..., 4) x0 y0 x1 y1; shapes that broadcast.

    Returns:
        (...,) in 0..1; 0 where either box is NaN or empty.

    >>> float(iou([0, 0, 2, 2], [1, 0, 3, 2]))
    0.3333333333333333
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    width = np.minimum(a[..., 2], b[..., 2]) - np.maximum(a[..., 0], b[..., 0])
    height = np.minimum(a[..., 3], b[..., 3]) - np.maximum(a[..., 1], b[..., 1])
    # NaN fails the comparison, so a missing box meets nothing.
    common = np.where((width > 0) & (height > 0), width * height, 0.0)
    union = _area(a) + _area(b) - common
    return np.divide(common, union, out=np.zeros_like(common), where=common > 0)


def word_errors(
    true: Sequence[Box | None], predicted: Sequence[Box | None] | NDArray[np.float32], approx: Collection[int] = ()
) -> Errors:
    """The errors of one word.

    Args:
        true: n true boxes, None where there is none (spaces).
        predicted: n boxes of the same characters; None or a row of NaN where none was found.
        approx: indices that do not count.

    Returns:
        float64 (m, 3), m <= n: dx, dy in h, and IoU, of the characters that count.

    Raises:
        ValueError: `true` and `predicted` differ in length.
    """
    if len(true) != len(predicted):
        raise ValueError(f"{len(predicted)} predicted boxes for {len(true)} characters")
    counted = [i for i, box in enumerate(true) if box is not None and i not in approx]
    if not counted:
        return np.zeros((0, 3))
    a, b = to_array([true[i] for i in counted]), to_array([predicted[i] for i in counted])
    h = np.median(a[:, 3] - a[:, 1])
    centre_a, centre_b = (a[:, :2] + a[:, 2:]) / 2, (b[:, :2] + b[:, 2:]) / 2
    return np.column_stack([(centre_b - centre_a) / h, iou(a, b)])


def distances(errors: Errors) -> NDArray[np.float64]:
    """How far each centre is from the true one, in h; infinite where there was no box. float64 (n,)."""
    return np.nan_to_num(np.hypot(errors[:, 0], errors[:, 1]), nan=np.inf)


def scores(words: Iterable[Errors]) -> Scores:
    """The scores of a set of words, each as `word_errors` gives it; words in which nothing counts are left out."""
    words = [errors for errors in words if len(errors)]
    every = np.concatenate(words) if words else np.zeros((0, 3))
    off, overlap = distances(every), every[:, 2]
    given = np.abs(every[np.isfinite(off), :2])
    return Scores(
        words=len(words),
        chars=len(every),
        cover=_mean(np.isfinite(off)),
        dx_med=_median(given[:, 0]),
        dx_mean=_mean(given[:, 0]),
        dy_med=_median(given[:, 1]),
        dy_mean=_mean(given[:, 1]),
        pck25=_mean(off <= 0.25),
        pck10=_mean(off <= 0.10),
        miou=_mean(overlap),
        r50=_mean(overlap >= 0.5),
        r75=_mean(overlap >= 0.75),
        word50=_mean([(errors[:, 2] >= 0.5).all() for errors in words]),
        wordpck25=_mean([(distances(errors) <= 0.25).all() for errors in words]),
    )


def scores_by(labels: Iterable[str], words: Iterable[Errors]) -> Mapping[str, Scores]:
    """The scores of each group of words; `labels` says which group each of `words` is of."""
    groups: dict[str, list[Errors]] = {}
    for label, errors in zip(labels, words, strict=True):
        groups.setdefault(label, []).append(errors)
    return {label: scores(groups[label]) for label in sorted(groups)}


def per_code_point(characters: Sequence[str], boxes: NDArray[np.float32]) -> tuple[Box | None, ...]:
    """The boxes of L characters as files hold them: one per code point, a cluster's box repeated for each of its own.

    Args:
        characters: L grapheme clusters.
        boxes: (L, 4); a row of NaN where there is no box.
    """
    if len(characters) != len(boxes):
        raise ValueError(f"{len(boxes)} boxes for {len(characters)} characters")
    rows = [None if np.isnan(row).any() else (row[0], row[1], row[2], row[3]) for row in boxes.tolist()]
    counts = code_points_per_character(characters)
    return tuple(row for row, count in zip(rows, counts, strict=True) for _ in range(count))


def to_array(boxes: Iterable[Box | NDArray[np.float32] | None]) -> NDArray[np.float64]:
    """Boxes as float64 (n, 4), a row of NaN for None."""
    rows = [(np.nan,) * 4 if box is None else tuple(box) for box in boxes]
    return np.array(rows, np.float64).reshape(-1, 4)


def _area(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1]))


def _mean(values: ArrayLike) -> float:
    numbers = np.asarray(values, np.float64)
    return float(numbers.mean()) if numbers.size else float("nan")


def _median(values: NDArray[np.float64]) -> float:
    return float(np.median(values)) if values.size else float("nan")
