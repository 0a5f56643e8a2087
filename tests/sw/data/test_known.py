"""The sets that are known by name, as their authors describe them."""

import pytest

from bitrain.data.known import KNOWN


@pytest.mark.parametrize(
    ("name", "shape", "train", "label", "word"),
    [
        ("mnist", (28, 28, 1), 60_000, 7, "7"),
        ("fashion_mnist", (28, 28, 1), 60_000, 9, "ankle boot"),
        ("cifar10", (32, 32, 3), 50_000, 3, "cat"),
    ],
)
def test_sizes_and_labels(name, shape, train, label, word):
    known = KNOWN[name]
    assert (known.shape, known.num_train, known.num_test) == (shape, train, 10_000)
    assert len(set(known.classes)) == 10 and known.classes[label] == word
