"""Prefixes: a network again, whose sums are those of the streams' first cycles."""

import math
from fractions import Fraction

import numpy as np
import pytest
from convolutions import lane_bits
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import random_images, random_network
from strategies import networks

from bitrain import golden
from bitrain.cost import estimate
from bitrain.program import Array, Program
from bitrain.spec import (
    BitrainError,
    Layer,
    Network,
    Shape,
    Shortcut,
    lengthened,
    with_prefix,
)

lengths = st.sampled_from([1, 2, 4, 8, 16, 32, 64, 128, 256])


@settings(deadline=None, max_examples=50)
@given(network=networks())
def test_full_length_is_the_network_itself(network):
    longest = max(layer.stream_length for layer in network.layers)
    assert with_prefix(network, longest) == network
    assert with_prefix(network, 1 << 16) == network


@settings(deadline=None, max_examples=50)
@given(network=networks(), length=lengths)
def test_every_layer_is_shortened_and_the_rest_kept(network, length):
    prefix = with_prefix(network, length)
    for layer, short in zip(network.layers, prefix.layers, strict=True):
        assert short.stream_length == min(layer.stream_length, length)
        assert np.array_equal(short.weight, layer.weight)
        assert np.array_equal(short.upscale, layer.upscale)
        if short.stream_length == layer.stream_length:
            assert short == layer
    array = Array(channels=2, positions=2, lanes=network.num_lanes)
    assert estimate(Program(prefix, array)).latency <= estimate(Program(network, array)).latency


@settings(deadline=None, max_examples=50)
@given(network=networks(max_layers=1), length=lengths, seed=st.integers(0, 1000))
def test_scores_count_the_first_cycles_of_the_streams(network, length, seed):
    (layer,) = network.layers
    image = random_images(network, 1, seed)[0]
    (scores,) = golden.run(with_prefix(network, length), image[None])
    length = min(length, layer.stream_length)
    # The streams of the whole length, cut.
    banks = network.activation_bank, network.weight_bank
    after = layer.padding if layer.padding_after is None else layer.padding_after
    around = ((0, 0), *zip(layer.padding, after, strict=True))
    padded = np.pad(image - layer.padding_value[:, None, None], around)
    padded += layer.padding_value[:, None, None]
    for o, y, x in np.ndindex(*layer.out_shape):
        rows, columns = (
            slice(i * s, i * s + (k - 1) * d + 1, d)
            for i, s, k, d in zip((y, x), layer.stride, layer.kernel, layer.dilation, strict=True)
        )
        exact = Fraction(int(layer.bias[o]) * length, layer.stream_length)
        expected = math.floor(exact + Fraction(1, 2))
        inputs = layer.weight.shape[1]
        first = o // layer.group_channels * inputs
        window = padded[first : first + inputs, rows, columns]
        for k, a in enumerate(window.ravel().tolist()):
            w, lane = int(layer.weight_matrix[o, k]), k % network.num_lanes
            first_bits, second_bits = (
                lane_bits(bank, lane, number, layer.stream_length)[:length]
                for bank, number in zip(banks, (a, abs(w)), strict=True)
            )
            expected += int(np.sign(w)) * int((first_bits & second_bits).sum())
        assert scores[0, o, y, x] == expected


@pytest.mark.parametrize("length", [2, 4, 8, 16, 32])
@pytest.mark.parametrize("shift", [-2, 0, 1, 2, 3, 7])
def test_streams_of_one_value_lose_nothing_at_any_prefix(length, shift):
    """All bits alike and whole biases: the estimate is exact after the first cycle."""
    network = random_network(shift + 10, bits=5, length=32)
    rng = np.random.default_rng(length)
    layer = network.layers[0]
    right = shift + layer.upscale.astype(int)
    half = np.where(right >= 1, 1 << np.maximum(right, 1) >> 1, 0)
    changes = {
        "weight": rng.integers(-1, 2, layer.weight.shape) * network.one,
        "bias": 32 * rng.integers(-3, 4, layer.out_channels) + half,
        "shift": shift,
    }
    layers = (Layer.model_validate(dict(layer) | changes), *network.layers[1:])
    network = Network.model_validate(dict(network) | {"layers": layers})
    images = rng.integers(0, 2, (3, *network.in_shape)) * network.one
    stored = golden.run(with_prefix(network, length), images)[0]
    assert np.array_equal(stored, golden.run(network, images)[0])


# --- one layer by hand -------------------------------------------------------------------------


