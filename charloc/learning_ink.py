"""Training an `InkNet` on rendered words, and what it then says of a picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor, nn

from charloc.descent import Schedule, descend
from charloc.ink import core_band
from charloc.inkmap import soft_ink
from charloc.learning import autocast, learning_on
from charloc.methods import Progress
from charloc.nets_ink import MULTIPLE, InkNet, seen
from charloc.synth import Rendered

Floats = NDArray[np.float32]
BATCH = 12
TALLEST = 128
"""Pictures up to this tall (px) are seen as they are."""
HIGHEST_CORE = 32
"""So are those whose letters' core band is at most so high (px): the largest that the net has learned."""
WINDOW, REACH = 4096, 10 * MULTIPLE
"""Columns looked at in one piece, and how far to either side the net sees; whole multiples."""
CROP = 256
"""Pixels of a wider picture that are shown at a time while learning."""


@dataclass(frozen=True, slots=True, eq=False)
class InkBatch:
    """What the net sees, what was drawn, and which pixels are no padding: (B, 2 | 1 | 1, H, W)."""

    shown: Tensor
    drawn: Tensor
    counts: Tensor


def train_ink(net: InkNet, rendered: Sequence[Rendered], schedule: Schedule, progress: Progress) -> float:
    """Cross entropy between what the net says and what was drawn, pixel by pixel; AdamW with a one-cycle rate.

    Returns:
        The mean loss over the last fifth of the steps.
    """
    device = schedule.device

    def losses(batch: InkBatch) -> tuple[Tensor]:
        shown, drawn, counts = (each.to(device) for each in (batch.shown, batch.drawn, batch.counts))
        with autocast(device):
            logits = net(shown)
        off = nn.functional.binary_cross_entropy_with_logits(logits.float(), drawn, reduction="none")
        return ((off * counts).sum() / counts.sum(),)

    chosen = _near(rendered, schedule.steps, schedule.batch or BATCH, np.random.default_rng(schedule.seed))
    with learning_on(net, device):
        (loss,) = descend(net.train(), rendered, schedule, collate, losses, partial(progress, "learn ink"), chosen)
    return loss


def _near(samples: Sequence[Rendered], steps: int, batch: int, rng: np.random.Generator) -> Iterator[list[int]]:
    """`steps` batches of pictures of like size: little padding, other company each time."""
    sizes = np.array([min(each.pixels.shape[1], CROP) * each.pixels.shape[0] for each in samples])
    many = max(1, len(samples) // batch)
    for step in range(steps):
        if step % many == 0:
            order = np.argsort(sizes * rng.uniform(0.9, 1.1, len(sizes)))
        start = int(rng.integers(max(len(samples) - 8 * batch, 1)))
        yield rng.permutation(order[start : start + 8 * batch])[:batch].tolist()


def collate(samples: Sequence[Rendered], rng: np.random.Generator) -> InkBatch:
    """Pictures padded to one size, of wide ones a part, some of them light on dark."""
    pieces = []
    for each in samples:
        soft = soft_ink(each.pixels)[0]
        left = int(rng.integers(max(each.pixels.shape[1] - CROP, 0) + 1))
        part = np.s_[:, left : left + CROP]
        pixels = each.pixels[part]
        if rng.random() < 0.2:
            pixels = 255 - pixels
        pieces.append((seen(pixels, soft[part]), each.ink[part]))
    height, width = _padded(*(max(ink.shape[axis] for _, ink in pieces) for axis in (0, 1)))
    shown = np.zeros((len(pieces), 2, height, width), dtype=np.float32)
    drawn = np.zeros((len(pieces), 1, height, width), dtype=np.float32)
    counts = np.zeros_like(drawn)
    for b, (picture, ink) in enumerate(pieces):
        shown[b, :, : ink.shape[0], : ink.shape[1]] = picture
        drawn[b, 0, : ink.shape[0], : ink.shape[1]] = ink / np.float32(255)
        counts[b, 0, : ink.shape[0], : ink.shape[1]] = 1
    return InkBatch(
        torch.from_numpy(shown).contiguous(memory_format=torch.channels_last),
        torch.from_numpy(drawn),
        torch.from_numpy(counts),
    )


def _padded(height: int, width: int) -> tuple[int, int]:
    """A size that the net takes.

    Two of its multiples wide at least: a strided convolution whose result is one column wide and six rows or more high
    reads memory that is not its own where the processor computes in bfloat16 (torch 2.13, oneDNN, AVX-512).
    """
    return height + -height % MULTIPLE, max(width + -width % MULTIPLE, 2 * MULTIPLE)


@torch.inference_mode()
def own_ink(net: InkNet, pixels: NDArray[np.uint8], soft: Floats) -> Floats:
    """How much of each pixel the word's own ink covers, as the net sees it: float32 (H, W), 0..1.

    Args:
        pixels: uint8 (H, W).
        soft: float32 (H, W), from `inkmap.soft_ink`.
    """
    height, width = pixels.shape
    smaller = halvings(soft)
    if smaller > 1:
        rows, columns = -(-height // smaller), -(-width // smaller)
        pixels = _reduced(pixels.astype(np.float32), smaller).astype(np.uint8)
        soft = _reduced(soft, smaller)
    shown = seen(pixels, soft)
    ink = np.empty(shown.shape[1:], dtype=np.float32)
    # A window at a time, with what the net sees around it: memory must not grow with the length of a line.
    for left in range(0, shown.shape[2], WINDOW):
        start, end = max(left - REACH, 0), min(left + WINDOW + REACH, shown.shape[2])
        ink[:, left : left + WINDOW] = _covered(net, shown[:, :, start:end])[:, left - start : left - start + WINDOW]
    if smaller > 1:
        ink = ndimage.zoom(ink, smaller, order=1, grid_mode=True, mode="nearest")[: rows * smaller, : columns * smaller]
    return np.ascontiguousarray(ink[:height, :width])


def halvings(soft: Floats) -> int:
    """By how much a picture is made smaller before the net sees it, a power of two.

    Until its letters are of the sizes that the net has learned: it is they that count, not the paper around them.
    """
    height = soft.shape[0]
    if height <= TALLEST:
        return 1
    _, top, bottom = core_band(soft > 0.4)
    smaller = 1
    while height > smaller * TALLEST and bottom - top > smaller * HIGHEST_CORE:
        smaller *= 2
    return smaller


def _covered(net: InkNet, shown: Floats) -> Floats:
    """The net's answer to what it sees, float32 (H, W); `shown` (2, H, W)."""
    _, height, width = shown.shape
    padded = np.zeros((1, 2, *_padded(height, width)), dtype=np.float32)
    padded[0, :, :height, :width] = shown
    with autocast():
        logits = net(torch.from_numpy(padded).contiguous(memory_format=torch.channels_last))
    return np.asarray(torch.sigmoid(logits.float())[0, 0, :height, :width].numpy())


def _reduced(picture: Floats, by: int) -> Floats:
    """Means over squares of `by` pixels a side; the border is repeated where it does not divide."""
    padded = np.pad(picture, ((0, -picture.shape[0] % by), (0, -picture.shape[1] % by)), mode="edge")
    return padded.reshape(padded.shape[0] // by, by, padded.shape[1] // by, by).mean(axis=(1, 3))
