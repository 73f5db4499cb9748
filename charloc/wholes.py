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
LEAST = -6.0
"""A span is never held to be less likely to be a character than this, nats."""
ROWS = 256
"""Cuts looked at together: memory must not grow with the length of a line."""


@torch.inference_mode()
def whole_log_probs(net: SegmentalNet, features: Tensor, seen: View, spans: Spans, classes: Ints) -> Floats:
    """Log-probability that a span is all of a character and nothing else, float32 (L, N, D), at least `LEAST`.

    The same as `SegmentalNet.wholes` of each span's ink; but what its first layer makes of a cut is made once.

    Args:
        features: (FEATURES, T), of the view `seen`.
        classes: int64 (L,), 0 unknown: of those nothing is known, which is 0.
    """
    count, reach = spans.width.shape
    length = features.shape[1]
    first_layer, last_layer = net.whole[0], net.whole[2]
    assert isinstance(first_layer, nn.Linear) and isinstance(last_layer, nn.Linear)
    start = np.clip(np.rint(seen.frames(spans.next_ink, STRIDE)), 0, length - 1).astype(np.int64)
    end = np.clip(np.rint(seen.frames(spans.last_ink, STRIDE)), 1, length).astype(np.int64)
    of_mean, of_first, of_last, of_size = first_layer.weight.split([FEATURES, FEATURES, FEATURES, 1], dim=1)
    total = nn.functional.pad((of_mean @ features).cumsum(dim=1), (1, 0)).T
    opened, closed = (of_first @ features).T[start] + first_layer.bias, (of_last @ features).T[end - 1]
    known = np.unique(classes[classes > 0])
    column = np.searchsorted(known, classes)
    out = np.zeros((len(classes), count, reach), dtype=np.float32)
    for row in range(0, count, ROWS):
        i = np.arange(row, min(row + ROWS, count))
        j = np.minimum(i[:, None] + 1 + np.arange(reach), count - 1)
        size = torch.from_numpy(np.maximum(end[j] - start[i][:, None], 1))[..., None].float()
        mean = (total[end[j]] - total[start[i]][:, None]) / size
        hidden = torch.relu(mean + opened[i][:, None] + closed[j] + size / 8.0 * of_size[:, 0])
        scores = last_layer(hidden)
        log_probs = (scores[..., known] - scores.logsumexp(dim=2, keepdim=True)).clamp(min=LEAST).numpy()
        for k in np.flatnonzero(classes > 0):
            out[k, i] = log_probs[:, :, column[k]]
    return out
