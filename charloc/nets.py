"""Networks, written with torchmore's flex layers: sizes that follow from the data are inferred, not repeated."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchmore import flex

from charloc.normalise import HEIGHT

STRIDE = 2
"""View pixels per frame."""
WIDER = (1, 2, 4)
"""Frames between those that each of the last blocks looks at: so they see wide letters whole, and what is beside."""
REACH = 50
"""View pixels a frame sees beyond its own on either side."""
FEATURES = 128
ROWS = 11
"""Layers of the stack up to where rows are still rows."""


def block(
    channels: int, size: tuple[int, int], stride: int = 1, padding: tuple[int, int] = (0, 0),
    dilation: tuple[int, int] = (1, 1),
) -> list[nn.Module]:  # fmt: skip
    """Convolution, normalisation, rectifier."""
    layer = flex.Conv2d(channels, size, stride=stride, padding=padding, dilation=dilation, bias=False)
    return [layer, flex.BatchNorm2d(), nn.ReLU()]


class Around(nn.Module):
    """Features, and what those around them add: nothing until it is learned, so that a net which never had this part
    is the same with it.

    Args:
        channels: of the features.
        size, padding, dilation: of the convolution that looks around.

    Source: residual blocks (He et al. 2016), the last scale zero at first (Goyal et al. 2017).
    """

    def __init__(
        self, channels: int, size: tuple[int, int], padding: tuple[int, int], dilation: tuple[int, int] = (1, 1)
    ) -> None:
        super().__init__()
        seen = block(channels, size, padding=padding, dilation=dilation)
        self.layers = nn.Sequential(*seen, flex.Conv2d(channels, 1, bias=False), nn.BatchNorm2d(channels))
        nn.init.zeros_(self.layers[-1].weight)  # type: ignore[arg-type]

    def forward(self, features: Tensor) -> Tensor:
        return features + self.layers(features)


class SegmentalNet(nn.Module):
    """Which character each frame of a view belongs to, which one a span of frames is, and where a known one's box is.

    Args:
        classes: C, the charset's size with background as class 0.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        # One 2-D stack to the end, its last layers one row high: 2-D convolutions are the fast ones on a processor.
        self.frames = nn.Sequential(
            *block(16, (5, 5), stride=STRIDE, padding=(2, 2)),
            *block(32, (3, 3), padding=(1, 1)), nn.MaxPool2d((2, 1)),
            *block(48, (3, 3), padding=(1, 1)), nn.MaxPool2d((2, 1)),
            *block(FEATURES, (HEIGHT // 8, 3), padding=(0, 1)),
            *block(FEATURES, (1, 5), padding=(0, 2)),
            *block(FEATURES, (1, 5), padding=(0, 4), dilation=(1, 2)), nn.Dropout(0.1),
        )  # fmt: skip
        self.shapes = Around(48, (3, 3), (1, 1))
        self.around = nn.Sequential(*(Around(FEATURES, (1, 5), (0, 2 * apart), (1, apart)) for apart in WIDER))
        self.classify = flex.Conv2d(classes, 1)
        self.whole = nn.Sequential(flex.Linear(96), nn.ReLU(), flex.Linear(classes))
        self.name = nn.Embedding(classes, 32)
        self.box = nn.Sequential(flex.Linear(96), nn.ReLU(), flex.Linear(4))
        flex.shape_inference(_Probe(self), (2, 1, HEIGHT, 32))
        self.train()

    def features(self, views: Tensor) -> Tensor:
        """Features of every frame.

        Args:
            views: float32 (B, 1, HEIGHT, W), 0..1.

        Returns:
            float32 (B, FEATURES, T), T = ceil(W / STRIDE).
        """
        features: Tensor = self.around(self.frames[ROWS:](self.shapes(self.frames[:ROWS](views))))
        return features.squeeze(2)

    def logits(self, features: Tensor) -> Tensor:
        """Class scores of every frame, (B, C, T), from its features (B, FEATURES, T)."""
        scores: Tensor = self.classify(features.unsqueeze(2))
        return scores.squeeze(2)

    def boxes(self, features: Tensor, word: Tensor, start: Tensor, end: Tensor, name: Tensor) -> Tensor:
        """Edges of M characters, as offsets from their span's middle.

        Args:
            features: (B, FEATURES, T).
            word, start, end, name: int64 (M,): the word of the batch each character is in, its span of frames
                [start, end), its class.

        Returns:
            (M, 4): left, top, right, bottom in core heights, from the span's middle and the baseline.
        """
        mean, first, last, size = _pooled(features, word, start, end)
        edges: Tensor = self.box(torch.cat([mean, first, last, self.name(name), size], dim=1))
        return edges

    def wholes(self, features: Tensor, word: Tensor, start: Tensor, end: Tensor) -> Tensor:
        """Class scores of M spans of frames, (M, C): of just that character, 0 of a part of one, of several, of none.

        Args:
            features, word, start, end: as for `boxes`.
        """
        scores: Tensor = self.whole(torch.cat(_pooled(features, word, start, end), dim=1))
        return scores


def _pooled(features: Tensor, word: Tensor, start: Tensor, end: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Of each span of frames: mean, first and last features, (M, FEATURES) each; its length, (M, 1)."""
    total = nn.functional.pad(features.cumsum(dim=2), (1, 0))
    length = (end - start).clamp(min=1)
    mean = (total[word, :, start + length] - total[word, :, start]) / length[:, None]
    size = length[:, None].to(features.dtype) / 8.0
    return mean, features[word, :, start], features[word, :, start + length - 1], size


class _Probe(nn.Module):
    """Runs every part once, so that flex layers learn their sizes."""

    def __init__(self, net: SegmentalNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, views: Tensor) -> Tensor:
        features = self.net.features(views)
        zero = torch.zeros(2, dtype=torch.int64)
        self.net.logits(features)
        self.net.wholes(features, zero, zero, zero + 1)
        return self.net.boxes(features, zero, zero, zero + 1, zero)
