"""What a net makes of every span between candidate cuts: the scores of `SegmentalNet.wholes`, all at once."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from charloc.nets import FEATURES, STRIDE, SegmentalNet
from charloc.normalise import View
from charloc.spans import Spans

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
LEAST = -3.0
"""A span is never held to be less likely to be a character than this, nats: letters of a type that no net has seen are
still what the transcript says."""
AT_ONCE = 4096
"""Spans looked at together: memory must not grow with the length of a line."""


class Wholes:
    """The scores of one view's spans, each made when it is first asked for.

    The same as `SegmentalNet.wholes` of each span's ink; but what its first layer makes of a frame is made once, and
    spans that begin and end in the same frames are one. Not for several threads at once.

    Args:
        net: one that knows which spans are whole characters.
        features: (FEATURES, T), of the view.
        seen: the view.
    """

    def __init__(self, net: SegmentalNet, features: Tensor, seen: View) -> None:
        self._net, self._features, self._seen = net, features, seen
        self._frames: tuple[Tensor, Tensor, Tensor] | None = None
        self._forget(np.zeros(0, dtype=np.int64))

    def _forget(self, known: Ints) -> None:
        self._known = known
        self._row = np.full((self._features.shape[1], 0), -1, dtype=np.int32)  # [start, frames - 1]: which row
        self._rows = np.zeros((0, len(known)), dtype=np.float32)

    def log_probs(self, spans: Spans, classes: Ints) -> tuple[Floats, Ints]:
        """Log-probability that a span is all of a character and nothing else.

        Args:
            classes: int64 (L,), 0 unknown.

        Returns:
            whole: float32 (K, N, D), at least `LEAST`, of each of the K classes that are known; 0 where N is over.
            which: int64 (L,), which of the K each character is; -1 unknown.
        """
        known = np.unique(classes[classes > 0])
        if not np.isin(known, self._known).all():
            self._forget(known)  # another transcript
        count, reach = spans.width.shape
        length = self._features.shape[1]
        start = np.clip(np.rint(self._seen.frames(spans.next_ink, STRIDE)), 0, length - 1).astype(np.int64)
        end = np.clip(np.rint(self._seen.frames(spans.last_ink, STRIDE)), 1, length).astype(np.int64)
        closing = np.arange(count)[:, None] + 1 + np.arange(reach)
        there = closing < count
        first = np.broadcast_to(start[:, None], there.shape)[there]
        frames = np.maximum(end[closing[there]] - first, 1)
        self._make(first, frames)
        column = np.searchsorted(self._known, known)
        whole = np.zeros((len(known), count, reach), dtype=np.float32)
        whole[:, there] = self._rows[self._row[first, frames - 1]][:, column].T
        which = np.where(classes > 0, np.searchsorted(known, classes), -1)
        return whole, which

    @torch.inference_mode()
    def _make(self, first: Ints, frames: Ints) -> None:
        """Make the rows that are missing, of spans of so many frames from a first one."""
        longest = int(frames.max(initial=0))
        if longest > self._row.shape[1]:
            more = np.full((len(self._row), longest - self._row.shape[1]), -1, dtype=np.int32)
            self._row = np.concatenate([self._row, more], axis=1)
        missing = np.zeros(self._row.shape, dtype=bool)
        missing[first, frames - 1] = True
        missing &= self._row < 0
        new, size = np.nonzero(missing)
        if not len(new):
            return
        self._row[new, size] = len(self._rows) + np.arange(len(new))
        made = [self._scores(new[i : i + AT_ONCE], size[i : i + AT_ONCE] + 1) for i in range(0, len(new), AT_ONCE)]
        self._rows = np.concatenate([self._rows, *made])

    def _scores(self, first: Ints, frames: Ints) -> Floats:
        """Log-probabilities of the known classes, (M, K), of spans of so many frames from a first one."""
        last_layer = self._net.whole[2]
        assert isinstance(last_layer, nn.Linear)
        total, opened, closed = self._layer()
        size = torch.from_numpy(frames)[:, None].float()
        mean = (total[first + frames] - total[first]) / size
        of_size = self._first_layer().weight[:, -1]
        hidden = torch.relu(mean + opened[first] + closed[first + frames - 1] + size / 8.0 * of_size)
        scores = last_layer(hidden)
        log_probs: Floats = (scores[:, self._known] - scores.logsumexp(dim=1, keepdim=True)).clamp(min=LEAST).numpy()
        return log_probs

    def _layer(self) -> tuple[Tensor, Tensor, Tensor]:
        """The first layer of means (cumulated, (T + 1, H)), and of first and last frames, (T, H) each."""
        if self._frames is None:
            layer = self._first_layer()
            of_mean, of_first, of_last, _ = layer.weight.split([FEATURES, FEATURES, FEATURES, 1], dim=1)
            total = nn.functional.pad((of_mean @ self._features).cumsum(dim=1), (1, 0)).T.contiguous()
            self._frames = total, (of_first @ self._features).T + layer.bias, (of_last @ self._features).T.contiguous()
        return self._frames

    def _first_layer(self) -> nn.Linear:
        layer = self._net.whole[0]
        assert isinstance(layer, nn.Linear)
        return layer
