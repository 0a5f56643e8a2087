"""Words of the weight and bias ROMs, by hand."""

import numpy as np
import pytest

from bitrain.program import Array, Tiling
from bitrain.program.arithmetics import Accumulation
from bitrain.program.rom_words import biases, num_biases, weights
from bitrain.spec import Layer, Shape

ARRAY = Array(channels=2, positions=1, lanes=3)
BITS = 4
"""Magnitudes 0 … 4 and a sign."""


def layer(weight, groups: int = 1) -> Layer:
    return Layer(
        kind="conv2d",
        name="layer",
        in_shape=Shape(groups * len(weight[0]), 1, 1),
        weight=np.array(weight)[:, :, None, None],
        bias=np.zeros(len(weight), int),
        stream_length=4,
        groups=groups,
    )


def words(given: Layer) -> list[int]:
    return list(weights(given, Tiling.of(given, ARRAY), ARRAY, BITS))


def test_weights():
    """Signs in bit 3; two channels a word, and three inputs a chunk."""
    found = words(layer([[1, -2], [0, 3], [-4, 4]]))
    assert found == [0x01, 0x3A, 0x00, 0x0C, 0x04, 0x00]


def test_a_tile_holds_channels_of_one_group():
    found = words(layer([[1], [-2], [3], [4]], groups=4))
    assert found == [0x1, 0, 0, 0xA, 0, 0, 0x3, 0, 0, 0x4, 0, 0]


@pytest.mark.parametrize(("channels", "taken"), [(1, 2), (2, 2), (3, 4)])
def test_biases_fill_whole_tiles(channels, taken):
    given = layer([[1]] * channels)
    assert num_biases(given, ARRAY) == taken
    sums = Accumulation(
        constants=np.array([-1, 5, 0])[:channels],
        upscale=np.array([0, 1, 2])[:channels],
        shift=0,
        gain=0,
        low=-8,
        high=7,
        largest_count=4,
    )
    expected = [0b1111, 0b1_0101, 0b10_0000][:channels]
    assert list(biases(given, sums, ARRAY, 4)) == expected + [0] * (taken - channels)
