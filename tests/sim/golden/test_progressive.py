"""The ladder: where images stop."""

import numpy as np
import pytest
from classifier import random_classifier
from networks import random_images

from bitrain import golden
from bitrain.golden import margins, run_progressive
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
