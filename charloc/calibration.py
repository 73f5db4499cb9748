"""How probable it is that a box is right: a logistic regression, and two measures of how honest a confidence is."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit
from scipy.stats import rankdata

Floats = NDArray[np.float64]
MOST_DEVIATIONS = 8.0
"""A feature farther than this from its mean says no more than one that far."""
MOST_STEPS = 100
TINY = 1e-9


@dataclass(frozen=True, slots=True)
class Calibration:
    """A fitted logistic regression of F features; `fit` makes one.

    Args:
        mean, scale: of each feature, F each.
        weights: of the features in deviations from their means, F.
        bias: log odds where every feature is at its mean.
    """

    mean: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float

    def __call__(self, features: ArrayLike) -> NDArray[np.float32]:
        """The probability of being right, float32 (N,), of N rows of features, (N, F)."""
        rows = np.asarray(features, np.float64).reshape(-1, len(self.mean))
        rows = _standard(rows, np.array(self.mean), np.array(self.scale))
        return np.asarray(expit(rows @ np.array(self.weights) + self.bias), np.float32)

    def to_json(self) -> str:
        return json.dumps([list(self.mean), list(self.scale), list(self.weights), self.bias])

    @classmethod
    def from_json(cls, text: str) -> Calibration:
        """The calibration that `to_json` wrote."""
        mean, scale, weights, bias = json.loads(text)
        return cls(tuple(mean), tuple(scale), tuple(weights), float(bias))


def fit(features: ArrayLike, right: ArrayLike, ridge: float = 1.0) -> Calibration:
    """Logistic regression by Newton's method.

    Args:
        features: float (N, F); NaN where a feature is not known, which counts as its mean. Infinities are its extremes.
        right: bool (N,).
        ridge: half of this times the squared weights, of features in deviations from their means, is added to the
            N rows' summed loss; the bias is free. Positive where features may depend on each other.

    Returns:
        A calibration that is finite also where the two kinds can be told apart without an error, or one is missing.

    Source: Platt, Probabilistic outputs for support vector machines (1999): targets a little inside of 0 and 1, as if
    one more of each kind had been seen.
    """
    right = np.asarray(right, bool)
    rows = np.asarray(features, np.float64).reshape(len(right), -1 if len(right) else np.shape(features)[-1])
    mean, scale = _moments(rows)
    design = np.column_stack([_standard(rows, mean, scale), np.ones(len(rows))])
    some, rest = int(right.sum()), int((~right).sum())
    target = np.where(right, (some + 1) / (some + 2), 1 / (rest + 2))
    penalty = np.append(np.full(rows.shape[1], float(ridge)), 0.0)
    found = _newton(design, target, penalty)
    return Calibration(tuple(mean.tolist()), tuple(scale.tolist()), tuple(found[:-1].tolist()), float(found[-1]))


def expected_calibration_error(confidence: ArrayLike, right: ArrayLike, bins: int = 15) -> float:
    """How far confidence is from the share that is right, on average; NaN for nothing.

    Confidences are sorted into `bins` intervals of equal width over 0..1. Of each interval that holds any, the mean
    confidence is compared with the share that is right; the differences are averaged by how many each holds.

    Args:
        confidence: (N,) in 0..1.
        right: bool (N,).

    Source: Guo et al., On calibration of modern neural networks (2017).

    >>> expected_calibration_error([0.9, 0.9, 0.2, 0.2], [True, True, False, True])
    0.2
    """
    _, sure, share, count = reliability(confidence, right, bins)
    if not count.sum():
        return float("nan")
    return round(float(np.abs(sure - share) @ count / count.sum()), 12)


def reliability(confidence: ArrayLike, right: ArrayLike, bins: int = 15) -> tuple[Floats, Floats, Floats, Floats]:
    """Of each interval of confidence that holds any: its middle, mean confidence, share that is right, and how many.

    Intervals are those of `expected_calibration_error`. Four arrays, at most `bins` long each.
    """
    sure, right = np.asarray(confidence, np.float64).ravel(), np.asarray(right, bool).ravel()
    which = np.clip((sure * bins).astype(np.int64), 0, bins - 1)
    count = np.bincount(which, minlength=bins).astype(np.float64)
    held = count > 0
    sums = (np.bincount(which, weights=each, minlength=bins)[held] for each in (sure, right))
    mean, share = (each / count[held] for each in sums)
    return (np.flatnonzero(held) + 0.5) / bins, mean, share, count[held]


def auc(scores: ArrayLike, wrong: ArrayLike) -> float:
    """How probable it is that a wrong one scores higher than a right one, ties counting half; NaN if one is missing.

    The area under the ROC curve, by ranks. `scores` (N,), `wrong` bool (N,).
    """
    wrong = np.asarray(wrong, bool)
    some, rest = int(wrong.sum()), int((~wrong).sum())
    if not some or not rest:
        return float("nan")
    return float((rankdata(scores)[wrong].sum() - some * (some + 1) / 2) / (some * rest))


def _moments(rows: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation of what is finite in each column; 0 and 1 where nothing is, or nothing varies."""
    known = np.isfinite(rows)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, rows, 0.0).sum(axis=0) / count
    scale = np.sqrt((np.where(known, rows - mean, 0.0) ** 2).sum(axis=0) / count)
    return mean, np.where(scale > TINY * (1 + np.abs(mean)), scale, 1.0)


def _standard(rows: Floats, mean: Floats, scale: Floats) -> Floats:
    """Features in deviations from their means, within `MOST_DEVIATIONS`; 0 where unknown."""
    deviations = np.clip((rows - mean) / scale, -MOST_DEVIATIONS, MOST_DEVIATIONS)
    return np.nan_to_num(deviations, nan=0.0)


def _newton(design: Floats, target: Floats, penalty: Floats) -> Floats:
    """The weights with the least penalised loss; the loss is convex, so a step that does not lower it is halved."""

    def loss(weights: Floats) -> float:
        odds = design @ weights
        return float((np.logaddexp(0.0, odds) - target * odds).sum() + penalty @ weights**2 / 2)

    weights = np.zeros(len(penalty))
    if not len(design):
        return weights
    lowest = loss(weights)
    for _ in range(MOST_STEPS):
        p = expit(design @ weights)
        gradient = design.T @ (p - target) + penalty * weights
        curvature = (design * (p * (1 - p))[:, None]).T @ design + np.diag(penalty + TINY)
        step = np.linalg.solve(curvature, gradient)
        size = 1.0
        while size > TINY and (now := loss(weights - size * step)) > lowest:
            size /= 2
        if size <= TINY or lowest - now < TINY * (1 + abs(lowest)):
            break
        weights, lowest = weights - size * step, now
    return weights
