"""Fires of stream mode, against the closed form of the contract."""

import numpy as np
import pytest
from convolutions import lane_bits

from bitrain.golden import Streams
from bitrain.golden.fire import accumulate_and_fire
from bitrain.spec import Layer, MaxPool2d, Ramp, Shape, SngBank, VanDerCorput


def streams_of(bits: int, lanes: int, length: int) -> Streams:
    first, second = VanDerCorput(width=bits), Ramp(width=bits)
    return Streams(
        SngBank.wired(first, lanes, "rotated"), SngBank.wired(second, lanes, "identical"), length
    )


def closed_form(streams: Streams, activations: np.ndarray, layer: Layer) -> np.ndarray:
    """max(0, max over t and the window of floor(A_t / θ)), in units of 2^n / L."""
    lanes, length = len(streams.activation_bank.lanes), streams.length
    first = (layer.num_inputs - 1) // lanes * lanes
    lane = np.arange(layer.num_inputs)
    (kh, kw), (ph, pw), (sh, sw) = layer.kernel, layer.padding, layer.stride
    (wh, ww), (vh, vw) = layer.pool_window.kernel, layer.pool_window.stride
    padded = np.pad(activations, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    out = np.empty((len(activations), *layer.out_shape), int)
    for image, o, y, x in np.ndindex(out.shape):
        weight = layer.weight_matrix[o]
        theta = 2 ** (layer.shift + int(layer.upscale[o])) * streams.one // length
        channels = layer.weight.shape[1]
        group = o // layer.group_channels * channels
        most = 0
        for i, j in np.ndindex(wh, ww):
            row, column = (y * vh + i) * sh, (x * vw + j) * sw
            window = padded[image, group : group + channels, row : row + kh, column : column + kw]
            bits = lane_bits(streams.activation_bank, lane, window.ravel(), length)
            bits &= lane_bits(streams.weight_bank, lane, np.abs(weight), length)
            signed = bits * np.sign(weight)[:, None]
            before = int(layer.bias[o]) + signed[:first].sum()
            most = max(most, *((before + signed[first:].sum(0).cumsum()) // theta))
        out[image, o, y, x] = most * streams.one // length
    return out


def layer_of(rng, in_shape: Shape, out: int, one: int, **geometry) -> Layer:
    kernel, groups = geometry.pop("kernel", (1, 1)), geometry.get("groups", 1)
    shape = (out, in_shape.channels // groups, *kernel)
    return Layer(
        kind="conv2d",
        name="fires",
        in_shape=in_shape,
        weight=rng.integers(-one // 2, one + 1, shape),
        bias=rng.integers(-4, 5, out),
        upscale=rng.integers(0, 2, out),
        neuron="stream",
        **geometry,
    )


POOL = MaxPool2d(kernel=(2, 2), stride=(2, 1))


@pytest.mark.parametrize(
    ("lanes", "in_shape", "shift", "geometry"),
    [
        (4, Shape(6, 3, 3), 2, {}),
        (8, Shape(2, 6, 5), 2, {"kernel": (2, 3), "padding": (1, 0), "pool": POOL}),
        (3, Shape(4, 4, 4), 2, {"groups": 2, "stride": (2, 1)}),
        (80, Shape(70, 2, 1), 4, {}),  # a last chunk of more than a word of 64 bits
    ],
)
def test_fires(lanes, in_shape, shift, geometry):
    """No cycle adds more than θ, so that fires keep up with the sum."""
    rng, streams = np.random.default_rng(lanes), streams_of(4, lanes, 8)
    layer = layer_of(rng, in_shape, 4, streams.one, shift=shift, stream_length=8, **geometry)
    activations = rng.integers(0, streams.one + 1, (2, *in_shape))
    found = accumulate_and_fire(streams, activations, layer)
    assert found.dtype == np.int32 and 0 < found.max() <= streams.one
    np.testing.assert_array_equal(found, closed_form(streams, activations, layer))


def test_it_fires_at_most_once_a_cycle():
    """Eight times 1 · 1 a cycle, and θ = 2: one fire in each of four cycles, 16 in all."""
    streams = streams_of(4, 8, 4)
    layer = Layer(
        kind="linear",
        name="all",
        in_shape=Shape(8, 1, 1),
        weight=np.full((1, 8, 1, 1), 16),
        bias=np.zeros(1, int),
        shift=-1,
        stream_length=4,
        neuron="stream",
    )
    images = np.full((1, 8, 1, 1), 16)
    np.testing.assert_array_equal(accumulate_and_fire(streams, images, layer), [[[[16]]]])
    np.testing.assert_array_equal(accumulate_and_fire(streams, 0 * images, layer), [[[[0]]]])
