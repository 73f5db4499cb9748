"""What `segmental` keeps of a word on its way from a picture to boxes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from charloc.boxes import boundary_certainty
from charloc.calibration import Calibration
from charloc.confidence import features, frame_fit, sizes
from charloc.evidence import chosen
from charloc.glances import SIZES, doubts, resized
from charloc.ink import Band
from charloc.inkmap import OwnInk
from charloc.lattice import segmentation_posterior
from charloc.layout import Evidence, Expected, ShapeCosts, Solution, solve
from charloc.learning import autocast
from charloc.methods._learner import Look, look
from charloc.nets import REACH, STRIDE, SegmentalNet
from charloc.spans import Spans
from charloc.types import Localization, WordImage
from charloc.wholes import Wholes

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What does not depend on what is said of a word: its look, what the net makes of the view's frames,
    log-probabilities (C, T) and features (FEATURES, T), and of its spans; None if the net does not know those."""

    look: Look
    log_probs: Floats
    features: torch.Tensor
    wholes: Wholes | None


@dataclass(frozen=True, slots=True, eq=False)
class Eye:
    """What sees words: a net, whether it knows which spans are whole characters, and what tells their own ink."""

    net: SegmentalNet
    spans: bool
    own: OwnInk | None

    def look(self, word: WordImage, band: Band | None = None) -> Look:
        """The word as it is, its core band known or not."""
        return look(word, self.own, band)

    @torch.inference_mode()
    def see(self, looks: Sequence[Look]) -> list[Seen]:
        """What the net makes of each view; like widths are batched together."""
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
                features = self.net.features(torch.from_numpy(batch))
                logits = self.net.logits(features)
            log_probs = torch.log_softmax(logits.float(), dim=1).numpy()
            for b, i in enumerate(piece):
                length = -(-views[i].pixels.shape[1] // STRIDE)
                own = features[b, :, :length].float()
                wholes = Wholes(self.net, own, views[i]) if self.spans else None
                out[i] = Seen(looks[i], log_probs[b, :, :length], own, wholes)
        return [each for each in out if each is not None]

    def glance(self, word: WordImage, band: Band | None = None) -> Seen:
        """What is seen of one word as it is."""
        (seen,) = self.see([self.look(word, band)])
        return seen

    def looks(self, words: Sequence[WordImage], mapped: Callable[..., Iterable[Look]] = map) -> list[Looks]:
        """What is seen of each word as it is and at other sizes.

        Args:
            mapped: as `map`; may do several at a time.
        """
        seen = self.see(list(mapped(self.look, words)))
        return [Looks(own, others) for own, others in zip(seen, self.further(words, mapped), strict=True)]

    def further(
        self, words: Sequence[WordImage], mapped: Callable[..., Iterable[Look]] = map,
        sizes: Sequence[tuple[float, float]] = SIZES, band: Band | None = None,
    ) -> list[list[tuple[Seen, Floats]]]:  # fmt: skip
        """What is seen of each word at other sizes, its core band known or not."""

        def resized_look(other: tuple[WordImage, Floats]) -> Look:
            word, (across, down, *_) = other
            return self.look(word, None if band is None else band.scaled(across, down))

        others = [resized(word, size) for word in words for size in sizes]
        seen = self.see(list(mapped(resized_look, others)))
        pairs = list(zip(seen, (factors for _, factors in others), strict=True))
        each = len(sizes)
        return [pairs[i * each : (i + 1) * each] for i in range(len(words))]


@dataclass(slots=True, eq=False)
class Looks:
    """A picture as it is, and at other sizes: each with what its boxes are to be divided by, (4,); None: not looked at
    yet. `more`: at those sizes that are looked at only where the others are apart. `known`: where all looks have the
    characters of a transcript, if that was found before. `told`: what is seen if the core band is the one that
    pins told of last."""

    own: Seen
    others: list[tuple[Seen, Floats]] | None
    more: list[tuple[Seen, Floats]] | None = None
    free: Free | None = None
    known: tuple[tuple[str, ...], Localization] | None = None
    told: ToldLooks | None = None


@dataclass(slots=True, eq=False)
class ToldLooks:
    """As `own` and `others` of `Looks`, the core band being known."""

    band: Band
    own: Seen
    others: list[tuple[Seen, Floats]] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Free:
    """Where every look has the characters of a transcript as long as nothing is pinned: that of the picture as it is,
    and the boxes (L, 4) of the others, in its layout order and its pixels, None if they were not asked, and of `more`
    that were taken because these are apart; and what they settled on before, if that is known."""

    characters: tuple[str, ...]
    own: Placed
    others: list[Floats] | None
    more: list[Floats]
    known: Localization | None

    @property
    def further(self) -> list[Floats]:
        """The boxes of all looks but the first that were asked."""
        return [*(self.others or ()), *self.more]


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
        """The same with boxes that all looks settled on; their doubts and sizes are features as well.

        In this order, and what is new behind it: calibrations of earlier versions look at the first so many.
        """
        return replace(self, boxes=boxes, features=np.hstack([self.features, doubt, sizes(boxes)]))

    def confidence(self, calibration: Calibration | None) -> Floats:
        """How sure each character is, float32 (L,): as it is known, else as calibrated; of spaces the product."""
        told = self.product if calibration is None else calibration(self.features[:, : len(calibration.mean)])
        told = np.where(self.expected.space, self.product, told)
        return np.where(np.isnan(self.known), told, self.known).astype(np.float32)


def place(laid: Laid, seen: Seen) -> Placed:
    """A word that is laid out, with what confidence is told by."""
    spans, expected, solution = laid.spans, laid.expected, laid.solution
    # Boundaries are fixed by the windows that are in the costs already.
    alone = solve(spans, expected, shape=laid.shape)
    posterior, _ = segmentation_posterior(solution.costs, solution.starts, solution.ends)
    sure = boundary_certainty(posterior, solution.bounds, spans)
    frames = seen.look.view.frames(spans.columns, STRIDE)
    fits = frame_fit(seen.log_probs, laid.classes, frames, solution.bounds)
    said = chosen(laid.said, solution)
    rows = features(spans, expected, solution, sure, laid.apart, *fits, said, alone.bounds)
    product = sure[:-1] * sure[1:] * np.where(expected.space, 1.0, laid.agreement)
    unknown = np.full(len(laid.order), np.nan, dtype=np.float32)
    return Placed(laid.order, expected, laid.boxes, rows, product.astype(np.float32), -solution.cost, unknown)


def each_doubt(settled: Floats, own: Floats, others: Sequence[Floats], more: Sequence[Floats]) -> Floats:
    """How far those looks are apart that every word gets, and how far all are: twice the columns of `doubts`."""
    return np.hstack([doubts(settled, own, others), doubts(settled, own, [*others, *more])])
