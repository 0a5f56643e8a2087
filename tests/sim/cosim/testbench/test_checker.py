"""The checker of the test bench: every way in which a value can be wrong is found and placed."""

from dataclasses import replace

import numpy as np
import pytest

from bitrain.cosim.testbench import checker as checkers
from bitrain.cosim.testbench.checker import Checker, Place
from bitrain.cosim.testbench.vectors import StoredLayer, Vectors

BITS = 6
LAST = 1 << BITS

VECTORS = Vectors(
    length=16,
    pixels=np.zeros((2, 4), int),
    layers=(
        StoredLayer(
            name="conv", shape=(2, 1, 3), out_base=10, expected=np.array([range(6), range(6, 12)])
        ),
        StoredLayer(name="pool", shape=(1, 2, 1), out_base=0, expected=np.array([[3, 4], [5, 6]])),
    ),
    score_layer="fc",
    score_shape=(3, 1, 1),
    scores=np.array([[-5, 7, 7], [1, 0, -32]]),
    score_bits=BITS,
    predicted_cycles=np.array([100, 100]),
    engines=(range(3),),
    full_rate_cycles=(100, 100),
    full_rate_intervals=(107,),
)
WORDS = {0: [-5 & 63, 7, 7 | LAST], 1: [1, 0, -32 & 63 | LAST]}
CLASSES = {0: 1, 1: 0}
VALUES = 6 + 2 + 3 + 1
"""Per image: activations of both layers, scores, class index."""


def writes(image: int) -> list[tuple[int, int, int, int]]:
    """All (engine, layer, address, data) of an image, in order."""
    return [
        (0, i, layer.out_base + j, int(value))
        for i, layer in enumerate(VECTORS.layers)
        for j, value in enumerate(layer.expected[image])
    ]


def observe(images=(0, 1), *, cycles=100, writes=writes, words=WORDS, classes=CLASSES) -> Checker:
    """A checker that saw all of that."""
    checker = Checker(VECTORS, images)
    for image in images:
        for write in writes(image):
            checker.write(*write)
        checker.offer(cycles)
        for word in words[image]:
            checker.score(word, classes[image])
    checker.finish()
    return checker


def test_right_values_pass():
    checker = observe()
    assert checker.problems() == []
    assert checker.values_compared == 2 * VALUES
    assert checker.summary() == {
        "images": [0, 1],
        "values_compared": 2 * VALUES,
        "mismatches": 0,
        "first_mismatch": None,
        "cycles": [100, 100],
        "problems": [],
    }


def test_order_of_writes_within_an_image_is_free():
    assert observe(writes=lambda image: writes(image)[::-1]).problems() == []


def test_images_may_come_in_any_order_and_twice():
    assert observe(images=(1, 0, 1)).values_compared == 3 * VALUES


def altered(number: int, *new: tuple[int | None, int | None, int | None]):
    """Writes in which the ``number``-th of image 1 is replaced by ``new``."""

    def alter(image: int):
        right = writes(image)
        return (
            right[:number] + [(0, *write) for write in new] + right[number + 1 :]
            if image == 1
            else right
        )

    return alter


@pytest.mark.parametrize(
    ("change", "mismatches", "first"),
    [
        (
            altered(4, (0, 14, 63)),
            1,
            "image 1, layer conv, channel 1, y 0, x 1: wrong value, expected 10, got 63",
        ),
        (
            altered(7, (1, 1, None)),
            1,
            "image 1, layer pool, channel 0, y 1, x 0: unknown bits, expected 6, got None",
        ),
        (altered(6), 1, "image 1, layer pool, channel 0, y 0, x 0: missing, expected 5, got None"),
        (
            altered(0, (0, 10, 6), (0, 10, 6)),
            1,
            "image 1, layer conv, channel 0, y 0, x 0: written twice, expected 6, got 6",
        ),
        (altered(5, (0, 16, 11)), 2, "image 1, layer conv: outside the layer, expected None"),
        (altered(0, (0, 9, 6)), 2, "image 1, layer conv: outside the layer, expected None, got 6"),
        (altered(0, (2, 10, 6)), 2, "image 1, layer number 2: outside the layer, expected None"),
    ],
    ids=["wrong", "unknown", "missing", "twice", "beyond", "before", "no such layer"],
)
def test_wrong_writes(change, mismatches, first):
    checker = observe(writes=change)
    assert checker.mismatches == mismatches
    assert str(checker.first_mismatch).startswith(first)
    assert checker.values_compared == 2 * VALUES
    assert checker.problems() == [f"mismatches: {mismatches}, the first: {checker.first_mismatch}"]


@pytest.mark.parametrize("write", [(None, 10, 6), (0, None, 6)])
def test_write_to_unknown_place(write):
    checker = observe(writes=altered(0, write))
    assert checker.mismatches == 1  # what should have been written is missing
    assert list(checker.violations) == ["the trace shows a write with unknown layer or address"]


