"""Curves of accuracy against rate, their ratio, and its uncertainty."""

import math

import numpy as np
import pytest

from bitrain.studies.pareto import Draws, best_ratio, front, rate_at

CURVE = [(98.0, 400.0), (99.0, 100.0), (98.5, 90.0), (98.0, 300.0)]


def test_front_leaves_out_what_another_beats():
    assert front(CURVE) == [(98.0, 400.0), (99.0, 100.0)]
    assert front([(99.0, 5.0)]) == [(99.0, 5.0)]


def test_rates_between_points_are_geometric_means():
    assert rate_at(CURVE, 98.5) == pytest.approx(200)
    assert rate_at(CURVE, 98.0) == rate_at(CURVE, 90.0) == pytest.approx(400)
    assert rate_at(CURVE, 99.0) == pytest.approx(100)
    assert math.isnan(rate_at(CURVE, 99.1))


def test_best_ratio_is_at_one_of_the_points():
    rivals = [(98.0, 500.0), (98.5, 100.0), (99.5, 20.0)]
    accuracy, ratio = best_ratio(CURVE, rivals, 97.0)
    assert (accuracy, ratio) == (99.0, pytest.approx(100 / rate_at(rivals, 99.0)))
    places = np.linspace(97, 99, 401)
    ratios = [rate_at(CURVE, place) / rate_at(rivals, place) for place in places]
    assert ratio == pytest.approx(max(ratios))
    # What one of them does not reach is no ratio; from there on, another place is best.
    assert all(map(math.isnan, best_ratio(CURVE, rivals, 99.2)))
    assert best_ratio(rivals, CURVE, 98.9)[0] == 98.9


def test_draws_are_the_same_for_all():
    rng = np.random.default_rng(1)
    one = rng.random((3, 400)) < 0.9
    worse = one.copy()
    worse[:, np.flatnonzero(one.all(0))[:8]] = False  # two points, on the same images
    draws = Draws({"one": one, "same": one, "worse": worse})
    low, high = draws.interval("one")
    assert low < 100 * np.median(one.mean(1)) < high
    assert 4 < high - low < 8  # some ± 1.96 · sqrt(0.9 · 0.1 / 400)
    assert draws.best_ratio({"one": 2.0}, {"same": 1.0}, 80) == [2, 2]
    # At the accuracy of the worse one both are compared with the other's two points.
    low, high = draws.best_ratio({"worse": 3.0}, {"one": 1.0, "worse": 2.0}, 80)
    assert low == high == pytest.approx(1.5)
    assert draws.best_ratio({"one": 2.0}, {"same": 1.0}, 99.9) == []
