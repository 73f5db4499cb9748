"""Where the ink is: polarity, background, noise, contrast.

The result is a soft ink map: 0 paper, 1 full ink, whatever the picture's polarity, shading and contrast.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Floats = NDArray[np.float32]
OwnInk = Callable[[NDArray[np.uint8], Floats], Floats]
"""How much of each pixel the word's own ink covers, 0..1, given the picture and its soft ink."""
COVERED = 0.25
"""A pixel is ink where more than this share of it is covered: known where paper is flat, learned elsewhere."""


def ink_map(pixels: NDArray[np.uint8], own: OwnInk | None = None) -> tuple[Floats, float]:
    """The ink of a grey image and the level that parts it from paper, as from `soft_ink`; the word's own alone where
    `own` tells it from rules, specks, stains and neighbouring lines."""
    raw, threshold = soft_ink(pixels)
    covered = own(pixels, raw) if own is not None else raw
    if own is None or not (covered > COVERED).any():  # it knows nothing like this
        return raw, threshold
    if flat_paper(pixels):
        # Soft ink is exact there; what was learned says only which of it is the word's.
        return np.where(ndimage.maximum_filter(covered, 3) > COVERED, raw, np.float32(0)), COVERED
    return covered, COVERED


def soft_ink(pixels: NDArray[np.uint8]) -> tuple[Floats, float]:
    """Soft ink of a grey image.

    Args:
        pixels: uint8 (H, W).

    Returns:
        ink: float32 (H, W), 0 paper .. 1 full ink (clipped).
        threshold: the level that parts ink from paper, 0..1.

    Source: derived here. Shading is an asymmetric robust average of local brightness; the paper's noise is read off
        the side of the paper that no ink can be on; the picture is smoothed as much as that noise asks for; the
        threshold is Otsu's, held above the noise; on flat paper `COVERED`.
    """
    bright = pixels.astype(np.float32)
    if _light_on_dark(ndimage.gaussian_filter(bright, 0.8)):
        bright = 255.0 - bright
    if flat_paper(bright):
        darkness = float(np.median(bright)) - bright
        ink = np.clip(darkness / _ink_level(darkness, 0.0), 0.0, 1.0).astype(np.float32)
        return ink, COVERED
    darkness = _background(bright) - bright
    noise = _paper_noise(darkness)
    ratio = noise / _ink_level(darkness, noise)
    if ratio > 0.06:
        darkness = ndimage.gaussian_filter(darkness, float(np.clip(5.0 * ratio, 0.6, 1.8)))
        noise = _paper_noise(darkness)
    level = _ink_level(darkness, noise)
    ink = np.clip(darkness / level, 0.0, 1.0).astype(np.float32)
    ink = _remove_stains(ink, max(0.3, 3.0 * noise / level))
    return ink, float(np.clip(3.0 * noise / level, max(_otsu(ink), 0.25), 0.6))


def flat_paper(pixels: NDArray[np.uint8] | Floats) -> bool:
    """Whether the paper of a grey picture is all of one level: print without shading, stains or noise."""
    return bool(np.mean(np.abs(pixels.astype(np.float32) - float(np.median(pixels))) <= 2.0) > 0.5)


def _paper_noise(darkness: Floats) -> float:
    """Standard deviation of the paper: its brighter-than-average side, where there is no ink."""
    brighter = darkness[darkness < 0]
    return float(np.sqrt(np.mean(brighter**2))) if brighter.size else 0.0


