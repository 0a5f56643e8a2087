"""Early termination: which passes an image takes, and a checker of all of them."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bitrain.cosim.testbench.ladder import LadderChecker, passes_of
from bitrain.cosim.testbench.vectors import StoredLayer, Vectors

FULL = Vectors(
    length=16,
    pixels=np.zeros((1, 1), int),
    layers=(StoredLayer(name="conv", shape=(2, 1, 1), out_base=4, expected=np.array([[5, 6]])),),
    score_layer="fc",
    score_shape=(2, 1, 1),
    scores=np.array([[3, 1]]),
    score_bits=4,
    predicted_cycles=np.array([70]),
    engines=(range(2),),
    full_rate_cycles=(70,),
    full_rate_intervals=(),
)
SHORT = replace(
    FULL,
    length=8,
    layers=(replace(FULL.layers[0], expected=np.array([[1, 2]])),),
    scores=np.array([[0, 0]]),
    predicted_cycles=np.array([30]),
)


@pytest.mark.parametrize(
    ("margins", "limit", "passes"),
    [
        ({}, 16, [16]),
        ({4: 3}, 16, [4]),
        ({4: 4}, 16, [4, 16]),
        ({8: 6, 4: 4}, 16, [4, 8, 16]),
        ({8: 5, 4: 4}, 16, [4, 8]),
        ({8: 5, 4: 4}, 8, [4, 8]),
        ({8: 0, 16: 0}, 8, [8]),
    ],
)
def test_passes(margins, limit, passes):
    """The best two scores are 3 apart at a length of 4, and 5 at 8."""
    scores = {4: [[9, 6, 1]], 8: [[-1, 4, -7]], 16: [[0, 1, 0]]}
    prefixes: Any = {n: SimpleNamespace(scores=np.array(found)) for n, found in scores.items()}
    assert passes_of(0, margins, prefixes, limit) == passes


def test_a_single_score_is_never_run_again():
    prefixes: Any = {4: SimpleNamespace(scores=np.array([[2]]))}
    assert passes_of(0, {4: 100}, prefixes, 16) == [4]


def seen(*writes, cycles: int = 100) -> LadderChecker:
    checker = LadderChecker({0: [SHORT, FULL]}, [0])
    for address, data in writes:
        checker.write(0, 0, address, data)
    checker.offer(cycles)
    for word in (3, 1 | 1 << 4):
        checker.score(word, 0)
    checker.finish()
    return checker


BOTH = [(4, 1), (5, 2), (4, 5), (5, 6)]


def test_images_in_a_row_have_passes_of_their_own():
    """The second image of three is done at the first length."""
    short, full = (
        replace(
            vectors,
            pixels=np.zeros((2, 1), int),
            layers=tuple(
                replace(layer, expected=np.repeat(layer.expected, 2, 0)) for layer in vectors.layers
            ),
            scores=np.repeat(vectors.scores, 2, 0),
            predicted_cycles=np.repeat(vectors.predicted_cycles, 2),
        )
        for vectors in (SHORT, FULL)
    )
    checker = LadderChecker({0: [short, full], 1: [short]}, [0, 1, 0])
    for writes, cycles, scores in (
        (BOTH, 100, FULL.scores[0]),
        (BOTH[:2], 30, SHORT.scores[0]),
        (BOTH, 100, FULL.scores[0]),
    ):
        for address, data in writes:
            checker.write(0, 0, address, data)
        checker.offer(cycles)
        for place, score in enumerate(scores):
            checker.score(int(score) & 15 | place << 4, int(scores.argmax()))
    checker.finish()
    assert checker.problems() == []
    assert checker.values_compared == 2 * 4 + 2 + 3 * 3


def test_both_passes_are_compared():
    """30 and 70 cycles; two activations in each pass, two scores and the class."""
    checker = seen(*BOTH)
    assert checker.problems() == [] and checker.values_compared == 2 + 2 + 2 + 1


@pytest.mark.parametrize("wrong", range(4))
def test_an_activation_of_either_pass_may_be_wrong(wrong):
    writes = [(address, data + (i == wrong)) for i, (address, data) in enumerate(BOTH)]
    assert seen(*writes).summary()["mismatches"] == 1


def test_a_pass_that_is_missing():
    assert seen(*BOTH[:2]).problems() and seen(*BOTH[2:]).problems()


def test_cycles_are_those_of_all_passes():
    checker = seen(*BOTH, cycles=70)
    checker.check_cycles(checker.vectors.predicted_cycles.tolist())
    assert checker.problems()
