"""A network that tells a word's ink from everything else that is dark: rules, specks, stains, neighbouring lines."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor, nn
from torchmore import flex

from charloc.nets import Around, block

Floats = NDArray[np.float32]
DEPTHS = (16, 24, 32, 48)
"""Channels at a half, a quarter, an eighth and a sixteenth of the picture's size."""
AROUND = ((), (1,), (1,), (1, 2))
"""At each of these sizes, how far from each other the pixels are that its last blocks look at."""
MULTIPLE = 2 ** len(DEPTHS)
"""Heights and widths the net takes are multiples of this many pixels."""


class InkNet(nn.Module):
    """How much of each pixel the word's own ink covers.

    Source: an encoder and a decoder with skips between like sizes (Ronneberger, Fischer and Brox 2015), the skips added
    instead of stacked; at full size there is one small convolution only.
    """

    def __init__(self) -> None:
        super().__init__()
        down, up = [], []
        around = []
        for depth, places in zip(DEPTHS, AROUND, strict=True):
            halved = block(depth, (4, 4), stride=2, padding=(1, 1))
            down.append(nn.Sequential(*halved, *block(depth, (3, 3), padding=(1, 1))))
            around.append(nn.Sequential(*(Around(depth, (3, 3), (far, far), (far, far)) for far in places)))
        for depth in reversed(DEPTHS[:-1]):
            up.append(nn.Sequential(*block(depth, (3, 3), padding=(1, 1)), nn.Upsample(scale_factor=2)))
        self.down, self.around, self.up = nn.ModuleList(down), nn.ModuleList(around), nn.ModuleList(up)
        fine = block(DEPTHS[0], (3, 3), padding=(1, 1))
        self.fine = nn.Sequential(*fine, flex.Conv2d(32, 3, padding=1), nn.PixelShuffle(2))
        self.last = nn.Sequential(*block(12, (3, 3), padding=(1, 1)), flex.Conv2d(1, 1))
        flex.shape_inference(self, (1, 2, 2 * MULTIPLE, 2 * MULTIPLE))
        self.train()

    def forward(self, seen: Tensor) -> Tensor:
        """Logits of coverage.

        Args:
            seen: float32 (B, 2, H, W), as from `seen`; H and W multiples of `MULTIPLE`.

        Returns:
            (B, 1, H, W).
        """
        sizes = []
        at = seen
        for layer, around in zip(self.down, self.around, strict=True):
            at = around(layer(at))
            sizes.append(at)
        for layer, skip in zip(self.up, reversed(sizes[:-1]), strict=True):
            at = layer(at) + skip
        logits: Tensor = self.last(torch.cat([self.fine(at), seen], dim=1))
        return logits


def seen(pixels: NDArray[np.uint8], soft: Floats) -> Floats:
    """What the net sees of a picture: float32 (2, H, W), grey against its surroundings and the ink found without it.

    Args:
        pixels: uint8 (H, W).
        soft: float32 (H, W), from `inkmap.soft_ink`.
    """
    grey = pixels.astype(np.float32)
    around = ndimage.uniform_filter(grey, max(9, min(grey.shape) // 2), mode="nearest")
    spread = max(float(grey.std()), 2.0)
    return np.stack([np.clip((grey - around) / spread, -4, 4), soft]).astype(np.float32)
