"""Fields and widths of places, by hand."""

import numpy as np
import pytest
from networks import padded_network

from bitrain.program.places import (
    line_bits,
    place_bits,
    place_fields,
    pools_beyond,
    shortcut_place_bits,
)
from bitrain.spec import Layer, MaxPool2d, Shape


def layer(**pool) -> Layer:
    """4 x 3 neurons, two rows and three columns of a map of eight columns apart."""
    return Layer.model_validate(
        {
            "kind": "conv2d",
            "name": "layer",
            "in_shape": Shape(1, 7, 8),
            "weight": np.ones((1, 1, 1, 1), int),
            "bias": np.zeros(1, int),
            "stream_length": 4,
            "stride": (2, 3),
            "pool": MaxPool2d(kernel=(3, 3), stride=(1, 1), **pool),
        }
    )


@pytest.mark.parametrize(
    ("pool", "beyond"),
    [({}, False), ({"padding": (0, 1)}, True), ({"padding_after": (2, 0)}, True)],
)
def test_which_pools_reach_beyond(pool, beyond):
    assert pools_beyond(layer(**pool)) == beyond


def test_fields():
    assert place_fields(layer(padding=(1, 2), padding_after=(0, 1))) == {
        "first_place_row": -2,
        "first_place_column": -6,
        "first_place_line": -16,
        "last_place_row": 6,
        "last_place_column": 6,
        "last_place_line": 48,
    }


@pytest.mark.parametrize(
    ("pool", "bits", "of_line"),
    [
        ({}, 4, 7),  # 0 … 6, and 0 … 48
        ({"padding_after": (1, 0)}, 5, 8),  # 0 … 8, and 0 … 64
        ({"padding": (2, 2)}, 4, 7),  # -6 … 6, and -32 … 48
        ({"padding_after": (0, 2)}, 5, 7),  # 0 … 12
    ],
)
def test_widths(pool, bits, of_line):
    assert place_bits([layer(**pool)]) == bits
    assert line_bits([layer(**pool)]) == of_line


@pytest.mark.parametrize("seed", range(6))
def test_width_of_what_a_shortcut_adds(seed):
    """Of the second layer, which pads a row and a column before its map and after it 1 and 2."""
    network = padded_network(seed)
    second, added = network.layers[1], network.layers[0].out_shape
    (rows, columns), (down, across) = second.conv_shape[1:], (1, 1 + seed % 2)
    places = [-added.width * down, rows * added.width * down, (columns + 1) * across]
    most = max(-places[0] - 1, *places[1:])
    assert shortcut_place_bits(network) == most.bit_length() + 1
