"""The two-dimensional net: which character is at every place of a word's picture, and how far a known one reaches."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchmore import flex

from charloc.nets import block

CELL = (4, 2)
"""Rows and columns of plane pixels per cell of the net's output."""
FEATURES = 64
REACH = (20, 16)
"""Rows and columns that a cell sees beyond its own."""
BESIDE = 3
"""Cells to either side of a character's own that its box is told from."""


class XyNet(nn.Module):
    """Convolutions only: no column knows which word it stands in, so a character looks the same wherever it is.

    Args:
        classes: C, the charset's size with background as class 0.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.cells = nn.Sequential(
            *block(16, (5, 5), stride=2, padding=(2, 2)),
            *block(32, (3, 3), padding=(1, 1)), nn.MaxPool2d((2, 1)),
            *block(48, (3, 3), padding=(1, 1)),
            *block(48, (3, 3), padding=(1, 1)),
            *block(FEATURES, (3, 5), padding=(1, 2)), nn.Dropout2d(0.1),
        )  # fmt: skip
        self.classify = flex.Conv2d(classes, 1)
        self.name = nn.Embedding(classes, 32)
        self.box = nn.Sequential(flex.Linear(128), nn.ReLU(), flex.Linear(4))
        flex.shape_inference(_Probe(self), (2, 1, 32, 32))
        self.train()

    def features(self, planes: Tensor) -> Tensor:
        """float32 (B, FEATURES, H', W') of planes (B, 1, H, W), H and W multiples of `CELL`."""
        cells: Tensor = self.cells(planes)
        return cells

    def logits(self, features: Tensor) -> Tensor:
        """Class scores of every cell, (B, C, H', W')."""
        scores: Tensor = self.classify(features)
        return scores

    def boxes(self, features: Tensor, word: Tensor, points: Tensor, name: Tensor) -> Tensor:
        """Edges of M characters, as offsets from their points.

        Args:
            features: (B, FEATURES, H', W').
            word, name: int64 (M,), the word of the batch each is in, its class.
            points: float32 (M, 2), x and y on the plane.

        Returns:
            (M, 4): left, top, right, bottom in core heights from the point, y down.
        """
        rows, columns = features.shape[2:]
        at = points / points.new_tensor([CELL[1], CELL[0]])
        x, y = at[:, 0].long().clamp(0, columns - 1), at[:, 1].long().clamp(0, rows - 1)
        within = at - torch.stack([x, y], dim=1) - 0.5
        seen = [features[word, :, y, (x + shift).clamp(0, columns - 1)] for shift in (-BESIDE, 0, BESIDE)]
        edges: Tensor = self.box(torch.cat([*seen, self.name(name), within], dim=1))
        return edges


class _Probe(nn.Module):
    """Runs every part once, so that flex layers learn their sizes."""

    def __init__(self, net: XyNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, planes: Tensor) -> Tensor:
        features = self.net.features(planes)
        zero = torch.zeros(2, dtype=torch.int64)
        self.net.logits(features)
        return self.net.boxes(features, zero, torch.zeros(2, 2), zero)
