"""What to ask a person next."""

from __future__ import annotations

import numpy as np

from charloc.types import Localization


def word_uncertainty(localization: Localization) -> float:
    """How likely it is that at least one character of the word is wrong, 0..1.

    Characters are taken as independent, given their confidences; characters without a box (spaces) do not count.
    """
    placed = ~np.isnan(localization.boxes[:, 0])
    if not placed.any():
        return 1.0
    confidence = np.clip(localization.confidence[placed].astype(np.float64), 1e-6, 1.0)
    return float(1.0 - np.exp(np.sum(np.log(confidence))))
