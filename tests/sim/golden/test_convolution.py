"""Packed streams, and convolution of them against a bit-by-bit sum of products."""

import numba
import numpy as np
import pytest
from convolutions import lane_bits, reference, wired
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import banks

from bitrain.golden import Streams, convolve, pack_weights
from bitrain.golden.kernel import BLOCK, TILE

lengths = st.sampled_from([1, 2, 4, 8, 16, 32, 64, 128, 256])


@st.composite
def convolutions(draw, length: int | None = None):
    """Streams, activations, weights, stride and padding of any kind that is allowed."""
    n = 8 if length else draw(st.integers(2, 8))
    length = length or 1 << draw(st.integers(0, n))
    num_lanes = draw(st.integers(1, 40))
    groups = draw(st.sampled_from([1, 2, 4, 8]))
    streams = Streams(draw(banks(n, num_lanes)), draw(banks(n, num_lanes)), length, groups)
    pair = st.tuples(st.integers(1, 3), st.integers(1, 3))
    kernel, stride = draw(pair), draw(pair)
    padding = draw(st.tuples(st.integers(0, 2), st.integers(0, 2)))
    size = [
        max(1, k - 2 * p) + draw(st.integers(0, 4)) for k, p in zip(kernel, padding, strict=True)
    ]
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    channels, images = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    activations = rng.integers(0, streams.one + 1, (images, channels, *size))
    weight = rng.integers(
        -streams.one, streams.one + 1, (draw(st.integers(1, 9)), channels, *kernel)
    )
    # The ends of the range, more often than chance draws them.
    for numbers in activations, weight:
        ends = rng.choice([0, streams.one], numbers.shape) * np.sign(numbers)
        numbers[...] = np.where(rng.random(numbers.shape) < 0.3, ends, numbers)
    return streams, activations, weight, stride, padding


@settings(deadline=None, max_examples=60)
@given(convolution=convolutions())
def test_convolution_is_the_sum_of_products_bit_by_bit(convolution):
    sums = convolve(*convolution)
    assert sums.dtype == np.int32
    assert np.array_equal(sums, reference(*convolution))


@pytest.mark.parametrize("length", [2, 4, 8, 16, 32, 64, 128, 256])
def test_every_size_of_a_cell(length):
    """Several streams in a word of 64 bits, one, and several words for one, with n = 8."""

    @settings(deadline=None, max_examples=3)
    @given(convolution=convolutions(length))
    def check(convolution):
        assert np.array_equal(convolve(*convolution), reference(*convolution))

    check()


@pytest.mark.parametrize("num_out", [1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK])
@pytest.mark.parametrize("images", [1, TILE - 1, TILE, TILE + 1, 5 * TILE])
def test_linear_layers_take_their_tiles_from_several_images(images, num_out):
    streams, rng = wired(4, 3, 8), np.random.default_rng(images)
    activations = rng.integers(0, 17, (images, 7, 1, 1))
    weight = rng.integers(-16, 17, (num_out, 7, 1, 1))
    sums = convolve(streams, activations, weight)
    assert np.array_equal(sums, reference(streams, activations, weight, (1, 1), (0, 0)))


CASE = wired(6, 5, 32)
MAPS = np.random.default_rng(0).integers(0, 65, (9, 3, 8, 7))
WEIGHT = np.random.default_rng(1).integers(-64, 65, (6, 3, 3, 3))


def test_number_of_threads_does_not_matter():
    many = np.concatenate([MAPS] * 20)  # work for more than one thread
    threads = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        single = convolve(CASE, many, WEIGHT, padding=(1, 1))
    finally:
        numba.set_num_threads(threads)
    assert np.array_equal(single, convolve(CASE, many, WEIGHT, padding=(1, 1)))


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int64, np.float32])
def test_type_and_layout_of_activations_do_not_matter(dtype):
    expected = convolve(CASE, MAPS, WEIGHT)
    assert np.array_equal(convolve(CASE, np.asfortranarray(MAPS).astype(dtype), WEIGHT), expected)