def prefix_of(length: int, **fields) -> Layer:
    """The first of two 1 x 1 layers of 16 cycles, cut to ``length``."""
    first = {"bias": np.zeros(1, int), "shift": 0} | fields
    channels = len(first["bias"])
    common = {"kind": "conv2d", "stream_length": 16}
    layers = [
        Layer(
            name="first",
            in_shape=Shape(1, 4, 4),
            weight=np.ones((channels, 1, 1, 1), int),
            **common,
            **first,
        ),
        Layer(
            name="last",
            in_shape=Shape(channels, 4, 4),
            weight=np.ones((1, channels, 1, 1), int),
            bias=np.zeros(1, int),
            relu=False,
            **common,
        ),
    ]
    return with_prefix(random_like(layers), length).layers[0]


def random_like(layers: list[Layer]) -> Network:
    banks = random_network(0, bits=4)
    return Network.model_validate(dict(banks) | {"layers": tuple(layers)})


@pytest.mark.parametrize(
    ("length", "bias", "shift"),
    [
        (16, 14, 3),
        (8, 7, 2),  # 10 / 2, and the half of 2^2
        (4, 4, 1),  # 2.5, and the half of 2^1
        (2, 1, 0),  # 1.25: no half any more
        (1, 1, -1),  # 0.625
    ],
)
def test_the_rounding_half_goes_with_the_last_shift(length, bias, shift):
    layer = prefix_of(length, bias=np.array([10 + 4]), shift=3)
    assert (layer.bias.tolist(), layer.shift) == ([bias], shift)


def test_each_channel_has_its_own_half():
    """10 with the half of its channel's shift of 1 or 3, then over 4."""
    layer = prefix_of(4, bias=np.array([10 + 1, 10 + 4]), shift=1, upscale=np.array([0, 2]))
    assert layer.bias.tolist() == [3, 4]
    assert layer.shift == -1


@pytest.mark.parametrize(("bias", "expected"), [(3, 2), (-3, -1), (1, 1), (-1, 0)])
def test_biases_round_half_up(bias, expected):
    assert prefix_of(8, bias=np.array([bias])).bias.tolist() == [expected]


# --- shortcuts ---------------------------------------------------------------------------------


def with_shortcut(gain: int) -> Network:
    network = random_network(0, bits=4, length=16)
    layer = network.layers[-1]
    first = {
        "kind": "conv2d",
        "name": "a",
        "in_shape": Shape(1, 2, 2),
        "weight": np.ones((1, 1, 1, 1), int),
        "bias": np.zeros(1, int),
        "stream_length": 16,
    }
    second = first | {"name": "b", "shortcut": Shortcut(source=0, gain=gain)}
    last = dict(layer) | {
        "in_shape": Shape(4, 1, 1),
        "weight": np.ones((5, 4, 1, 1), int),
    }
    layers = [Layer.model_validate(fields) for fields in (first, second, last)]
    return random_like(layers)


@pytest.mark.parametrize(("gain", "expected"), [(8, 2), (6, 2), (5, 1), (4, 1)])
def test_gains_shrink_with_the_length(gain, expected):
    layer = with_prefix(with_shortcut(gain), 4).layers[1]
    assert layer.shortcut == Shortcut(source=0, gain=expected)


def test_a_gain_below_one_product_bit_is_refused():
    with pytest.raises(BitrainError, match=r"layer 'b' cannot run a prefix of 4 .*shortcut\.gain"):
        with_prefix(with_shortcut(3), 4)


# --- users' mistakes ---------------------------------------------------------------------------


@pytest.mark.parametrize("length", [0, -4, 3, 12])
def test_length_that_is_no_power_of_two(length):
    with pytest.raises(BitrainError, match=f"prefix of {length} cycles: expected a power of two"):
        with_prefix(random_network(0), length)


def test_shift_beyond_the_contract():
    assert prefix_of(8, shift=-15).shift == -16
    with pytest.raises(
        BitrainError,
        match=r"'first' .* of 4 cycles: shift would be -17: expected at least -16; .*longer",
    ):
        prefix_of(4, shift=-15)


@settings(deadline=None, max_examples=60)
@given(network=networks(), octaves=st.integers(0, 3))
def test_a_layer_is_a_prefix_of_its_longer_one(network, octaves):
    layers = []
    for layer in network.layers:
        if layer.neuron == "stream":
            return
        length = min(layer.stream_length << octaves, network.one)
        try:
            layers.append(lengthened(layer, length))
        except BitrainError as error:
            assert "would be" in str(error)  # beyond the contract
            return
    longer = Network.model_validate(dict(network) | {"layers": tuple(layers)})
    for layer, long in zip(network.layers, longer.layers, strict=True):
        index = next(i for i, each in enumerate(longer.layers) if each is long)
        assert with_prefix(longer, layer.stream_length).layers[index] == layer


@pytest.mark.parametrize("length", [8, 24, 3])
def test_a_longer_stream_is_a_power_of_two_from_its_own_on(length):
    layer = random_network(1, bits=6).layers[0].model_copy(update={"stream_length": 16})
    with pytest.raises(BitrainError, match="expected a power of two from its own 16 on"):
        lengthened(layer, length)
