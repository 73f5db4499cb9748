"""The network that judges regions: which character a box of ink is, and where that character's own edges are."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchmore import flex

from charloc.nets import STRIDE, block
from charloc.normalise import CORE, HEIGHT

CHANNELS = 48
HIDDEN = 96
BINS = (5, 5)
"""Rows and columns of samples taken of a region."""
BESIDE = 2.0
"""View pixels that are looked at beyond a region's edges: what goes on there is only a part of something."""
ROW_STRIDE = 4


class RegionNet(nn.Module):
    """Classes and refined edges of regions of a view, all from one shared feature map.

    Args:
        classes: C, the charset's size; class 0 is no whole character: a part of one, or more than one.

    Source: Fast R-CNN's layout (Girshick 2015): shared convolutions, pooled regions, two heads. Pooling is by
        bilinear samples, as in RoIAlign (He et al. 2017), one per bin.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.shared = nn.Sequential(
            *block(16, (5, 5), stride=STRIDE, padding=(2, 2)),
            *block(32, (3, 3), padding=(1, 1)), nn.MaxPool2d((2, 1)),
            *block(CHANNELS, (3, 3), padding=(1, 1)),
        )  # fmt: skip
        self.hidden = nn.Sequential(flex.Linear(HIDDEN), nn.ReLU(), nn.Dropout(0.1), flex.Linear(HIDDEN), nn.ReLU())
        self.classify = flex.Linear(classes)
        self.name = nn.Embedding(classes, 32)
        self.box = nn.Sequential(flex.Linear(64), nn.ReLU(), flex.Linear(4))
        flex.shape_inference(_Probe(self), (2, 1, HEIGHT, 32))
        self.train()

    def features(self, views: Tensor) -> Tensor:
        """Feature maps, (B, CHANNELS, HEIGHT / ROW_STRIDE, W / STRIDE), of views float32 (B, 1, HEIGHT, W), 0..1."""
        features: Tensor = self.shared(views)
        return features

    def regions(self, features: Tensor, boxes: Tensor) -> Tensor:
        """What is in R regions of each view.

        Args:
            features: (B, CHANNELS, H, W), from `features`.
            boxes: float32 (B, R, 4), x0 y0 x1 y1 in view pixels.

        Returns:
            (B * R, HIDDEN).
        """
        pooled = pool(features, boxes)
        x0, y0, x1, y1 = boxes.unbind(dim=2)
        # Pooling stretches every region to one shape: its size and height on the line are told apart from it.
        size = torch.stack([(x1 - x0) / CORE, ((x1 - x0) / CORE + 0.1).log(), y0 / CORE - 1, y1 / CORE - 2], dim=2)
        hidden: Tensor = self.hidden(torch.cat([pooled.flatten(2), size], dim=2).flatten(0, 1))
        return hidden

    def logits(self, hidden: Tensor) -> Tensor:
        """Class scores (M, C) of regions (M, HIDDEN)."""
        scores: Tensor = self.classify(hidden)
        return scores

    def refine(self, hidden: Tensor, name: Tensor) -> Tensor:
        """How far edges are from their region's, given which character it is.

        Args:
            hidden: (M, HIDDEN).
            name: int64 (M,), classes.

        Returns:
            (M, 4): left, top, right, bottom, core heights, to the right and up.
        """
        offsets: Tensor = self.box(torch.cat([hidden, self.name(name)], dim=1))
        return offsets


def pool(features: Tensor, boxes: Tensor) -> Tensor:
    """`BINS` bilinear samples of each region, evenly from `BESIDE` before its edges to `BESIDE` after them.

    Args:
        features: (B, F, H, W), a column of `STRIDE` and a row of `ROW_STRIDE` view pixels.
        boxes: float32 (B, R, 4), view pixels.

    Returns:
        (B, R, F, rows * columns); beyond the map it is 0.
    """
    height, width = features.shape[2:]
    rows, columns = BINS
    x0, y0, x1, y1 = boxes.unbind(dim=2)
    across = torch.linspace(0, 1, columns, dtype=boxes.dtype)
    down = torch.linspace(0, 1, rows, dtype=boxes.dtype)
    x = (x0 - BESIDE)[..., None] + (x1 - x0 + 2 * BESIDE)[..., None] * across
    y = (y0 - BESIDE)[..., None] + (y1 - y0 + 2 * BESIDE)[..., None] * down
    # Map column j is centred on pixel 2 j, whose middle is at 2 j + 0.5; a map row is two convolved ones, at 4 i + 1.5.
    x = (x - 0.5) / STRIDE * 2 / max(width - 1, 1) - 1
    y = (y - 1.5) / ROW_STRIDE * 2 / max(height - 1, 1) - 1
    count = boxes.shape[1]
    grid = torch.stack(
        [x[:, :, None, :].expand(-1, -1, rows, -1), y[:, :, :, None].expand(-1, -1, -1, columns)], dim=-1
    ).reshape(len(boxes), count, rows * columns, 2)
    sampled = nn.functional.grid_sample(
        features.float(), grid, mode="bilinear", padding_mode="zeros", align_corners=True
    )
    return sampled.transpose(1, 2)


class _Probe(nn.Module):
    """Runs every part once, so that flex layers learn their sizes."""

    def __init__(self, net: RegionNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, views: Tensor) -> Tensor:
        features = self.net.features(views)
        hidden = self.net.regions(features, torch.tensor([[[0.0, 0.0, 8.0, 8.0]]]).expand(len(views), 1, 4))
        self.net.logits(hidden)
        return self.net.refine(hidden, torch.zeros(len(hidden), dtype=torch.int64))
