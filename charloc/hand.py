"""What a hand does to letters and a press does not: no two alike, a line that wavers, a pen that presses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Floats = NDArray[np.float32]
ROOM = 0.15
"""Heights of the drawing that are added around it: what moves needs room."""
WAVER, LIMP, UNLIKE = 0.05, 0.03, 0.07
"""Standard deviations at full strength: of the bending of the whole word and of each letter's place, in heights; of
each letter's size and lean, as shares."""
PRESSED = 0.6
"""How far a pen that presses, or one that hardly touches, changes strokes by a pixel, at most."""


def by_hand(layers: Floats, strength: float, rng: np.random.Generator) -> Floats:
    """Letters as a hand might have written them, each on its layer.

    All are bent together, so that what was joined stays joined, and each a little by itself.

    Args:
        layers: float32 (L, H, W), covered share 0..1, one letter each.
        strength: 0 changes nothing but the size, 1 a lot.

    Returns:
        float32 (L, H + 2 r, W + 2 r), r rows and columns of room on each side.
    """
    room = int(np.ceil(ROOM * layers.shape[1]))
    layers = np.pad(layers, ((0, 0), (room, room), (room, room)))
    height, width = layers.shape[1:]
    bend = np.stack([_smooth((height, width), rng) for _ in range(2)]) * (WAVER * strength * height)
    press = _smooth((height, width), rng) * (PRESSED * strength)
    out = np.zeros_like(layers)
    for layer, moved in zip(layers, out, strict=True):
        turn = np.eye(2) + rng.normal(0, UNLIKE * strength, (2, 2)) * ((1, 0), (1, 1))
        shift = rng.normal(0, LIMP * strength * height, 2)
        columns = np.flatnonzero(layer.any(axis=0))
        if not len(columns):
            continue
        low, high = max(columns[0] - 2 * room, 0), min(columns[-1] + 1 + 2 * room, width)
        at = np.mgrid[:height, low:high].astype(np.float32) + bend[:, :, low:high]
        middle = np.array([height / 2, (columns[0] + columns[-1]) / 2])
        at -= (middle + shift)[:, None, None]
        source = np.tensordot(turn, at, 1) + middle[:, None, None]
        moved[:, low:high] = _pressed(
            ndimage.map_coordinates(layer, source, order=1, mode="constant"), press[:, low:high]
        )
    return out


def _smooth(shape: tuple[int, int], rng: np.random.Generator) -> Floats:
    """Something that changes over about a letter's width, mean 0 and standard deviation about 1, (H, W)."""
    height, width = shape
    coarse = rng.normal(0, 1, (3, max(3, round(2 * width / height) + 2)))
    larger = height / coarse.shape[0], width / coarse.shape[1]
    fine = ndimage.zoom(coarse, larger, order=2, grid_mode=True, mode="nearest")
    return np.asarray(fine[:height, :width], dtype=np.float32)


def _pressed(layer: Floats, press: Floats) -> Floats:
    """Strokes fatter where `press` is positive, thinner where it is negative, by a pixel at 1."""
    more, less = np.clip(press, 0, 1), np.clip(-press, 0, 1)
    fat, thin = ndimage.grey_dilation(layer, (2, 2)), ndimage.grey_erosion(layer, (2, 2))
    return np.asarray(layer + more * (fat - layer) - less * (layer - thin), dtype=np.float32)
