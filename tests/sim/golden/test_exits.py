"""Exits: the ladder that is chosen is the best of all, and does what it says."""

from itertools import combinations, product

import numpy as np
import pytest
from classifier import random_classifier
from networks import random_images

from bitrain import golden
from bitrain.golden.exits import CONFIDENCES, Exits, Ladder, Outcome, as_exits, margins
from bitrain.spec import Exit, with_prefix

NETWORK = random_classifier()
NETWORKS = [with_prefix(NETWORK, length) for length in (2, 8, 16)] + [NETWORK]
IMAGES = random_images(NETWORK, 150)
SCORES = [golden.predict(network, IMAGES) for network in NETWORKS]
LABELS = SCORES[-1].argmax(1)
LABELS[::6] = (LABELS[::6] + 1) % SCORES[-1].shape[1]


CLASSES = [scores.argmax(1) for scores in SCORES]
CYCLES = (10, 40, 80, 160)
NEVER = 1 << 40


def stopping(*thresholds: int, scores=SCORES, labels=LABELS) -> Outcome:
    ladder = Ladder(rungs=(0, 1, 2, 3), thresholds=thresholds)
    return Outcome(ladder, scores, labels, CYCLES)


def test_the_prefixes_differ():
    """What the other tests rest on."""
    disagreements = [(classes != CLASSES[-1]).mean() for classes in CLASSES]
    assert disagreements[0] > disagreements[1] > 0.05
    assert len(set(CLASSES[-1])) > 2


def test_margins_are_product_bits():
    assert margins(np.array([[7, -2, 3], [4, 9, 9]])).tolist() == [4, 0]


def test_thresholds_beyond_all_give_the_full_length():
    found = stopping(NEVER, NEVER, NEVER)
    assert np.array_equal(found.classes, CLASSES[-1])
    assert (found.used == sum(CYCLES)).all()


def test_thresholds_of_zero_give_the_first_run():
    found = stopping(0, NEVER, NEVER)
    assert np.array_equal(found.classes, CLASSES[0])
    assert (found.used == CYCLES[0]).all()


def test_each_image_stops_at_its_first_margin_that_is_enough():
    known = [margins(scores) for scores in SCORES]
    thresholds = [int(np.quantile(margin, 0.7)) for margin in known[:3]]
    found = stopping(*thresholds)
    assert set(found.places) == {0, 1, 2, 3}
    for i, (kind, place) in enumerate(zip(found.classes, found.places, strict=True)):
        enough = [known[r][i] >= thresholds[r] for r in range(3)] + [True]
        assert place == enough.index(True)
        assert kind == CLASSES[place][i]
        assert found.used[i] == sum(CYCLES[: place + 1])
    assert sum(found.shares()) == pytest.approx(100)
    by_class = found.by_class([str(label) for label in range(SCORES[0].shape[1])])
    for label, each in by_class.items():
        here = int(label) == LABELS
        assert each["exit_accuracy"] == pytest.approx(100 * found.right[here].mean())
        assert each["mean_cycles"] == pytest.approx(found.used[here].mean())


def test_a_single_class_is_decided_from_the_start():
    found = stopping(NEVER, NEVER, NEVER, scores=[scores[:, :1] for scores in SCORES])
    assert (found.places == 0).all()


def test_no_images():
    found = stopping(0, 0, 0, scores=[scores[:0] for scores in SCORES], labels=LABELS[:0])
    assert found.classes.shape == found.places.shape == (0,)


def test_thresholds_that_do_not_suit_the_ladder():
    with pytest.raises(ValueError, match="4 runs need 3 thresholds"):
        stopping(0)


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


@pytest.mark.parametrize("cycles", [(10, 40, 80, 160), (100, 110, 120, 125)])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 1.0])
def test_no_other_ladder_as_quick_changes_fewer_classes(cycles, share):
    budget = share * cycles[-1]
    found = Exits(SCORES, LABELS, cycles).within(budget)

    def changed(ladder) -> tuple[float, float]:
        result = Outcome(ladder, SCORES, LABELS, cycles)
        return (result.classes != CLASSES[-1]).mean(), result.used.mean()

    changes, mean = changed(found)
    assert mean == pytest.approx(found.cycles)
    assert Outcome(found, SCORES, LABELS, cycles).right.mean() == pytest.approx(found.accuracy)
    values = [np.unique(margins(each)) for each in SCORES]
    few = [each[:: max(1, len(each) // 6)] for each in values]
    others = []
    for count in (0, 1, 2):
        for shorter in combinations(range(3), count):
            for thresholds in product(*(few[rung] for rung in shorter)):
                others.append(changed(Ladder(rungs=(*shorter, 3), thresholds=thresholds)))
    if quick := [each for each in others if each[1] <= budget]:
        assert mean <= budget
        assert all((changes, mean) <= (a, b + 1e-9) or changes < a for a, b in quick)


def test_where_no_ladder_is_as_quick():
    """Then nothing is left out."""
    found = Exits(SCORES, LABELS, (100, 110, 120, 125)).within(5)
    assert (found.rungs, found.thresholds) == ((3,), ())


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


def test_no_images_to_choose_with():
    with pytest.raises(ValueError, match="no images"):
        Exits([each[:0] for each in SCORES], LABELS[:0], (1, 2, 3, 4))
