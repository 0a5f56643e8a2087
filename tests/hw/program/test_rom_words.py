"""Words of the weight and bias ROMs, by hand."""

from typing import Literal

import numpy as np
import pytest

from bitrain.program import Array, Tiling
from bitrain.program.arithmetics import Accumulation
from bitrain.program.rom_words import (
    bias_places,
    biases,
    num_biases,
    padding_values,
    weights,
)
from bitrain.spec import Layer, Shape, Word
from bitrain.spec.word import WordSize

ARRAY = Array(channels=2, positions=1, lanes=3)
BITS = 4
"""Magnitudes 0 … 4 and a sign."""


def layer(weight, groups: int = 1, **changes) -> Layer:
    return Layer(
        kind="conv2d",
        name="layer",
        in_shape=Shape(groups * len(weight[0]), 1, 1),
        weight=np.array(weight)[:, :, None, None],
        bias=np.zeros(len(weight), int),
        stream_length=4,
        groups=groups,
        **changes,
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


@pytest.mark.parametrize("bits", [3, 8, 10, 14])
def test_words_of_more_bits_than_a_machine_s(bits):
    """Of 11 channels and tiles of 8; a weight of full scale has its bit below the sign."""
    array, one = Array(channels=8, positions=1, lanes=3), 1 << bits - 2
    weight = np.random.default_rng(bits).integers(-one, one + 1, (11, 5))
    weight[0, :2] = one, -one
    given = layer(weight.tolist())
    found = list(weights(given, Tiling.of(given, array), array, bits))
    assert len(found) == 2 * 6 and max(found).bit_length() <= 8 * bits
    for place, word in enumerate(found):
        tile, k = divmod(place, 6)
        numbers = [word >> p * bits & 4 * one - 1 for p in range(8)]
        found_weights = [-(n - 2 * one) if n & 2 * one else n for n in numbers]
        channels = range(8 * tile, 8 * tile + 8)
        expected = [int(weight[c, k]) if c < 11 and k < 5 else 0 for c in channels]
        assert found_weights == expected


def accumulation(constants, upscale) -> Accumulation:
    return Accumulation(
        constants=np.array(constants),
        biases=np.array(constants),
        upscale=np.array(upscale),
        shift=0,
        gain=0,
        low=-8,
        high=7,
        largest_count=4,
    )


@pytest.mark.parametrize(("channels", "taken"), [(1, 2), (2, 2), (3, 4)])
def test_biases_fill_whole_tiles(channels, taken):
    given = layer([[1]] * channels)
    assert num_biases(given, ARRAY) == taken
    sums = accumulation([-1, 5, 0][:channels], [0, 1, 2][:channels])
    expected = [0b1111, 0b1_0101, 0b10_0000][:channels]
    assert list(biases(given, sums, ARRAY, (4, 2, 0))) == expected + [0] * (taken - channels)


# --- words of W ---------------------------------------------------------------------------------


def wide(width: Literal[1, 2, 4, 8], channels: int = 4, lanes: int = 16) -> Array:
    return Array(channels=channels, positions=1, lanes=lanes, width=width)


def random_words(along, size: WordSize = 4, *, groups: int = 1, **changes) -> Layer:
    """Of each group five channels that read three of 5 x 7, by windows of 2 x 3."""
    rng = np.random.default_rng(groups)
    return Layer(
        kind="conv2d",
        name="layer",
        in_shape=Shape(3 * groups, 5, 7),
        weight=rng.integers(-4, 5, (5 * groups, 3, 2, 3)),
        bias=np.zeros(5 * groups, int),
        stream_length=4,
        groups=groups,
        word=Word(size=size, along=along),
        **changes,
    )


def weight_in_slot(given: Layer, channel: int, slot: int) -> int:
    """By the formulas of ``spec.word``; 0 in holes and beyond."""
    assert given.word
    channels, rows, columns = given.weight.shape[1:]
    size = given.word.size
    if given.word.along == "channels":
        rest, inner = divmod(slot, size)
        rest, x = divmod(rest, columns)
        rest, y = divmod(rest, rows)
        c = rest * size + inner
    else:
        rest, x = divmod(slot, size * -(-columns // size))
        c, y = divmod(rest, rows)
    return int(given.weight[channel, c, y, x]) if c < channels and x < columns else 0


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("along", ["channels", "columns"])
@pytest.mark.parametrize("width", [2, 4])
def test_weights_of_several_slots(width, along, groups):
    """At channel tile · K' / W + k, slots W k and on; channels of the tile within each slot."""
    given, array = random_words(along, groups=groups), wide(width)
    tiling = Tiling.of(given, array)
    found = list(weights(given, tiling, array, BITS))
    tiles = [(g, first) for g in range(groups) for first in (0, 4)]  # of five channels
    slots = -(-given.num_slots // 16) * 16
    assert slots > given.num_slots
    assert len(found) == len(tiles) * slots // width
    for place, word in enumerate(found):
        tile, k = divmod(place, slots // width)
        group, first = tiles[tile]
        expected = []
        for slot in range(width * k, width * (k + 1)):
            for member in range(first, first + 4):
                there = member < 5
                weight = weight_in_slot(given, 5 * group + member, slot) if there else 0
                expected.append(abs(weight) + 8 * (weight < 0))
        assert [word >> i * BITS & 0xF for i in range(4 * width)] == expected
        assert word >> 4 * width * BITS == 0


@pytest.mark.parametrize(("width", "size", "groups"), [(2, 3, 2), (4, 5, 3), (2, 2, 1), (8, 9, 2)])
def test_biases_of_several_channels(width, size, groups):
    """Every group fills whole tiles, of 8 channels; upscales lie above constants."""
    given, array = layer([[1]] * (size * groups), groups), wide(width, channels=8)
    rng = np.random.default_rng(width)
    constants = rng.integers(-8, 8, size * groups).tolist()
    upscale = rng.integers(0, 4, size * groups).tolist()
    taken = -(-size // 8) * 8
    assert num_biases(given, array) == groups * taken
    expected = [0] * (groups * taken)
    for channel, (constant, up) in enumerate(zip(constants, upscale, strict=True)):
        place = channel // size * taken + channel % size
        assert bias_places(given, array)[channel] == place
        expected[place] = constant % 16 + 16 * up
    found = list(biases(given, accumulation(constants, upscale), array, (4, 2, 0)))
    assert len(found) == len(expected) // width
    assert [word >> 6 * i & 63 for word in found for i in range(width)] == expected
    assert max(found) >> 6 * width == 0


def test_negative_weights_lie_above():
    given = layer([[1, -2], [-3, -4], [5, 6]])
    words = biases(given, accumulation([-1, 5, 0], [0, 1, 2]), wide(1), (4, 2, 2))
    assert list(words)[:3] == [0b01_00_1111, 0b10_01_0101, 0b00_10_0000]


def test_biases_of_groups_follow_each_other_where_one_is_read_at_a_time():
    given = layer([[1]] * 6, 2)
    array = wide(1)
    assert num_biases(given, array) == 8 and bias_places(given, array) == list(range(6))


AROUND = np.array([1, 2, 3, 4, 1, 0])
"""What stands around each of six channels."""


@pytest.mark.parametrize(
    ("width", "along", "size", "groups", "expected"),
    [
        (1, "channels", 4, 2, [1, 2, 3, 4, 1, 0]),
        (2, "channels", 2, 2, [0x21, 0x03, 0x14, 0x00]),
        (2, "channels", 4, 2, [0x21, 0x03, 0x14, 0x00]),
        (4, "channels", 4, 2, [0x0321, 0x0014]),
        (2, "columns", 4, 2, [0x11, 0x22, 0x33, 0x44, 0x11, 0x00]),
        (4, "columns", 4, 2, [0x1111, 0x2222, 0x3333, 0x4444, 0x1111, 0x0000]),
        (2, "channels", 8, 2, [0x21, 0x03, 0, 0, 0x14, 0, 0, 0]),
    ],
)
def test_padding_values_of_several_inputs(*, width, along, size, groups, expected):
    """Of a group's channels, in whole words of V; or the same for W columns."""
    around = {"padding": (1, 0), "padding_value": AROUND}
    given = random_words(along, size, groups=groups, **around)
    assert padding_values(given, width, 4) == expected
    plain = random_words(along, size, groups=groups, padding=(1, 0))
    assert padding_values(plain, width, 4) == []
