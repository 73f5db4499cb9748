"""What `segmental` keeps of a word on its way from a picture to boxes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from charloc.layout import Evidence, Expected, ShapeCosts, Solution
from charloc.methods._learner import Look
from charloc.spans import Spans
from charloc.types import Localization
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
