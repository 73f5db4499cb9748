"""How unusual every character looks among those of its name, so that wrong boxes and wrong letters stand out.

Nothing is learned of what is right. Two characters of one name are compared by their ink, seen at one size, and by how
large they are and where they stand on the line; what has no near likes is unusual, and more so what looks like
characters of another name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from charloc.glyphs import glyph
from charloc.inkmap import soft_ink
from charloc.types import WordImage

Floats = NDArray[np.float32]
SIDE = 12
"""A crop is seen as SIDE x SIDE pixels."""
AROUND = 0.15
"""So much of the crop's size is seen around it on every side: what a cut goes through shows there."""
COMPONENTS = 24
"""Directions in which crops differ most: the others are noise."""
NEAREST = 5
REFERENCE = 1500
"""At most so many crops of one name are compared with: enough, and time grows with it."""
OTHERS = 80
"""Crops of each other name that are compared with."""
GEOMETRY = 0.6
"""Weight of size and place beside ink."""


@dataclass(frozen=True, slots=True, eq=False)
class Crops:
    """The n characters of a project that have a box, in the order of words and characters.

    Args:
        word: int64 (n,), which word, counted from 0.
        index: int64 (n,), which character of it.
        name: int64 (n,), which of `names` it is.
        names: the different characters.
        boxes: float32 (n, 4), xyxy, px.
        ink: float32 (n, SIDE * SIDE), 0..1.
    """

    word: NDArray[np.int64]
    index: NDArray[np.int64]
    name: NDArray[np.int64]
    names: tuple[str, ...]
    boxes: Floats
    ink: Floats


def oddity(
    words: Iterable[WordImage], boxes: Iterable[Floats], tick: Callable[[int], object] = lambda done: None
) -> list[Floats]:
    """How unusual each character of each word is.

    Args:
        words: N words; looked at one after the other.
        boxes: N times float32 (L, 4), xyxy, px; NaN where a character has no box.
        tick: called with the number of words looked at; may raise to stop.

    Returns:
        N times float32 (L,): about 1 for an ordinary character, more for an unusual one, comparable between
        characters; NaN where there is no box.

    Source: distance to the nearest neighbours as a score of outliers: Ramaswamy, Rastogi, Shim, "Efficient algorithms
        for mining outliers from large data sets" (SIGMOD 2000). Relative to neighbours of other names: derived here.
    """
    lengths: list[int] = []
    crops = _crops(words, boxes, lengths, tick)
    found = [np.full(length, np.nan, np.float32) for length in lengths]
    for word, index, value in zip(crops.word, crops.index, unusual(crops), strict=True):
        found[word][index] = value
    return found


def _crops(
    words: Iterable[WordImage], boxes: Iterable[Floats], lengths: list[int], tick: Callable[[int], object]
) -> Crops:
    numbers: dict[str, int] = {}
    rows: list[tuple[int, int, int]] = []
    placed: list[Floats] = []
    seen: list[Floats] = []
    for at, (word, xyxy) in enumerate(zip(words, boxes, strict=True)):
        lengths.append(len(word.characters))
        there = np.flatnonzero(~np.isnan(xyxy[:, 0]))
        if len(there):
            picture = Image.fromarray((soft_ink(word.pixels)[0] * 255).astype(np.uint8))
            seen += [_seen(picture, xyxy[index]) for index in there]
            placed.append(xyxy[there])
            rows += [(at, int(i), numbers.setdefault(word.characters[i], len(numbers))) for i in there]
        tick(at + 1)
    table = np.array(rows, np.int64).reshape(-1, 3)
    together = np.concatenate(placed) if placed else np.zeros((0, 4), np.float32)
    ink = np.stack(seen) if seen else np.zeros((0, SIDE * SIDE), np.float32)
    return Crops(table[:, 0], table[:, 1], table[:, 2], tuple(numbers), together.astype(np.float32), ink)


def _seen(picture: Image.Image, box: Floats) -> Floats:
    """A crop with what is around it, (SIDE * SIDE,)."""
    x0, y0, x1, y1 = (float(edge) for edge in box)
    wide, high = max(x1 - x0, 1.0), max(y1 - y0, 1.0)
    frame = (x0 - AROUND * wide, y0 - AROUND * high, x1 + AROUND * wide, y1 + AROUND * high)
    # Reduced by whole steps first: a transform alone would skip pixels of a large crop.
    step = max(1, int(max(wide, high) / SIDE))
    around = picture.crop((int(frame[0]) - 1, int(frame[1]) - 1, int(frame[2]) + 2, int(frame[3]) + 2))
    left, top = int(frame[0]) - 1, int(frame[1]) - 1
    small = around.reduce(step) if step > 1 else around
    extent = tuple((edge - (left, top, left, top)[k]) / step for k, edge in enumerate(frame))
    crop = small.transform((SIDE, SIDE), Image.Transform.EXTENT, extent, Image.Resampling.BILINEAR)
    return np.asarray(crop, np.float32).ravel() / 255.0


