"""The scanning net: what is written, frame by frame, with all that stands left and right of it in view."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchmore import flex

from charloc.nets import REACH, STRIDE, block
from charloc.normalise import HEIGHT

HIDDEN = 64
SEES = 8
"""View pixels the convolutions see beyond a frame's own on either side."""


class ScanNet(nn.Module):
    """Convolutions over the view, then one LSTM in reading direction and one against it: class scores per frame.

    Args:
        classes: C, the charset's size with background (CTC's blank) as class 0.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.columns = nn.Sequential(
            *block(16, (5, 5), stride=STRIDE, padding=(2, 2)),
            *block(32, (3, 3), padding=(1, 1)), nn.MaxPool2d((2, 1)),
            *block(48, (3, 3), padding=(1, 1)), nn.MaxPool2d((2, 1)),
            *block(96, (HEIGHT // 8, 3), padding=(0, 1)), nn.Dropout(0.1),
        )  # fmt: skip
        self.forwards, self.backwards = flex.LSTM(HIDDEN), flex.LSTM(HIDDEN)
        self.classify = flex.Linear(classes)
        flex.shape_inference(self, (2, 1, HEIGHT, 32))
        self.train()

    def forward(self, views: Tensor, frames: Tensor | None = None) -> Tensor:
        """Class scores of every frame.

        Args:
            views: float32 (B, 1, HEIGHT, W), 0..1.
            frames: int64 (B,), how many frames are each word's own; None if all are. A word's scores do not depend on
                what stands beside it in the batch, if at least `REACH` columns of paper follow its last.

        Returns:
            float32 (B, T, C), T = ceil(W / STRIDE).
        """
        return self.read(self.columns(views).squeeze(2), frames)

    def read(self, columns: Tensor, frames: Tensor | None = None) -> Tensor:
        """Class scores, (B, T, C), from what the convolutions see in each frame, (B, D, T)."""
        columns = columns.permute(2, 0, 1)
        length, batch, _ = columns.shape
        time = torch.arange(length)[:, None]
        own = torch.full((batch,), length) if frames is None else frames
        # Each word turned round within its own frames: what pads it comes last in both directions.
        turned = torch.where(time < own, own - 1 - time, time)
        word = torch.arange(batch)[None, :]
        ahead = self.forwards(columns)
        back = self.backwards(columns[turned, word])[turned, word]
        scores: Tensor = self.classify(torch.cat([ahead, back], dim=2).flatten(0, 1))
        return scores.unflatten(0, (length, batch)).permute(1, 0, 2)


__all__ = ["HIDDEN", "REACH", "SEES", "STRIDE", "ScanNet"]