def _light_on_dark(smooth: Floats) -> bool:
    """Whether the text is brighter than its background.

    Against the brightness around them, strokes are the heavier tail: the sign of the third moment, the crop's border
    (mostly paper) having its say where that is weak.
    """
    around = ndimage.uniform_filter(smooth, max(7, min(smooth.shape) // 5), mode="nearest")
    deviation = smooth - around
    deviation /= max(float(deviation.std()), 1e-3)
    skewness = float(np.mean(deviation**3))
    ring = np.concatenate([smooth[0], smooth[-1], smooth[:, 0], smooth[:, -1]])
    side = (float(np.median(ring)) - float(smooth.mean())) / max(float(smooth.std()), 1.0)
    return skewness - side > 0.0


def _remove_stains(ink: Floats, threshold: float) -> Floats:
    """Ink without what is much wider than its strokes in both directions: stains and leftover shading.

    The stroke's width is the median length of the horizontal runs of ink, each run counting by its length.
    """
    mask = np.zeros((ink.shape[0], ink.shape[1] + 2), dtype=np.int8)
    mask[:, 1:-1] = ink > threshold
    steps = np.diff(mask, axis=1)
    lengths = np.sort(np.nonzero(steps == -1)[1] - np.nonzero(steps == 1)[1])
    if not len(lengths):
        return ink
    total = np.cumsum(lengths)
    stroke = int(lengths[np.searchsorted(total, total[-1] / 2)])
    size = 2 * stroke + 1
    if size >= min(ink.shape):
        return ink
    stains = ndimage.grey_opening(ink, (size, size), mode="nearest")
    return ink if float(stains.max()) < 0.1 else ink - stains


def _background(bright: Floats) -> Floats:
    """Brightness of the paper under dark ink, (H, W)."""
    height, width = bright.shape
    block = max(2, min(height, width) // 16)
    rows, columns = -(-height // block), -(-width // block)
    padded = np.pad(bright, ((0, rows * block - height), (0, columns * block - width)), mode="edge")
    blocks = padded.reshape(rows, block, columns, block).transpose(0, 2, 1, 3).reshape(rows, columns, -1)
    values = np.percentile(blocks, 70, axis=2).astype(np.float32)
    # Reaches paper beyond the boldest stroke; the loop then follows the shading, giving ink next to no weight.
    coarse = ndimage.percentile_filter(values, 70, size=(9, 9), mode="nearest")
    for _ in range(6):
        below = coarse - values
        scale = max(2.0 * float(np.median(np.abs(below))), 2.0)
        weight = np.exp(-((np.maximum(below, 0.0) / scale) ** 2)) + 1e-3
        coarse = ndimage.gaussian_filter(weight * values, 2.0, mode="nearest") / ndimage.gaussian_filter(
            weight, 2.0, mode="nearest"
        )
    paper = blocks[weight > 0.5]
    # The 70th percentile of noisy paper is brighter than its middle.
    coarse -= float(np.median(np.percentile(paper, 70, axis=1) - np.median(paper, axis=1))) if len(paper) else 0.0
    return _bilinear(coarse, (np.arange(height) + 0.5) / block - 0.5, (np.arange(width) + 0.5) / block - 0.5)


def _bilinear(coarse: Floats, yy: NDArray[np.float64], xx: NDArray[np.float64]) -> Floats:
    """Samples of `coarse` at all (yy, xx), clamped at its border."""
    rows, columns = coarse.shape
    yy, xx = np.clip(yy, 0, rows - 1), np.clip(xx, 0, columns - 1)
    y0, x0 = np.minimum(yy.astype(int), max(rows - 2, 0)), np.minimum(xx.astype(int), max(columns - 2, 0))
    y1, x1 = np.minimum(y0 + 1, rows - 1), np.minimum(x0 + 1, columns - 1)
    fy, fx = (yy - y0).astype(np.float32)[:, None], (xx - x0).astype(np.float32)[None, :]
    along_y = coarse[y0] * (1 - fy) + coarse[y1] * fy
    return along_y[:, x0] * (1 - fx) + along_y[:, x1] * fx


def _ink_level(darkness: Floats, noise: float) -> float:
    """Darkness of full ink: a high quantile of what stands out of the noise."""
    out = darkness[darkness > max(3.0 * noise, 2.0)]
    if out.size < 8:
        return max(float(darkness.max()), 1.0)
    return max(float(np.percentile(out, 85)), 4.0 * noise, 2.0)


def _otsu(ink: Floats) -> float:
    """Otsu's threshold of values 0..1 (64 bins)."""
    counts = np.bincount(np.minimum((ink.ravel() * 64).astype(int), 63), minlength=64).astype(float)
    # Paper outnumbers ink many times; capping it keeps the threshold between the two and not inside the noise.
    counts[0] = min(counts[0], 4.0 * counts[1:].sum() + 1.0)
    centres = (np.arange(64) + 0.5) / 64
    below, mass = np.cumsum(counts), np.cumsum(counts * centres)
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        between = (mass[-1] * below / below[-1] - mass) ** 2 / (below * above)
    best = int(np.nanargmax(np.where(above > 0, between, -1)))
    return float((best + 1) / 64)
