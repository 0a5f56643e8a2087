"""Exits: the ladder that is chosen is the best of all, and does what it says."""

from itertools import combinations, product

import numpy as np
import pytest
from classifier import random_classifier
from networks import random_images

from bitrain import golden
from bitrain.golden.exits import CONFIDENCES, Exits, as_exits
from bitrain.spec import Exit, with_prefix

NETWORK = random_classifier()
NETWORKS = [with_prefix(NETWORK, length) for length in (2, 8, 16)] + [NETWORK]
IMAGES = random_images(NETWORK, 150)
SCORES = [golden.predict(network, IMAGES) for network in NETWORKS]
LABELS = SCORES[-1].argmax(1)
LABELS[::6] = (LABELS[::6] + 1) % SCORES[-1].shape[1]


def outcome(rungs, thresholds, cycles, confidence) -> tuple[float, float]:
    """Accuracy and mean cycles, image by image."""
    sure = CONFIDENCES[confidence]
    right = total = 0
    for image, label in enumerate(LABELS):
        for place, rung in enumerate(rungs):
            total += cycles[rung]
            scores = SCORES[rung][image : image + 1]
            if place == len(thresholds) or sure(scores)[0] >= thresholds[place]:
                right += scores.argmax() == label
                break
    return right / len(LABELS), total / len(LABELS)


@pytest.mark.parametrize("cycles", [(10, 40, 80, 160), (100, 110, 120, 125), (1, 90, 95, 200)])
@pytest.mark.parametrize("tolerance", [0, 0.02, 0.1])
@pytest.mark.parametrize("confidence", CONFIDENCES)
def test_no_other_ladder_takes_fewer_cycles(cycles, tolerance, confidence):
    exits = Exits(SCORES, LABELS, cycles, confidence)
    ladder = exits.choose(tolerance)
    found = outcome(ladder.rungs, ladder.thresholds, cycles, confidence)
    assert found == pytest.approx((ladder.accuracy, ladder.cycles))
    wanted = outcome((3,), (), cycles, confidence)[0] - tolerance
    assert ladder.accuracy >= wanted - 1e-9
    values = [np.unique(CONFIDENCES[confidence](each)) for each in SCORES]
    few = [each[:: max(1, len(each) // 5)] for each in values]
    for count in (0, 1, 2):
        for shorter in combinations(range(3), count):
            for thresholds in product(*(few[rung] for rung in shorter)):
                accuracy, mean = outcome((*shorter, 3), thresholds, cycles, confidence)
                assert accuracy < wanted - 1e-9 or mean >= ladder.cycles - 1e-9


def test_one_exit_alone():
    exits = Exits(SCORES, LABELS, (10, 40, 80, 160))
    one, two = exits.choose(0.05, most=1), exits.choose(0.05, most=2)
    assert len(one.rungs) <= 2
    assert two.cycles <= one.cycles


def test_exits_that_save_nothing_are_left_out():
    ladder = Exits(SCORES, LABELS, (100,) * 4).choose(0)
    assert (ladder.rungs, ladder.thresholds, ladder.cycles) == ((3,), (), 100)
    assert as_exits(NETWORKS, ladder) == ()


def test_as_the_network_file_holds_them():
    exits = Exits.of(NETWORKS, IMAGES, LABELS, (10, 40, 80, 160))
    ladder = exits.choose(0.05)
    lengths = [2, 8, 16, 32]
    assert as_exits(NETWORKS, ladder) == tuple(
        Exit(length=lengths[rung], margin=margin)
        for rung, margin in zip(ladder.rungs, ladder.thresholds, strict=False)
    )


def test_no_images():
    with pytest.raises(ValueError, match="no images"):
        Exits([each[:0] for each in SCORES], LABELS[:0], (1, 2, 3, 4))
