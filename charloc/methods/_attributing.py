"""What `gradient` and `masking` have in common: ctc's net, asked afterwards which ink made it say what it said.

Not a method itself. First guess and M-step are ctc's, and so is its alignment, which says what each output is: which
frames are whose. Where a character is, is told by the ink its output hangs on, never by where the frames are.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from charloc.attribution import Outputs, Places, handovers, outputs, places
from charloc.boxes import owned_boxes
from charloc.layout import Expected
from charloc.learning import one_thread
from charloc.methods import Checkpoint, Progress
from charloc.methods._learner import Look
from charloc.methods.ctc import Aligned, Ctc, batch_views
from charloc.nets import STRIDE
from charloc.normalise import in_view
from charloc.pinning import visible_order
from charloc.points import ascending, bounds_at, boxes_at, filled
from charloc.spans import Spans
from charloc.text import is_space
from charloc.types import CharlocError, Pins, TrainingSet, WordImage

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
MOST_MAPS = 1 << 20
"""Columns of maps that are held at once, all words' characters together."""


@dataclass(frozen=True, slots=True, eq=False)
class Attributed(Aligned):
    """A word's characters on its frames, and where in the view each one's output looks."""

    places: Places


class Attributing(Ctc):
    """Derive from it, and say what the maps are.

    Args:
        checkpoint, alignment, loss, prior, seed: as for `ctc`.
        region: "ink", boxes around the ink between cuts where it is thin and importance passes from one character to
            the next; or "attribution", around the ink that is more important to one than to those beside it.
    """

    kin = ("ctc",)

    def __init__(
        self,
        checkpoint: Checkpoint | None,
        alignment: str | None,
        loss: str | None,
        prior: float | None,
        seed: int,
        region: str,
    ) -> None:
        if region not in ("ink", "attribution"):
            raise CharlocError(f"region is '{region}'; it can be ink or attribution.")
        self.region = region
        super().__init__(checkpoint, alignment=alignment, loss=loss, prior=prior, seed=seed)

    @abstractmethod
    def _maps(self, views: Tensor, frames: Tensor, asked: Outputs) -> Iterator[Floats]:
        """What each pixel adds to each output: of each word of the batch in turn, float32 (K, HEIGHT, W)."""

    def _measure_bias(self, training: TrainingSet, chosen: Sequence[int], progress: Progress) -> None:
        """None is: the middle of what is important is the middle of the ink in every class (docs/experiments.md)."""
        self.bias = {}

    def _recall(self, settings: Mapping[str, object]) -> None:
        super()._recall(settings)
        self.bias = {}  # the kin's has to do with its own points

    @one_thread()
    def align(self, words: Sequence[WordImage], pins: Sequence[Pins], looks: Sequence[Look]) -> list[Aligned | None]:
        out = super().align(words, pins, looks)
        there = {i: each for i, each in enumerate(out) if each is not None}
        for piece in _batches(looks, there):
            views, frames = batch_views([looks[i] for i in piece])
            occupations, classes = zip(*((there[i].occupation, there[i].classes) for i in piece), strict=True)
            asked = outputs(occupations, classes, views.shape[3] // STRIDE)
            for i, maps in zip(piece, self._maps(views, frames, asked), strict=True):
                one = there[i]
                own = maps[: len(one.letters), :, : looks[i].view.pixels.shape[1]]
                found = places(own, _limits(words[i], pins[i], looks[i], one))
                out[i] = Attributed(one.letters, one.classes, one.occupation, one.log_probs, one.score, pins[i], found)
        return out

    def _points(self, seen: Look, aligned: Aligned, laid_out: Sequence[str]) -> Floats:
        assert isinstance(aligned, Attributed)
        points = np.full(len(laid_out), np.nan)
        points[aligned.letters] = aligned.places.columns / seen.view.scale + seen.view.origin
        return ascending(filled(points, seen.ink))

    def _boxes(
        self, seen: Look, aligned: Aligned, spans: Spans, points: Floats, fixed: Ints | None, expected: Expected
    ) -> tuple[Floats, NDArray[np.bool_]]:
        assert isinstance(aligned, Attributed)
        where = np.full(len(points) + 1, np.nan, dtype=np.float32)
        mine = (points[aligned.letters] - seen.view.origin) * seen.view.scale
        beside = np.flatnonzero(np.diff(aligned.letters) == 1)
        handed = handovers(aligned.places.importance, mine)[beside]
        where[aligned.letters[beside + 1]] = handed / seen.view.scale + seen.view.origin
        boxes, _, lost = boxes_at(seen.ink, spans, bounds_at(spans, points, fixed, where), expected)
        if self.region == "ink":
            return boxes, lost
        own, _ = owned_boxes(seen.ink, owners(seen, aligned, points), expected)
        has = np.isfinite(own[:, 0])
        return np.where(has[:, None], own, boxes), lost & ~has

    def _confidence(self, seen: Look, aligned: Aligned, expected: Expected) -> Floats:
        """How much of what matters to a character is near its point, times how well the best of its frames fits."""
        assert isinstance(aligned, Attributed)
        fits = np.exp(aligned.log_probs[:, aligned.classes]) * (aligned.occupation > 0.05)
        confidence = np.ones(len(expected.width), dtype=np.float32)
        confidence[aligned.letters] = np.where(aligned.classes > 0, aligned.places.gathered * fits.max(axis=0), 0.0)
        return confidence


def owners(seen: Look, aligned: Attributed, points: Floats) -> Ints:
    """Whose each pixel of ink is, int32 (H, W): 1..L; 0: nobody's, or no ink.

    Between two characters' points only those two can own: order holds, whatever the maps say.

    Args:
        points: float32 (L,), upright columns of the layout, ascending.
    """
    importance = aligned.places.importance
    ys, xs = np.nonzero(seen.ink.mask)
    out = np.zeros(seen.ink.mask.shape, dtype=np.int32)
    if not len(ys) or not len(aligned.letters):
        return out
    columns, rows = in_view(seen.ink, seen.view, xs + 0.5, ys + 0.5)
    _, height, width = importance.shape
    column, row = np.clip(columns, 0, width - 1).astype(int), np.clip(rows, 0, height - 1).astype(int)
    upright = columns / seen.view.scale + seen.view.origin
    mine = points[aligned.letters]
    after = np.searchsorted(mine, upright)
    left, right = np.maximum(after - 1, 0), np.minimum(after, len(mine) - 1)
    one, other = importance[left, row, column], importance[right, row, column]
    # Where neither looks, the nearer one has it.
    nearer = np.abs(upright - mine[left]) <= np.abs(upright - mine[right])
    chosen = np.where((one > other) | ((one == other) & nearer), left, right)
    out[ys, xs] = aligned.letters[chosen] + 1
    return out


def _limits(word: WordImage, pins: Pins, seen: Look, aligned: Aligned) -> Floats:
    """Columns of the view between which each of a word's K characters may be, float32 (K, 2): pinned ones in their
    boxes, others on their side of those."""
    limits = np.full((len(aligned.letters), 2), (-np.inf, np.inf), dtype=np.float32)
    order = [i for i in visible_order(word.characters, pins) if not is_space(word.characters[i])]
    at = {pin.index: pin.box for pin in pins if pin.box is not None}
    for k, i in enumerate(order):
        if i in at:
            x0, y0, x1, y1 = at[i]
            x, y = np.array([x0, (x0 + x1) / 2, x1]), np.float32((y0 + y1) / 2)
            left, middle, right = in_view(seen.ink, seen.view, x, y)[0]
            limits[:k, 1] = np.minimum(limits[:k, 1], middle)
            limits[k + 1 :, 0] = np.maximum(limits[k + 1 :, 0], middle)
            limits[k] = left, right
    return limits


def _batches(looks: Sequence[Look], aligned: Mapping[int, Aligned]) -> Iterator[list[int]]:
    """Words of like width together, few where they are long."""
    batch: list[int] = []
    letters = 1
    for i in sorted(aligned, key=lambda i: looks[i].view.pixels.shape[1]):
        most = max(letters, len(aligned[i].letters))
        if batch and (len(batch) == 16 or (len(batch) + 1) * most * looks[i].view.pixels.shape[1] > MOST_MAPS):
            yield batch
            batch, most = [], len(aligned[i].letters)
        batch.append(i)
        letters = most
    if batch:
        yield batch
