"""Calibration agrees with a general optimiser; the measures with what is counted by hand."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize

from charloc import calibration
from charloc.calibration import Calibration, auc, expected_calibration_error, fit, reliability


def some(count: int = 300, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Three features of quite different scale, the last of no use, and what they make likely."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(count, 3)) * [1, 200, 0.01] + [5, -1000, 0]
    odds = 2 * (features[:, 0] - 5) - (features[:, 1] + 1000) / 100 + 1
    return features, rng.random(count) < 1 / (1 + np.exp(-odds))


def test_doctests() -> None:
    assert doctest.testmod(calibration).failed == 0


@pytest.mark.parametrize("ridge", [0.01, 1.0, 50.0])
def test_fit_finds_what_a_general_optimiser_finds(ridge: float) -> None:
    features, right = some()
    found = fit(features, right, ridge)
    rows = (features - features.mean(axis=0)) / features.std(axis=0)
    target = np.where(right, (right.sum() + 1) / (right.sum() + 2), 1 / ((~right).sum() + 2))

    def loss(weights: NDArray[np.float64]) -> float:
        odds = rows @ weights[:-1] + weights[-1]
        return float((np.logaddexp(0, odds) - target * odds).sum() + ridge / 2 * (weights[:-1] ** 2).sum())

    best = minimize(loss, np.zeros(4), method="BFGS", options={"gtol": 1e-6}).x
    assert [*found.weights, found.bias] == pytest.approx(best.tolist(), abs=1e-3)


def test_what_was_fitted_is_honest_on_what_was_not_seen() -> None:
    found = fit(*some(4000))
    features, right = some(4000, seed=1)
    sure = found(features)
    assert sure.dtype == np.float32 and sure.shape == (4000,)
    assert expected_calibration_error(sure, right) < 0.03
    assert auc(1 - sure, ~right) > 0.85


def test_what_can_be_told_apart_stays_finite() -> None:
    line = np.linspace(-1, 1, 40)[:, None]
    for ridge in (0.0, 1e-6, 1.0):
        sure = fit(line, line[:, 0] > 0, ridge)(line)
        assert np.isfinite(sure).all()
        assert ((sure > 0.5) == (line[:, 0] > 0)).all()


def test_only_one_kind() -> None:
    features = np.arange(18.0).reshape(9, 2)
    assert fit(features, np.ones(9, bool))(features) == pytest.approx(np.full(9, 10 / 11), abs=1e-3)
    assert fit(features, np.zeros(9, bool))(features) == pytest.approx(np.full(9, 1 / 11), abs=1e-3)
    assert fit(np.zeros((0, 2)), np.zeros(0, bool))(features).tolist() == [0.5] * 9
    assert fit(features, np.ones(9, bool))(np.zeros((0, 2))).shape == (0,)


def test_features_that_say_nothing_or_the_same_twice() -> None:
    features, right = some()
    doubled = np.column_stack([features, features[:, 0], np.full(len(right), 7.0)])
    found = fit(doubled, right)
    assert found.weights[0] == pytest.approx(found.weights[3]) and found.weights[4] == 0
    assert auc(-found(doubled), ~right) == pytest.approx(auc(-fit(features, right)(features), ~right), abs=0.01)


def test_what_is_not_known_counts_as_the_mean() -> None:
    features, right = some()
    found = fit(features, right)
    mean = np.array([found.mean])
    assert found([[np.nan] * 3]) == pytest.approx(found(mean))
    low, high = found(np.array([[-np.inf, mean[0, 1], np.nan], [np.inf, mean[0, 1], np.nan]]))
    assert 0 < low < 0.01 and 0.99 < high <= 1
    features[::7, 1], features[3, 0] = np.nan, np.inf
    assert np.isfinite(fit(features, right)(features)).all()


def test_json() -> None:
    found = fit(*some())
    assert Calibration.from_json(found.to_json()) == found


def test_expected_calibration_error_by_hand() -> None:
    sure, right = [0.95, 0.85, 0.1, 1.0, 0.0], [True, False, False, True, True]
    # Of two intervals the upper holds three, 2/3 right, and the lower two, 1/2 right.
    by_hand = 3 / 5 * abs(2.8 / 3 - 2 / 3) + 2 / 5 * abs(0.05 - 1 / 2)
    assert expected_calibration_error(sure, right, bins=2) == pytest.approx(by_hand)
    middle, mean, share, count = reliability(sure, right, bins=2)
    assert (middle.tolist(), count.tolist()) == ([0.25, 0.75], [2, 3])
    assert mean == pytest.approx([0.05, 2.8 / 3]) and share == pytest.approx([1 / 2, 2 / 3])
    assert expected_calibration_error([1.0] * 4, [True] * 4) == 0
    assert np.isnan(expected_calibration_error([], []))


def test_auc_is_the_share_of_pairs_in_order() -> None:
    rng = np.random.default_rng(0)
    scores, wrong = rng.integers(0, 5, 60), rng.random(60) < 0.4
    pairs = [(a > b) + (a == b) / 2 for a in scores[wrong] for b in scores[~wrong]]
    assert auc(scores, wrong) == pytest.approx(np.mean(pairs))
    assert np.isnan(auc([1.0], [True])) and np.isnan(auc([], []))