def unusual(crops: Crops) -> Floats:
    """How unusual each of n crops is, float32 (n,)."""
    count = len(crops.word)
    if count == 0:
        return np.zeros(0, np.float32)
    points = np.concatenate([_principal(crops.ink), GEOMETRY * _geometry(crops)], axis=1).astype(np.float32)
    rng = np.random.default_rng(0)
    members = [np.flatnonzero(crops.name == k) for k in range(len(crops.names))]
    elsewhere = [rng.choice(each, min(OTHERS, len(each)), replace=False) for each in members]
    values = np.ones(count, np.float32)
    for k, mine in enumerate(members):
        likes = rng.choice(mine, min(REFERENCE, len(mine)), replace=False)
        others = np.concatenate([each for j, each in enumerate(elsewhere) if j != k] or [np.zeros(0, np.int64)])
        own = _near(points[mine], points[likes], crops.word[mine], crops.word[likes])
        other = _near(points[mine], points[others], crops.word[mine], crops.word[others])
        values[mine] = _score(own, other)
    return values


def _score(own: Floats, other: Floats) -> Floats:
    """From the distances to likes and to others, (n,) each; infinite where there is nothing to compare with."""
    known = np.isfinite(own)
    usual = float(np.median(own[known])) if known.any() else 1.0
    far = np.where(known, own / max(usual, 1e-6), 1.0)
    both = known & np.isfinite(other)
    closer = np.divide(own, np.maximum(other, 1e-6), out=np.zeros_like(own), where=both)
    return np.asarray(far + 2.0 * np.maximum(closer - 0.75, 0.0), np.float32)


def _near(points: Floats, reference: Floats, words: NDArray[np.int64], of: NDArray[np.int64]) -> Floats:
    """Mean distance (n,) to the `NEAREST` of m reference points in other words; infinite if there are too few."""
    found = np.full(len(points), np.inf, np.float32)
    if len(reference) <= NEAREST:
        return found
    squares = (reference**2).sum(axis=1)
    for start in range(0, len(points), 512):
        some = points[start : start + 512]
        apart = squares[None] - 2.0 * some @ reference.T + (some**2).sum(axis=1)[:, None]
        apart[words[start : start + 512, None] == of[None]] = np.inf
        nearest = np.partition(apart, NEAREST - 1, axis=1)[:, :NEAREST]
        found[start : start + 512] = np.sqrt(np.maximum(nearest, 0.0)).mean(axis=1)
    return found


def _principal(ink: Floats) -> Floats:
    """The crops along the directions in which they differ most, (n, COMPONENTS), of about unit length."""
    rng = np.random.default_rng(0)
    some = ink[rng.choice(len(ink), min(len(ink), 4000), replace=False)]
    mean = some.mean(axis=0)
    _, strength, directions = np.linalg.svd(some - mean, full_matrices=False)
    size = np.sqrt((strength**2).sum() / len(some))
    return np.asarray((ink - mean) @ directions[:COMPONENTS].T / max(float(size), 1e-6), np.float32)


def _geometry(crops: Crops) -> Floats:
    """Size and place on the line, in what is usual for its name, (n, 4): 1 is a deviation one sees."""
    x0, y0, x1, y1 = crops.boxes.astype(np.float64).T
    count = len(crops.names)
    usual = [glyph(name) for name in crops.names]
    height = np.array([max(each.top - each.bottom, 0.2) for each in usual])
    bottom = np.array([each.bottom for each in usual])
    tall, wide = np.maximum(y1 - y0, 1.0), np.maximum(x1 - x0, 1.0)
    # The size of a word's letters and of each letter beside the others, one from the other, beginning with fonts'.
    for _ in range(3):
        size = medians(tall / height[crops.name], crops.word)
        height = np.maximum(medians(tall / size[crops.word], crops.name, count), 0.05)
    scale = size[crops.word]
    for _ in range(3):
        line = medians(y1 + bottom[crops.name] * scale, crops.word)
        bottom = medians((line[crops.word] - y1) / scale, crops.name, count)
    width = medians(np.log(wide / scale), crops.name, count)
    return np.stack(
        [
            _bounded((np.log(wide / scale) - width[crops.name]) / 0.4),
            _bounded((np.log(tall / scale) - np.log(height[crops.name])) / 0.3),
            _bounded(((line[crops.word] - y1) / scale - bottom[crops.name]) / 0.3),
            _bounded(((line[crops.word] - y0) / scale - (bottom + height)[crops.name]) / 0.3),
        ],
        axis=1,
    ).astype(np.float32)


def _bounded(deviation: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.clip(deviation, -3.0, 3.0))


def medians(values: NDArray[np.float64], groups: NDArray[np.int64], count: int | None = None) -> NDArray[np.float64]:
    """The median of each group, (count,); 1 for a group that has none.

    >>> medians(np.array([1.0, 5.0, 2.0, 9.0]), np.array([0, 0, 0, 2])).tolist()
    [2.0, 1.0, 9.0]
    """
    count = int(groups.max()) + 1 if count is None else count
    order = np.lexsort((values, groups))
    sizes = np.bincount(groups, minlength=count)
    first = np.cumsum(sizes) - sizes
    there = sizes > 0
    middle = np.ones(count)
    low, high = (first + (sizes - 1) // 2)[there], (first + sizes // 2)[there]
    middle[there] = (values[order[low]] + values[order[high]]) / 2
    return middle

