"""What a net says of frames, spans and boxes, as the search over cuts and the boxes after it want to hear it."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from charloc.ink import Ink
from charloc.layout import Evidence, Solution
from charloc.nets import STRIDE, SegmentalNet
from charloc.normalise import View
from charloc.spans import Spans

Floats = NDArray[np.float32]
Indices = NDArray[np.integer]
LEAST = np.float32(-4.0)
"""A frame is never held to be less likely to be a character's than this, nats (as of spans, `wholes.LEAST`)."""


def cumulate(
    log_probs: Floats, classes: NDArray[np.int64], cuts: NDArray[np.float64], temper: float
) -> Evidence:
    """Tempered log-probabilities, cumulated at cuts given in frames.

    A frame inside a character's span is that character or the gap beside it; outside it is background.
    """
    background = np.maximum(log_probs[0], LEAST)
    inside = np.maximum(np.logaddexp(log_probs[classes], log_probs[0] + np.log(np.float32(0.5))), LEAST)
    inside[classes == 0] = background
    position = np.clip(cuts, 0, log_probs.shape[1])
    grid = np.arange(log_probs.shape[1] + 1)
    total = np.concatenate([np.zeros((len(classes), 1)), np.cumsum(inside, axis=1)], axis=1)
    cumulated = np.stack([np.interp(position, grid, row) for row in total])
    outside = np.interp(position, grid, np.concatenate([[0.0], np.cumsum(background)]))
    return Evidence((temper * cumulated).astype(np.float32), (temper * outside).astype(np.float32))


def chosen(said: Evidence, solution: Solution) -> Floats:
    """What is said of the spans that were chosen, float32 (L,), 0 of characters it knows nothing of; NaN unknown."""
    bounds = solution.bounds
    if said.whole is None or said.which is None:
        return np.full(len(bounds) - 1, np.nan, dtype=np.float32)
    out = np.zeros(len(bounds) - 1, dtype=np.float32)
    known = said.which >= 0
    spans = bounds[:-1][known], (np.diff(bounds) - 1)[known]
    out[known] = said.whole[said.which[known], *spans]
    return out


def span_frames(
    seen: View, spans: Spans, starts: Indices, ends: Indices
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """From which frame to which the ink of M spans goes, (M,) each; where there is none, from cut to cut.

    Args:
        starts, ends: (M,), the cuts between which each is, indices into `spans.columns`.
    """
    left, right = spans.next_ink[starts], spans.last_ink[ends]
    empty = right <= left
    left = np.where(empty, spans.columns[starts], left)
    right = np.where(empty, spans.columns[ends], right)
    return seen.frames(left, STRIDE), seen.frames(right, STRIDE)


@torch.inference_mode()
def net_boxes(
    net: SegmentalNet, ink: Ink, seen: View, spans: Spans, starts: Indices, ends: Indices, classes: NDArray[np.int64],
    features: torch.Tensor,
) -> Floats:  # fmt: skip
    """The box head's boxes of characters that have these spans, float32 (M, 4), px.

    Args:
        starts, ends: (M,), the cuts between which each span is, indices into `spans.columns`.
        classes: int64 (M,), 0 unknown.
        features: (FEATURES, T), of the view `seen`.
    """
    length = features.shape[1]
    left, right = span_frames(seen, spans, starts, ends)
    start = np.clip(np.rint(left), 0, length - 1).astype(np.int64)
    end = np.clip(np.rint(right), start + 1, length).astype(np.int64)
    # Spans of many cuts cover few different frames.
    asked, of = np.unique(np.stack([start, end, classes]), axis=1, return_inverse=True)
    word = torch.zeros(asked.shape[1], dtype=torch.int64)
    edges = net.boxes(features[None], word, *torch.from_numpy(asked)).numpy()[of.ravel()] * np.float32(ink.core)
    middle = (start + end) / 2 * STRIDE / seen.scale + seen.origin
    x, baseline = ink.place(middle.astype(np.float32))
    return np.stack([x + edges[:, 0], baseline - edges[:, 1], x + edges[:, 2], baseline - edges[:, 3]], axis=1)
