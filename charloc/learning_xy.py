"""Training an `XyNet`: from points where characters are believed to be, or from transcripts alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from charloc.descent import Schedule, descend
from charloc.learning import autocast, roughen
from charloc.methods import Progress
from charloc.nets_xy import CELL, XyNet
from charloc.plane import CORE
from charloc.scanning import align

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
SPREAD = (0.24, 0.18)
"""Standard deviation of a target around its point, y and x, core heights."""
PAPER = 0.15
"""How much a cell without a character counts against one with."""
JITTER = 0.12
"""Core heights (standard deviation) by which points are moved before the box head is asked: it must not need them
exactly."""


@dataclass(frozen=True, slots=True, eq=False)
class XySample:
    """One word to learn from.

    Args:
        pixels: uint8 (H, W), the word's plane.
        classes: int64 (K,), of its characters in layout order, without spaces.
        boxes: float32 (K, 4), where they are believed to be, plane px; NaN where nothing is believed.
        weights: float32 (K,), how much each counts; above 1 where pinned.
        pinned: bool (K,).
        repeat: how often the word is shown per epoch.
    """

    pixels: NDArray[np.uint8]
    classes: NDArray[np.int64]
    boxes: Floats
    weights: Floats
    pinned: NDArray[np.bool_]
    repeat: int = 1


def train_points(
    net: XyNet, samples: Sequence[XySample], schedule: Schedule, progress: Progress, with_boxes: bool = True
) -> dict[str, float]:
    """Cross entropy against a Gaussian around each character's point, and L1 on box edges.

    Args:
        with_boxes: whether the box head learns too.

    Returns:
        Mean losses over the last fifth of the steps.
    """

    def losses(batch: tuple[list[XySample], np.random.Generator]) -> list[Tensor]:
        chosen, rng = batch
        shaken = [_shake(sample, rng) for sample in chosen]
        planes, placed = pad([pixels for pixels, _ in shaken]), [boxes for _, boxes in shaken]
        with autocast():
            features = net.features(planes)
            logits = net.logits(features)
        features, logits = features.float(), logits.float()
        truth, weights = _targets(chosen, placed, logits.shape)
        error = -(truth * torch.log_softmax(logits, dim=1)).sum(1)
        class_loss = (error * weights).sum() / weights.sum()
        if not with_boxes:
            return [class_loss]
        box_loss = _box_loss(net, features, chosen, placed, rng)
        return [class_loss, box_loss]

    net.to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    means = descend(net, samples, schedule, _as_they_are, losses, partial(progress, "learn"))
    net.eval()
    return dict(zip(("class_loss", "box_loss"), means, strict=False))


def train_flat(
    net: XyNet, samples: Sequence[XySample], schedule: Schedule, prior_scale: float, progress: Progress
) -> tuple[dict[str, float], Floats]:
    """EM over columns and rows at once, from transcripts alone.

    A column shows a character if any of its cells does: its class scores are the logarithms of the cells' summed
    exponentials. The transcript is laid over the columns by CTC's forward-backward; what that says of a column, its
    cells share as they share its score. The derivative of the cross entropy against it does both at once.

    Returns:
        Mean loss over the last fifth of the steps; the classes' log shares of columns, float32 (C,).

    Source: derived here, after multiple-instance pooling (logarithm of summed exponentials) and CTC.
    """
    share: NDArray[np.float64] | None = None

    def losses(batch: tuple[list[XySample], np.random.Generator]) -> list[Tensor]:
        chosen, rng = batch
        nonlocal share
        shaken = [_shake(sample, rng) for sample in chosen]
        planes, placed = pad([pixels for pixels, _ in shaken]), [boxes for _, boxes in shaken]
        with autocast():
            logits = net.logits(net.features(planes))
        log_probs = columns(logits.float())
        now = log_probs.detach().numpy()
        if share is None:
            share = np.full(now.shape[2], 1.0 / now.shape[2])
        frames = np.array([-(-sample.pixels.shape[1] // CELL[1]) for sample in chosen], dtype=np.int32)
        targets, lengths, windows = _lattice(chosen, placed, frames)
        prior = (prior_scale * np.log(share)).astype(np.float32)
        occupation, _ = align(now, frames, targets, lengths, windows, prior, hard=False)
        truth = torch.zeros(log_probs.shape)
        index = torch.from_numpy(targets.astype(np.int64))[:, None, :].expand(-1, now.shape[1], -1)
        truth.scatter_add_(2, index, torch.from_numpy(occupation))
        truth[:, :, 0] += 1.0 - torch.from_numpy(occupation).sum(2)
        own = torch.arange(now.shape[1])[None, :] < torch.from_numpy(frames)[:, None]
        result = (-(truth * log_probs).sum(2) * own).sum() / own.sum()
        share = 0.98 * share + 0.02 * np.exp(now[own.numpy()].astype(np.float64)).mean(axis=0)
        return [result]

    net.to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    (mean,) = descend(net, samples, schedule, _as_they_are, losses, partial(progress, "learn"))
    net.eval()
    assert share is not None
    return {"flat_loss": mean}, np.log(share).astype(np.float32)


def _as_they_are(
    chosen: list[XySample], rng: np.random.Generator
) -> tuple[list[XySample], np.random.Generator]:
    return chosen, rng


def columns(logits: Tensor) -> Tensor:
    """Log-probabilities of the classes in every column, (B, W', C), from those of cells (B, C, H', W')."""
    return torch.log_softmax(torch.logsumexp(logits, dim=2), dim=1).permute(0, 2, 1)


def pad(planes: Sequence[NDArray[np.uint8] | Floats], beyond: tuple[int, int] = (0, 0)) -> Tensor:
    """Planes (H, W), uint8 or 0..1, as one batch, float32 (B, 1, H, W), H and W multiples of 8.

    Args:
        beyond: rows and columns of paper after each plane's last; with `nets_xy.REACH` a word's cells are the same
            whoever is beside it in the batch.
    """
    height, width = (max(each.shape[axis] for each in planes) + beyond[axis] for axis in (0, 1))
    padded = np.zeros((len(planes), 1, height + -height % 8, width + -width % 8), dtype=np.float32)
    for b, each in enumerate(planes):
        own = each.astype(np.float32) / np.float32(255) if each.dtype == np.uint8 else each
        padded[b, 0, : each.shape[0], : each.shape[1]] = own
    return torch.from_numpy(padded).contiguous(memory_format=torch.channels_last)


def _shake(sample: XySample, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Pixels and boxes turned, sheared, scaled and shifted a little about the middle, and roughened."""
    height, width = sample.pixels.shape
    turn, lean = float(rng.normal(0, 0.02)), float(rng.normal(0, 0.06))
    tall, wide = np.exp(rng.normal(0, 0.05, 2))
    # Output (r, c) is taken from matrix @ (r, c) + offset.
    matrix = np.array([[tall, turn], [lean - turn, wide]])
    middle = np.array([height, width]) / 2
    bright = sample.pixels.astype(np.float32) / np.float32(255)
    offset = middle - matrix @ middle + rng.uniform(-1.5, 1.5, 2)
    moved = ndimage.affine_transform(bright, matrix, offset, order=1, mode="constant")
    back = np.linalg.inv(matrix)
    x, y = (sample.boxes[:, 0] + sample.boxes[:, 2]) / 2, (sample.boxes[:, 1] + sample.boxes[:, 3]) / 2
    # Pixel centres are half a pixel from edges.
    row, column = back @ (np.stack([y, x]) - 0.5 - offset[:, None]) + 0.5
    half_wide = (sample.boxes[:, 2] - sample.boxes[:, 0]) / 2 / wide
    half_tall = (sample.boxes[:, 3] - sample.boxes[:, 1]) / 2 / tall
    boxes = np.stack([column - half_wide, row - half_tall, column + half_wide, row + half_tall], axis=1)
    return roughen(moved, rng), boxes.astype(np.float32)


def _targets(samples: Sequence[XySample], placed: Sequence[Floats], shape: torch.Size) -> tuple[Tensor, Tensor]:
    """What every cell should say, (B, C, H', W'), and how much it counts, (B, H', W')."""
    count, classes, rows, columns = shape
    y = (np.arange(rows, dtype=np.float32) + 0.5) * CELL[0]
    x = (np.arange(columns, dtype=np.float32) + 0.5) * CELL[1]
    truth = np.zeros((count, classes, rows, columns), dtype=np.float32)
    weights = np.full((count, rows, columns), PAPER, dtype=np.float32)
    for b, (sample, boxes) in enumerate(zip(samples, placed, strict=True)):
        weights[b] *= min(float(sample.weights.max(initial=0)), 1.0)
        for k in np.flatnonzero(np.isfinite(boxes[:, 0])):
            at_x, at_y = (boxes[k, 0] + boxes[k, 2]) / 2, (boxes[k, 1] + boxes[k, 3]) / 2
            bell = np.outer(
                np.exp(-0.5 * ((y - at_y) / (SPREAD[0] * CORE)) ** 2),
                np.exp(-0.5 * ((x - at_x) / (SPREAD[1] * CORE)) ** 2),
            )
            own = truth[b, sample.classes[k]]
            np.maximum(own, bell, out=own)
            weights[b] += bell * sample.weights[k]
        total = truth[b].sum(axis=0)
        truth[b] /= np.maximum(total, 1.0)
        truth[b, 0] += np.maximum(1.0 - total, 0.0)
    return torch.from_numpy(truth), torch.from_numpy(weights)


def _box_loss(
    net: XyNet, features: Tensor, samples: Sequence[XySample], placed: Sequence[Floats], rng: np.random.Generator
) -> Tensor:
    words, names, boxes, weights = [], [], [], []
    for b, (sample, each) in enumerate(zip(samples, placed, strict=True)):
        use = np.isfinite(each[:, 0])
        words.append(np.full(int(use.sum()), b))
        names.append(sample.classes[use])
        boxes.append(each[use])
        weights.append(sample.weights[use])
    word, name, box, weight = (np.concatenate(each) for each in (words, names, boxes, weights))
    if not len(word):
        return features.sum() * 0
    points = (box[:, :2] + box[:, 2:]) / 2 + rng.normal(0, JITTER * CORE, (len(box), 2))
    edges = (box - np.concatenate([points, points], axis=1)) / CORE
    said = net.boxes(
        features, torch.from_numpy(word), torch.from_numpy(points.astype(np.float32)), torch.from_numpy(name)
    )
    off = (said - torch.from_numpy(edges.astype(np.float32))).abs().mean(dim=1)
    counts = torch.from_numpy(weight)
    return (off * counts).sum() / counts.sum().clamp(min=1.0)


def _lattice(samples: Sequence[XySample], placed: Sequence[Floats], frames: Ints) -> tuple[Ints, Ints, Ints]:
    """Targets (B, L), lengths (B,) and windows (B, L, 2) of CTC; pinned characters within their boxes."""
    lengths = np.array([len(sample.classes) for sample in samples], dtype=np.int32)
    targets = np.zeros((len(samples), int(lengths.max())), dtype=np.int32)
    windows = np.zeros((*targets.shape, 2), dtype=np.int32)
    for b, (sample, boxes) in enumerate(zip(samples, placed, strict=True)):
        targets[b, : lengths[b]] = sample.classes
        windows[b, :, 1] = frames[b]
        for k in np.flatnonzero(sample.pinned & np.isfinite(boxes[:, 0])):
            low = int(np.clip(boxes[k, 0] // CELL[1], 0, frames[b] - 1))
            windows[b, k] = low, int(np.clip(-(-boxes[k, 2] // CELL[1]), low + 1, frames[b]))
    return targets, lengths, windows
