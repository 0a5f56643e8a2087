"""The ladder: where images stop, and how its thresholds and rungs are chosen."""

from itertools import combinations

import numpy as np
import pytest
from classifier import random_classifier
from networks import random_images

from bitrain import golden
from bitrain.golden import calibrate_thresholds, choose_rungs, margins, run_progressive
from bitrain.spec import with_prefix

NETWORK = random_classifier()
LADDER = [with_prefix(NETWORK, length) for length in (2, 8, 16)] + [NETWORK]
IMAGES = random_images(NETWORK, 150)
SCORES = [golden.predict(network, IMAGES) for network in LADDER]
CLASSES = [scores.argmax(1) for scores in SCORES]
MARGINS = [margins(*pair) for pair in zip(LADDER, SCORES, strict=True)]


def test_the_prefixes_differ():
    """What the other tests rest on."""
    disagreements = [(classes != CLASSES[-1]).mean() for classes in CLASSES]
    assert disagreements[0] > disagreements[1] > 0.05
    assert len(set(CLASSES[-1])) > 2


def test_margins_are_in_units_of_one():
    scores = np.array([[7, -2, 3], [4, 9, 9]])
    length = NETWORK.layers[-1].stream_length
    assert margins(NETWORK, scores).tolist() == [4 / length, 0]
    assert margins(LADDER[1], scores).tolist() == [4 / 8, 0]
    assert margins(NETWORK, scores[:, :1]).tolist() == [np.inf, np.inf]


def test_thresholds_of_infinity_give_the_full_length():
    result = run_progressive(LADDER, IMAGES, [np.inf] * 3)
    assert np.array_equal(result.classes, CLASSES[-1])
    assert (result.rungs == 3).all()


def test_thresholds_of_zero_give_the_first_rung():
    result = run_progressive(LADDER, IMAGES, [0, np.inf, np.inf])
    assert np.array_equal(result.classes, CLASSES[0])
    assert (result.rungs == 0).all()


def test_each_image_stops_at_its_first_margin_that_is_enough():
    thresholds = [np.quantile(margin, 0.7) for margin in MARGINS[:3]]
    result = run_progressive(LADDER, IMAGES, thresholds)
    assert set(result.rungs) == {0, 1, 2, 3}
    for i, (found, rung) in enumerate(zip(result.classes, result.rungs, strict=True)):
        enough = [MARGINS[r][i] >= thresholds[r] for r in range(3)] + [True]
        assert rung == enough.index(True)
        assert found == CLASSES[rung][i]


def test_no_images():
    result = run_progressive(LADDER, IMAGES[:0], [0.0] * 3)
    assert result.classes.shape == result.rungs.shape == (0,)


def test_thresholds_that_do_not_suit_the_ladder():
    with pytest.raises(ValueError, match="4 networks need 3 thresholds"):
        run_progressive(LADDER, IMAGES, [0.0])


@pytest.mark.parametrize("tolerance", [0, 0.02, 0.1, 1])
def test_few_enough_stop_wrongly_and_one_step_less_is_too_low(tolerance):
    thresholds = calibrate_thresholds(LADDER, IMAGES, tolerance)

    def stopped_wrongly(thresholds, rung):
        result = run_progressive(LADDER, IMAGES, thresholds)
        return ((result.rungs == rung) & (result.classes != CLASSES[-1])).sum()

    for rung, threshold in enumerate(thresholds):
        assert stopped_wrongly(thresholds, rung) <= tolerance * len(IMAGES)
        if threshold > 0:
            lower = list(thresholds)
            lower[rung] -= 1 / LADDER[rung].layers[-1].stream_length
            assert stopped_wrongly(lower, rung) > tolerance * len(IMAGES)
    if tolerance == 0:
        result = run_progressive(LADDER, IMAGES, thresholds)
        assert np.array_equal(result.classes, CLASSES[-1])
    if tolerance == 1:
        assert thresholds == (0, 0, 0)


@pytest.mark.parametrize("tolerance", [-0.1, 1.1])
def test_tolerance_that_is_no_share(tolerance):
    with pytest.raises(ValueError, match="tolerance in 0 … 1"):
        calibrate_thresholds(LADDER, IMAGES, tolerance)
    with pytest.raises(ValueError, match="expected images"):
        calibrate_thresholds(LADDER, IMAGES[:0], 0.1)


@pytest.mark.parametrize("cycles", [(10, 40, 80, 160), (100, 110, 120, 125), (1, 90, 95, 200)])
@pytest.mark.parametrize("tolerance", [0, 0.1])
def test_no_other_ladder_takes_fewer_cycles(cycles, tolerance):
    def mean(rungs):
        ladder = [LADDER[rung] for rung in rungs]
        thresholds = calibrate_thresholds(ladder, IMAGES, tolerance)
        stops = run_progressive(ladder, IMAGES, thresholds).rungs
        return np.cumsum([cycles[rung] for rung in rungs])[stops].mean(), thresholds

    others = [(*s, 3) for count in range(4) for s in combinations(range(3), count)]
    rungs, thresholds = choose_rungs(LADDER, cycles, IMAGES, tolerance)
    assert mean(rungs) == (min(mean(other)[0] for other in others), thresholds)


def test_rungs_that_save_nothing_are_left_out():
    assert choose_rungs(LADDER, [100] * 4, IMAGES, 0) == ((3,), ())
