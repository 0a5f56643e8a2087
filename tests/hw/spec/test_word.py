"""Inputs in words: slots by the documented formulas, the best words, and what has none."""

from itertools import product
from math import ceil

import numpy as np
import pytest
from networks import grouped_network, random_network, residual_network, streamed, worded

from bitrain.spec import (
    Layer,
    Network,
    Shape,
    Word,
    best_word,
    input_slots,
    load_network,
    save_network,
)

WINDOWS = [(1, 5, 5), (3, 3, 3), (6, 5, 5), (8, 1, 1), (5, 2, 3), (16, 5, 5), (120, 1, 1)]


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("size", [2, 4, 8])
def test_slots_are_those_of_the_formulas(window, size) -> None:
    _, rows, columns = window
    places = list(product(*map(range, window)))
    words = (Word(size=size, along="channels"), Word(size=size, along="columns"))
    found = {word.along: input_slots(word.slots(window)) for word in words}
    for k, (c, y, x) in enumerate(places):
        assert found["channels"][k] == ((c // size * rows + y) * columns + x) * size + c % size
        assert found["columns"][k] == (c * rows + y) * size * ceil(columns / size) + x
    for word in words:
        whole, slots = word.slots(window), found[word.along]
        assert len(whole) % size == 0
        assert (np.sort(whole[whole >= 0]) == np.arange(len(places))).all()
        assert (whole[slots] == np.arange(len(places))).all()


@pytest.mark.parametrize(
    ("window", "size", "along", "slots"),
    [
        ((1, 5, 5), 4, "columns", 40),
        ((3, 3, 3), 4, "channels", 36),
        ((6, 5, 5), 4, "channels", 200),
        ((1, 3, 3), 8, "columns", 24),
        ((84, 1, 1), 8, "channels", 88),
    ],
)
def test_the_best_words_leave_the_fewest_holes(window, size, along, slots) -> None:
    word = best_word(window, size)
    assert (word.along, len(word.slots(window))) == (along, slots)
    assert best_word(window, size, (1, 2)).along == "channels", "dilated columns are no row"


def test_what_other_words_would_be() -> None:
    """A word of V inputs is whole words of every size that divides V."""
    words = (Word(size=8, along="channels"), Word(size=8, along="columns"))
    for window, word in product(WINDOWS, words):
        large = word.slots(window).reshape(-1, 8)
        steps = {tuple(np.diff(part[part >= 0])) for part in large.reshape(-1, 2)}
        step = 1 if word.along == "columns" else window[1] * window[2]
        assert steps <= {(step,), ()}


def test_a_network_file_keeps_them(tmp_path) -> None:
    network = worded(residual_network(0), 4)
    save_network(network, tmp_path / "words.npz")
    assert load_network(tmp_path / "words.npz") == network
    plain = random_network(0)
    assert "word" not in plain.layers[0].model_dump()
    assert (plain.layers[0].slots == np.arange(plain.layers[0].num_inputs)).all()


def changed(network: Network, index: int, **fields) -> Network:
    layers = list(network.layers)
    layers[index] = Layer.model_validate(dict(layers[index]) | fields)
    return Network.model_validate(dict(network) | {"layers": tuple(layers)})


@pytest.mark.parametrize(
    ("index", "fields", "message"),
    [
        (-1, {"flattened": None}, "must be the map that a linear layer reads"),
        (0, {"flattened": Shape(1, 1, 1)}, "must be the map that a linear layer reads"),
        (0, {"dilation": (1, 2), "word": Word(size=2, along="columns")}, "columns apart"),
    ],
)
def test_words_that_do_not_suit(index, fields, message) -> None:
    with pytest.raises(ValueError, match=message):
        changed(worded(random_network(0), 2), index, **fields)


def test_networks_without_words() -> None:
    word = Word(size=2, along="channels")
    with pytest.raises(ValueError, match="in stream mode, which has no words of inputs"):
        changed(streamed(grouped_network(0)), 0, word=word)
    with pytest.raises(ValueError, match="inputs in words, which have no groups"):
        Network.model_validate(dict(worded(random_network(0), 2)) | {"or_lanes": 2})
    network = worded(random_network(0), 2)
    shape = network.layers[-1].flattened
    assert shape is not None
    other = Shape(shape.channels * shape.height, 1, shape.width)
    with pytest.raises(ValueError, match="flattens"):
        changed(network, -1, flattened=other)
