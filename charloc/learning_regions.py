"""Training a `RegionNet` on words whose characters are believed to be somewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from charloc.descent import Schedule, descend
from charloc.learning import autocast, distort
from charloc.methods import Progress
from charloc.nets import STRIDE
from charloc.nets_regions import RegionNet
from charloc.normalise import CORE, HEIGHT
from charloc.regions import RegionSample

REGIONS = 32
"""Regions of a word that one batch learns from."""
POSITIVE = 0.5
"""At most this share of them are characters."""


@dataclass(frozen=True, slots=True, eq=False)
class RegionBatch:
    """Padded samples: views (B, 1, HEIGHT, W), boxes (B, REGIONS, 4); per region (B * REGIONS, ...) the rest."""

    views: Tensor
    boxes: Tensor
    classes: Tensor
    share: Tensor
    offsets: Tensor
    weights: Tensor


def train_regions(
    net: RegionNet, samples: Sequence[RegionSample], schedule: Schedule, progress: Progress
) -> dict[str, float]:
    """Cross entropy over the classes of regions plus L1 on the edges of those that are characters.

    Returns:
        Mean losses over the last fifth of the steps.
    """

    def losses(batch: RegionBatch) -> tuple[Tensor, Tensor]:
        with autocast():
            features = net.features(batch.views)
            hidden = net.regions(features, batch.boxes)
        hidden = hidden.float()
        log_probs = torch.log_softmax(net.logits(hidden), dim=1)
        wrong = -batch.share * log_probs.gather(1, batch.classes[:, None])[:, 0] - (1 - batch.share) * log_probs[:, 0]
        class_loss = (wrong * batch.weights).sum() / batch.weights.sum().clamp(min=1.0)
        counted = batch.weights * batch.share
        off = (net.refine(hidden, batch.classes) - batch.offsets).abs().mean(dim=1)
        box_loss = (off * counted).sum() / counted.sum().clamp(min=1.0)
        return class_loss, box_loss

    net.to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    class_loss, box_loss = descend(net, samples, schedule, collate, losses, partial(progress, "learn"))
    net.eval()
    return {"class_loss": class_loss, "box_loss": box_loss, "steps": float(schedule.steps)}


def collate(samples: Sequence[RegionSample], rng: np.random.Generator) -> RegionBatch:
    """Samples padded to one width, changed at random, `REGIONS` regions of each chosen at random.

    Regions are shaken by up to a pixel: cuts are not exact. Their characters' edges stay where they are.
    """
    moved = [distort(sample.pixels, rng) for sample in samples]
    width = max(pixels.shape[1] for pixels, _, _ in moved)
    views = np.zeros((len(samples), 1, HEIGHT, width + width % STRIDE), dtype=np.float32)
    boxes = np.zeros((len(samples), REGIONS, 4), dtype=np.float32)
    boxes[:, :, 2:] = 1
    classes = np.zeros((len(samples), REGIONS), dtype=np.int64)
    share, weights = np.zeros((2, len(samples), REGIONS), dtype=np.float32)
    offsets = np.zeros((len(samples), REGIONS, 4), dtype=np.float32)
    for b, (sample, (pixels, across, down)) in enumerate(zip(samples, moved, strict=True)):
        views[b, 0, :, : pixels.shape[1]] = pixels
        rows = _choose(sample, rng)
        n = len(rows)
        shaken = rng.uniform(-1, 1, (n, 4)).astype(np.float32)
        shaken[:, [1, 3]] *= 0.5
        boxes[b, :n] = sample.boxes[rows] + shaken + np.array([across, down, across, down], np.float32)
        classes[b, :n], share[b, :n], weights[b, :n] = sample.classes[rows], sample.share[rows], sample.weights[rows]
        shift = np.stack([shaken[:, 0], -shaken[:, 1], shaken[:, 2], -shaken[:, 3]], axis=1)
        offsets[b, :n] = sample.offsets[rows] - shift / CORE
    flat = (torch.from_numpy(each).flatten(0, 1) for each in (classes, share, offsets, weights))
    return RegionBatch(
        torch.from_numpy(views).contiguous(memory_format=torch.channels_last), torch.from_numpy(boxes), *flat
    )


def _choose(sample: RegionSample, rng: np.random.Generator) -> np.ndarray:
    """Up to `REGIONS` regions of a word: characters, up to `POSITIVE` of them, and background."""
    characters = rng.permutation(np.flatnonzero(sample.classes > 0))[: int(POSITIVE * REGIONS)]
    background = rng.permutation(np.flatnonzero(sample.classes == 0))[: REGIONS - len(characters)]
    return np.concatenate([characters, background])
