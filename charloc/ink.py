"""A word's ink: cleaned, its slant and core band. No learning; geometry in numba, whole-word arrays in numpy.

The word's `Ink` holds two views of the same pixels: the picture as it is (x, y), and the picture with its slant taken
out (u, y), in which characters stand upright and can be parted by nearly vertical seams: u = x + shift[y]. A row is
only ever shifted by a whole number of pixels, so both views hold exactly the same ink.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import ndimage

from charloc.inkmap import OwnInk, ink_map

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
EIGHT = np.ones((3, 3), dtype=bool)
ABOVE, BELOW = 2.5, 1.2
"""Core heights above and below a core band's bottom within which its line has ink."""
SKEWED = 0.06
"""How much a line whose skew is not known may rise or fall, px a px; beyond 3.4 degrees its ends count as paper."""


@dataclass(frozen=True, slots=True)
class Band:
    """A core band that is known: the y of its bottom at one column, and its height, px."""

    x: float
    bottom: float
    core: float

    def rows(self, shape: tuple[int, int]) -> slice:
        """The rows of a picture (H, W) in which a line with this core band can have ink, its skew unknown."""
        height, width = shape
        slack = SKEWED * max(self.x, width - self.x)
        top = int(np.clip(self.bottom - ABOVE * self.core - slack, 0, height - 1))
        return slice(top, int(np.clip(np.ceil(self.bottom + BELOW * self.core + slack), top + 1, height)))

    def scaled(self, across: float, down: float) -> Band:
        """The same in a picture so many times wider and taller."""
        return Band(self.x * across, self.bottom * down, self.core * down)

    def at_middle(self, skew: float, width: int) -> tuple[float, float]:
        """The band's top and bottom at the middle column of a picture so wide."""
        bottom = self.bottom + skew * (width / 2 - self.x)
        return bottom - self.core, bottom


@dataclass(frozen=True, slots=True, eq=False)
class Ink:
    """What is known of one word's ink before its characters are.

    Args:
        raw: float32 (H, W), 0..1, as found.
        soft: float32 (H, W), the same after cleaning.
        mask: bool (H, W), where there is ink.
        components: int32 (H, W), 0 paper, else the connected piece of ink; sizes in `areas`.
        areas: int (n + 1,), pixels of each component.
        skew: dy/dx of the baseline.
        slant: dx/dy of the letters' lean, positive to the right going up.
        top, bottom: y of the core band (x-height) at the middle of the picture, px.
        stroke: stroke width, px.
        shift: int32 (H,), the upright view's column of x is x + shift[y].
        upright: float32 (H, U), soft ink, slant removed.
    """

    raw: Floats
    soft: Floats
    mask: NDArray[np.bool_]
    components: Ints
    areas: NDArray[np.int64]
    skew: float
    slant: float
    top: float
    bottom: float
    stroke: float
    shift: Ints
    upright: Floats

    @property
    def core(self) -> float:
        """Height of the core band, px."""
        return max(self.bottom - self.top, 3.0)

    def upright_column(self, x: Floats, y: Floats) -> Floats:
        """Upright columns of points of the picture."""
        return x + self.slant * (y - self.mask.shape[0] / 2) + self._offset

    def place(self, columns: Floats) -> tuple[Floats, Floats]:
        """Where upright columns cross the core's middle line: x there, and the baseline's y at that x, px."""
        height, width = self.mask.shape
        level = (self.top + self.bottom) / 2 - self.skew * width / 2 - height / 2
        x = (columns - self._offset - self.slant * level) / (1.0 + self.slant * self.skew)
        return x, self.bottom + self.skew * (x - width / 2)

    @property
    def _offset(self) -> float:
        # shift[y] is this line, rounded: slant * (y - height / 2) + offset.
        return float(self.shift[0]) + self.slant * self.mask.shape[0] / 2