def test_write_after_the_last_image():
    checker = observe()
    checker.write(0, 0, 10, 6)
    assert list(checker.violations) == ["the trace shows a write after the last image's layers"]


@pytest.mark.parametrize(
    ("word", "what", "got"),
    [(8, "wrong value", 8), (-7 & 63, "wrong value", -7), (None, "unknown bits", None)],
)
def test_wrong_score(word, what, got):
    checker = observe(words={**WORDS, 0: [WORDS[0][0], word, WORDS[0][2]]})
    assert checker.mismatches == 1
    first = checker.first_mismatch
    assert first and first.place == Place(0, "fc", 1, 0, 0)
    assert (first.what, first.expected, first.got) == (what, 7, got)


@pytest.mark.parametrize("index", [0, 1, 2])
def test_last_on_the_wrong_word(index):
    words = list(WORDS[0])
    words[index] ^= LAST
    checker = observe(words={**WORDS, 0: words})
    assert checker.mismatches == 0
    assert checker.problems() == [f"last is {int(index != 2)} on score {index + 1} of 3 (1x)"]


@pytest.mark.parametrize("got", [2, None])
def test_wrong_class_index(got):
    checker = observe(classes={**CLASSES, 0: got})
    assert checker.mismatches == 1
    assert str(checker.first_mismatch).startswith("image 0, layer class_index:")


@pytest.mark.parametrize("cycles", [99, 101, None])
def test_cycles_are_reported_apart_from_mismatches(cycles):
    checker = observe(cycles=cycles)
    assert checker.mismatches == 0
    assert checker.problems() == [f"{cycles} cycles, predicted 100 (2x)"]


def test_what_never_came_is_missing():
    checker = Checker(VECTORS, (0, 1))
    for write in writes(0)[:3]:
        checker.write(*write)
    checker.finish()
    assert checker.mismatches == 2 * VALUES - 2 - 3  # class indices are compared where they come
    assert checker.first_mismatch and checker.first_mismatch.what == "missing"
    assert checker.first_mismatch.place == Place(0, "conv", 1, 0, 0)


def test_scores_that_never_came_are_missing():
    checker = Checker(VECTORS, (0,))
    for write in writes(0):
        checker.write(*write)
    checker.offer(100)
    checker.score(WORDS[0][0], 1)
    checker.finish()
    assert checker.mismatches == 2
    assert checker.first_mismatch and checker.first_mismatch.place == Place(0, "fc", 1, 0, 0)


def test_network_of_one_layer_writes_nothing():
    checker = Checker(replace(VECTORS, layers=()), (0,))
    checker.offer(100)
    for word in WORDS[0]:
        checker.score(word, 1)
    checker.finish()
    assert checker.problems() == []


def test_engines_work_on_an_image_each():
    """The first is done with an image once its last layer is whole; the image may wait."""
    vectors = replace(VECTORS, engines=(range(1), range(1, 3)))
    checker = Checker(vectors, (0, 1))
    first, second = ([write for write in writes(i) if write[1] == 0] for i in range(2))
    others = [[(1, 0, *write[2:]) for write in writes(i) if write[1] == 1] for i in range(2)]
    for write in (*first, *second, *others[0]):
        checker.write(*write)
    checker.write(0, 0, 10, 0)
    for image in range(2):
        checker.offer(100 + image)
        for word in WORDS[image]:
            checker.score(word, CLASSES[image])
        for write in others[1] if image == 0 else []:
            checker.write(*write)
    checker.finish()
    assert checker.problems() == ["the trace shows a write after the last image's layers (1x)"]
    assert checker.values_compared == 2 * VALUES
    checker.check_cycles([100, 102])
    assert "101 cycles, predicted 102 (1x)" in checker.problems()


def test_each_image_has_its_own_cycles():
    """Where zeros are skipped; the images are told apart by their numbers."""
    vectors = replace(VECTORS, predicted_cycles=np.array([90, 100]))

    def problems(*cycles: int) -> list[str]:
        checker = Checker(vectors, (1, 0))
        for image, taken in zip((1, 0), cycles, strict=True):
            for write in writes(image):
                checker.write(*write)
            checker.offer(taken)
            for word in WORDS[image]:
                checker.score(word, CLASSES[image])
        checker.finish()
        return checker.problems()

    assert problems(100, 90) == []
    assert problems(100, 91) == ["91 cycles, predicted 90 (1x)"]
    assert problems(90, 100) == ["90 cycles, predicted 100 (2x)"]


def test_stop_at_the_first_deviation(monkeypatch):
    monkeypatch.setattr(checkers, "STOP", True)
    observe()  # nothing deviates
    with pytest.raises(AssertionError, match="the bus hangs"):
        Checker(VECTORS, (0,)).violate("the bus hangs")
    with pytest.raises(AssertionError, match=r"image 0, .*: wrong value, expected"):
        observe(words={image: [word ^ 1 for word in words] for image, words in WORDS.items()})
