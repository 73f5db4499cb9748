"""What `segmental` keeps of a word on its way from a picture to boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from charloc.layout import Evidence, Expected, ShapeCosts, Solution
from charloc.learning import Sample, autocast
from charloc.methods._learner import Look
from charloc.nets import REACH, STRIDE, SegmentalNet
from charloc.spans import Spans
from charloc.types import Localization
from charloc.wholes import Wholes

Floats = NDArray[np.float32]
MISPLACED = 1.0
"""Core heights by which an edge of a box is off where the span that it is of is far from its character."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What does not depend on what is said of a word: its look, what the net makes of the view's frames,
    log-probabilities (C, T) and features (FEATURES, T), and of its spans; None if the net does not know those."""

    look: Look
    log_probs: Floats
    features: torch.Tensor
    wholes: Wholes | None


@torch.inference_mode()
def see(net: SegmentalNet, looks: Sequence[Look], spans: bool) -> list[Seen]:
    """What the net makes of each view; like widths are batched together.

    Args:
        spans: whether it knows which spans are whole characters.
    """
    views = [each.view for each in looks]
    out: list[Seen | None] = [None] * len(views)
    order = np.argsort([each.pixels.shape[1] for each in views], kind="stable")
    for piece in np.array_split(order, max(1, -(-len(order) // 16))):
        # Beyond its own width a view sees as much paper as the net sees far, whoever is beside it in the batch.
        width = max(views[i].pixels.shape[1] for i in piece) + REACH
        batch = np.zeros((len(piece), 1, views[0].pixels.shape[0], width + width % STRIDE), dtype=np.float32)
        for b, i in enumerate(piece):
            batch[b, 0, :, : views[i].pixels.shape[1]] = views[i].pixels / np.float32(255)
        with autocast():
            features = net.features(torch.from_numpy(batch))
            logits = net.logits(features)
        log_probs = torch.log_softmax(logits.float(), dim=1).numpy()
        for b, i in enumerate(piece):
            length = -(-views[i].pixels.shape[1] // STRIDE)
            own = features[b, :, :length].float()
            out[i] = Seen(looks[i], log_probs[b, :, :length], own, Wholes(net, own, views[i]) if spans else None)
    return [each for each in out if each is not None]


@dataclass(slots=True, eq=False)
class Looks:
    """A picture as it is, and at other sizes: each with what its boxes are to be divided by, (4,); None: not looked at
    yet. `more`: at those sizes that are looked at only where the others are apart. `known`: where all looks have the
    characters of a transcript, if that was found before."""

    own: Seen
    others: list[tuple[Seen, Floats]] | None
    more: list[tuple[Seen, Floats]] | None = None
    free: Free | None = None
    known: tuple[tuple[str, ...], Localization] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Free:
    """Where every look has the characters of a transcript as long as nothing is pinned: that of the picture as it is,
    and the boxes (L, 4) of the others, in its layout order and its pixels, and of `more` that were taken because these
    are apart; or what they settled on before."""

    characters: tuple[str, ...]
    own: Placed
    others: list[Floats]
    more: list[Floats]
    known: Localization | None


@dataclass(frozen=True, slots=True, eq=False)
class Laid:
    """The visible characters of a word, in layout order, laid over its spans: boxes (L, 4), how far ink and net agree
    about each, (L,), and how far their edges are apart, (L, 4), core heights."""

    order: list[int]
    classes: NDArray[np.int64]
    spans: Spans
    expected: Expected
    said: Evidence
    shape: ShapeCosts
    solution: Solution
    boxes: Floats
    agreement: Floats
    apart: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """The visible characters of a word in layout order, laid out: boxes (L, 4), features of `confidence`, (L, F), the
    probability of both boundaries times the agreement of ink and net, (L,); confidence that
    is known, (L,), else NaN."""

    order: list[int]
    expected: Expected
    boxes: Floats
    features: Floats
    product: Floats
    score: float
    known: Floats

    def settled(self, boxes: Floats, doubt: Floats) -> Placed:
        """The same with boxes that all looks settled on, and their doubts among the features."""
        return replace(self, boxes=boxes, features=np.hstack([self.features, doubt]))


def found_at(
    seen: Look, classes: NDArray[np.int64], frames: tuple[NDArray[np.float64], NDArray[np.float64]], true: Floats,
    found: Floats,
) -> Sample:  # fmt: skip
    """A word to learn from with its true boxes, but the spans that a search found, in layout order.

    A span that is far from its character teaches nothing: one whose box is more than `MISPLACED` off.

    Args:
        classes: int64 (L,).
        frames: where each span begins and ends, (L,) each, in frames.
        true, found: float32 (L, 4), px; NaN for spaces.
    """
    spans = np.stack(frames, axis=1).astype(np.float32)
    middle = spans.mean(axis=1) * STRIDE / seen.view.scale + seen.view.origin
    at, baseline = seen.ink.place(middle.astype(np.float32))
    edges = np.stack([true[:, 0] - at, baseline - true[:, 1], true[:, 2] - at, baseline - true[:, 3]], axis=1)
    off = np.abs(true - found).max(axis=1) / seen.ink.core
    spans[~(off <= MISPLACED)] = np.nan
    weights = np.ones(len(classes), dtype=np.float32)
    return Sample(seen.view.pixels, classes, spans, (edges / seen.ink.core).astype(np.float32), weights)