def find_ink(
    pixels: NDArray[np.uint8], marks: bool = False, own: OwnInk | None = None, band: Band | None = None
) -> Ink:
    """The ink of a word image: cleaned of rules, specks and neighbouring lines, its slant and core band measured.

    Args:
        pixels: uint8 (H, W), grey.
        marks: whether the transcript has small marks (a full stop, quotes), which might else be taken for specks.
        own: tells the word's own ink from other dark things (`inkmap.ink_map`).
        band: where the core band is, if somebody knows; what is too far from it is not looked at, and counts as paper.
    """
    if band is None:
        raw, threshold = ink_map(pixels, own)
    else:
        rows, raw = band.rows(pixels.shape), np.zeros(pixels.shape, dtype=np.float32)
        raw[rows], threshold = ink_map(pixels[rows], own)
    mask = raw > threshold
    mask &= ~_rules(mask)
    stroke = _stroke_width(mask)
    skew, top, bottom = _measured(mask, band)
    found = mask
    mask, components, areas = _clean(found, raw, stroke, skew, top, bottom, marks)
    if not np.array_equal(mask, found):
        skew, top, bottom = _measured(mask, band)
    soft = np.where(ndimage.binary_dilation(mask, EIGHT), raw, 0.0).astype(np.float32)
    slant = _slant(mask)
    middle = mask.shape[0] / 2
    shift = np.rint((np.arange(mask.shape[0]) - middle) * slant).astype(np.int32)
    shift -= shift.min()
    return Ink(raw, soft, mask, components, areas, skew, slant, top, bottom, stroke, shift, _upright(soft, shift))


def _measured(mask: NDArray[np.bool_], band: Band | None) -> tuple[float, float, float]:
    """`core_band`, but for what is known."""
    skew, top, bottom = core_band(mask)
    return (skew, top, bottom) if band is None else (skew, *band.at_middle(skew, mask.shape[1]))