def test_weights_packed_once_serve_every_batch():
    packed = pack_weights(CASE, WEIGHT)
    for maps in MAPS[:4], MAPS[4:]:
        assert np.array_equal(convolve(CASE, maps, packed), convolve(CASE, maps, WEIGHT))


@pytest.mark.parametrize("groups", [2, 3, 6])
def test_groups_are_convolutions_of_their_own(groups):
    maps, weight = np.concatenate([MAPS, MAPS[::-1]], 1), np.concatenate([WEIGHT, WEIGHT])
    weight = weight[:, : 6 // groups]
    pairs = zip(np.split(maps, groups, 1), np.split(weight, groups), strict=True)
    wanted = np.concatenate([convolve(CASE, *pair, (2, 1), (1, 0)) for pair in pairs], 1)
    assert np.array_equal(convolve(CASE, maps, weight, (2, 1), (1, 0), groups=groups), wanted)
    packed = pack_weights(CASE, weight, groups)
    assert np.array_equal(convolve(CASE, maps, packed, (2, 1), (1, 0)), wanted)


def test_activations_below_zero_are_empty_streams():
    signed = MAPS - 30
    sums = convolve(CASE, signed, WEIGHT)
    assert np.array_equal(sums, convolve(CASE, np.maximum(signed, 0), WEIGHT))


def test_no_images():
    assert convolve(CASE, MAPS[:0], WEIGHT).shape == (0, 6, 6, 5)


@settings(deadline=None, max_examples=30)
@given(data=st.data(), length=lengths, num_lanes=st.integers(1, 4))
def test_streams(data, length, num_lanes):
    streams = Streams(data.draw(banks(8, num_lanes)), data.draw(banks(8, num_lanes)), length)
    banks_ = streams.activation_bank, streams.weight_bank
    for bank, table in zip(banks_, streams.tables, strict=True):
        assert table.shape == (num_lanes, max(1, length // 64), 257)
        for lane in range(num_lanes):
            for number in (0, 1, 77, 255, 256):
                bits = [int(table[lane, t // 64, number]) >> t % 64 & 1 for t in range(length)]
                assert bits == lane_bits(bank, lane, number, length).tolist()


def test_tables_are_made_once():
    assert wired(6, 5, 32).tables is CASE.tables


# --- wrong inputs ------------------------------------------------------------------------------


def test_numbers_out_of_range():
    with pytest.raises(ValueError, match="an activation exceeds 64"):
        convolve(CASE, MAPS + 1, WEIGHT)
    with pytest.raises(ValueError, match="weights in ±64"):
        convolve(CASE, MAPS, WEIGHT - 1)


def test_shapes_that_do_not_fit():
    with pytest.raises(ValueError, match=r"activations \(9, 2, 8, 7\) do not fit weights"):
        convolve(CASE, MAPS[:, :2], WEIGHT)
    with pytest.raises(ValueError, match=r"kernel \(3, 3\) exceeds the padded input"):
        convolve(CASE, MAPS[:, :, :2], WEIGHT)


def test_sums_beyond_32_bits():
    streams = wired(16, 1, 1 << 16)
    with pytest.raises(ValueError, match="exceed 32 bits"):
        pack_weights(streams, np.ones((1, 1 << 15, 1, 1), int))


@pytest.mark.parametrize("length", [0, 3, 128])
def test_lengths_that_are_no_power_of_two_up_to_a_period(length):
    with pytest.raises(ValueError, match=r"is no power of two in 1 … 64"):
        wired(6, 2, length)


def test_banks_of_different_sizes():
    with pytest.raises(ValueError, match=r"\(2, 6\) and \(3, 6\) do not fit"):
        Streams(wired(6, 2, 8).activation_bank, wired(6, 3, 8).weight_bank, 8)