def _rules(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Long thin horizontal lines that no text hangs on, (H, W)."""
    height, width = mask.shape
    length = max(int(0.45 * width), 24)
    if length >= width:
        return np.zeros_like(mask)
    thick = ndimage.binary_dilation(mask, np.ones((3, 1), dtype=bool))
    lines = _long_runs(thick, length) & mask
    # A long dash may be all there is to the word.
    if not lines.any() or not (mask & ~lines).any():
        return np.zeros_like(mask)
    labels, _ = ndimage.label(lines, EIGHT)
    rules = np.zeros_like(mask)
    for index, where in enumerate(ndimage.find_objects(labels), start=1):
        line = labels[where] == index
        rows, columns = where
        if rows.stop - rows.start > max(0.2 * height, 4) or columns.stop - columns.start < length:
            continue
        above = mask[max(rows.start - 2, 0) : max(rows.start, 0), columns].any(axis=0)
        below = mask[rows.stop : rows.stop + 2, columns].any(axis=0)
        hangs = float(np.mean(above | below))
        others = np.flatnonzero((mask & ~lines).sum(axis=0) > 0.08 * height)
        overhang = max(others[0] - columns.start, columns.stop - 1 - others[-1]) if len(others) else width
        # Text hangs on a headline (Devanagari), which ends where the text does; a rule runs on.
        if hangs > 0.25 and overhang < max(0.08 * width, 6):
            continue
        # A stroke that crosses the rule goes on on both sides of it: keep it whole.
        cross = above & below
        rules[where] |= line & ~cross[None, :]
    return rules


@njit(cache=True, nogil=True)
def _long_runs(mask: NDArray[np.bool_], length: int) -> NDArray[np.bool_]:
    """Pixels in horizontal runs of at least `length`."""
    height, width = mask.shape
    out = np.zeros((height, width), dtype=np.bool_)
    for y in range(height):
        run = 0
        for x in range(width + 1):
            if x < width and mask[y, x]:
                run += 1
            else:
                if run >= length:
                    out[y, x - run : x] = True
                run = 0
    return out


@njit(cache=True, nogil=True)
def _stroke_width(mask: NDArray[np.bool_]) -> float:
    """Median over ink pixels of the shorter of their horizontal and vertical runs, px (1 where there is no ink)."""
    height, width = mask.shape
    across = np.zeros((height, width), dtype=np.int32)
    for y in range(height):
        run = 0
        for x in range(width + 1):
            if x < width and mask[y, x]:
                run += 1
            elif run:
                across[y, x - run : x] = run
                run = 0
    histogram = np.zeros(max(height, width) + 1, dtype=np.int64)
    total = 0
    for x in range(width):
        run = 0
        for y in range(height + 1):
            if y < height and mask[y, x]:
                run += 1
            elif run:
                for back in range(y - run, y):
                    histogram[min(run, across[back, x])] += 1
                total += run
                run = 0
    seen = 0
    for length in range(1, len(histogram)):
        seen += histogram[length]
        if total and 2 * seen >= total:
            return float(length)
    return 1.0


@njit(cache=True, nogil=True)
def _best_slope(ys: NDArray[np.int64], xs: NDArray[np.int64], slopes: NDArray[np.float64], penalty: float) -> float:
    """The slope at which the histogram of ys - slope * xs is most peaked (sum of squares); small ones are preferred."""
    reach = np.abs(slopes).max() * (np.abs(xs).max() + 1)
    size = int(ys.max() - ys.min() + 2 * reach + 4)
    base = -ys.min() + reach + 1
    best, most = 0.0, -np.inf
    for slope in slopes:
        profile = np.zeros(size + 2)
        for i in range(len(ys)):
            at = ys[i] - slope * xs[i] + base
            low = int(at)
            profile[low] += 1 - (at - low)
            profile[low + 1] += at - low
        energy = np.sum(profile * profile) * (1.0 - penalty * slope * slope)
        if energy > most:
            best, most = slope, energy
    return best


def core_band(mask: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Skew (dy/dx) and the core band's top and bottom (y at the picture's middle column, px)."""
    height, width = mask.shape
    ys, xs = np.nonzero(mask)
    if len(ys) < 4:
        return 0.0, 0.2 * height, 0.8 * height
    if len(ys) > 6000:
        keep = np.sort(np.random.default_rng(0).permutation(len(ys))[:6000])
        ys, xs = ys[keep], xs[keep]
    centred = xs - width // 2
    span = float(xs.max() - xs.min() + 1)
    tall = float(ys[int(0.95 * (len(ys) - 1))] - ys[int(0.05 * (len(ys) - 1))] + 1)  # row by row: ys ascend
    # A short word says little about its skew.
    penalty = 8.0 + 60.0 * min(2.0, tall / span) ** 2
    skew = _best_slope(ys, centred, np.linspace(-0.12, 0.12, 25), penalty)
    flat = ys - skew * centred
    low = float(flat.min())
    profile = np.bincount((flat - low).astype(int))
    profile = ndimage.uniform_filter1d(profile.astype(float), 3, mode="constant")
    sums = np.concatenate([[0.0], np.cumsum(profile)])
    busiest = float(np.sort(profile)[int(0.9 * (len(profile) - 1))])
    for share in (0.45, 0.35, 0.25, 0.15):
        # The run of busy rows that holds most ink; a row of serifs alone is no core.
        busy = np.concatenate([[False], profile >= share * busiest, [False]])
        starts, ends = np.flatnonzero(~busy[:-1] & busy[1:]), np.flatnonzero(busy[:-1] & ~busy[1:])
        best = int(np.argmax(sums[ends] - sums[starts]))
        if ends[best] - starts[best] >= 0.4 * tall:
            break
    return skew, low + float(starts[best]), low + float(ends[best])


def _clean(
    mask: NDArray[np.bool_], soft: Floats, stroke: float, skew: float, top: float, bottom: float, marks: bool
) -> tuple[NDArray[np.bool_], Ints, NDArray[np.int64]]:
    """The mask without specks, stains and neighbouring lines' ink; its components and their areas."""
    components, count = ndimage.label(mask, EIGHT)
    components = components.astype(np.int32)
    areas = np.bincount(components.ravel(), minlength=count + 1)
    if not count:
        return mask, components, areas
    boxes = np.array([(c.start, r.start, c.stop, r.stop) for r, c in ndimage.find_objects(components)], dtype=float)
    height, width = mask.shape
    core = max(bottom - top, 3.0)
    middle_x = (boxes[:, 0] + boxes[:, 2]) / 2 - width / 2
    # Positions above the core's top and below its bottom, in core heights; positive is outside.
    highest = (top + skew * middle_x - boxes[:, 1]) / core
    lowest = (boxes[:, 3] - bottom - skew * middle_x) / core
    above = (top + skew * middle_x - boxes[:, 3]) / core
    below = (boxes[:, 1] - bottom - skew * middle_x) / core
    size = areas[1:]
    speck = size < max(0.35 * stroke * stroke, 2.0)
    small = size < 1.5 * stroke * stroke
    far = (above > 1.0) | (below > 0.7)
    if marks:
        far &= ~(small & (above < 1.4) & (below < 1.1))
    else:
        far |= small & ((above > 0.75) | (below > 0.3))
    at_top, at_bottom = boxes[:, 1] <= 0, boxes[:, 3] >= height
    cut_off = (at_top & (above > 0.0) & (highest > 0.4)) | (at_bottom & (below > -0.05) & (lowest > 0.3))
    sharp = _sharpness(soft, components, count)
    large = ~small & ~speck
    stain = sharp < 0.4 * (sharp[large].max() if large.any() else 0.0)
    main = ~(speck | small | far | cut_off | stain)
    drop = speck | far | cut_off | stain
    if main.any():
        left, right = boxes[main, 0].min(), boxes[main, 2].max()
        reach = (3.0 if marks else 0.8) * core
        drop |= small & ((boxes[:, 2] < left - reach) | (boxes[:, 0] > right + reach))
        if drop.all():
            drop[:] = False
    else:
        drop = speck & ~speck.all()
    keep = np.concatenate([[False], ~drop])
    return keep[components], np.where(keep[components], components, 0).astype(np.int32), np.where(keep, areas, 0)


@njit(cache=True, nogil=True)
def _sharpness(soft: Floats, components: Ints, count: int) -> NDArray[np.float64]:
    """How steep each component's edges are, (n,): the mean over its pixels beside paper of the local contrast."""
    height, width = soft.shape
    total = np.zeros(count)
    pixels = np.zeros(count)
    for y in range(height):
        for x in range(width):
            if not components[y, x]:
                continue
            beside, low, high = False, soft[y, x], soft[y, x]
            for other_y in range(max(y - 1, 0), min(y + 2, height)):
                for other_x in range(max(x - 1, 0), min(x + 2, width)):
                    beside |= components[other_y, other_x] == 0
                    low, high = min(low, soft[other_y, other_x]), max(high, soft[other_y, other_x])
            # The picture's border is no edge of the ink.
            if beside:
                total[components[y, x] - 1] += high - low
                pixels[components[y, x] - 1] += 1
    return total / np.maximum(pixels, 1)


def _slant(mask: NDArray[np.bool_]) -> float:
    """How far the letters lean, dx per dy upwards: the shear at which columns of ink are most peaked."""
    ys, xs = np.nonzero(mask)
    if len(ys) < 8:
        return 0.0
    if len(ys) > 6000:
        keep = np.random.default_rng(1).permutation(len(ys))[:6000]
        ys, xs = ys[keep], xs[keep]
    return _best_slope(xs, -(ys - mask.shape[0] // 2), np.linspace(-0.5, 0.7, 49), 0.6)


@njit(cache=True, nogil=True)
def _upright(picture: Floats, shift: Ints) -> Floats:
    """Rows of `picture` shifted right by `shift`, (H, W + max shift)."""
    height, width = picture.shape
    out = np.zeros((height, width + shift.max()), dtype=np.float32)
    for y in range(height):
        out[y, shift[y] : shift[y] + width] = picture[y]
    return out
