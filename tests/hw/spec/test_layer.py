"""Layers: geometry against brute force, and every reason for which a layer is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import random_layer
from pydantic import ValidationError
from strategies import layers

from bitrain.spec import Layer, MaxPool2d, Shape

shapes = st.builds(Shape, st.integers(1, 3), st.integers(1, 7), st.integers(1, 7))


def places(size: int, window: int, stride: int, dilation: int = 1) -> list[int]:
    """Where a window fits into a line of ``size``, tried one by one."""
    return [
        start
        for start in range(0, size, stride)
        if all(start + i * dilation < size for i in range(window))
    ]


@settings(deadline=None, max_examples=150)
@given(data=st.data(), in_shape=shapes)
def test_shapes(data, in_shape):
    layer = data.draw(layers(in_shape, 4))
    neurons, stored = [], []
    for i in range(2):
        after = layer.padding if layer.padding_after is None else layer.padding_after
        size = in_shape[1 + i] + layer.padding[i] + after[i]
        neurons.append(len(places(size, layer.kernel[i], layer.stride[i], layer.dilation[i])))
        window = layer.pool or MaxPool2d(kernel=(1, 1), stride=(1, 1))
        size = neurons[i] + window.padding[i] + window.padding_after[i]
        stored.append(len(places(size, window.kernel[i], window.stride[i])))
    assert layer.conv_shape == (layer.weight.shape[0], *neurons)
    assert layer.out_shape == (layer.weight.shape[0], *stored)
    assert layer.num_inputs == layer.weight_matrix.shape[1] == layer.weight[0].size
    assert layer.macs == layer.conv_shape.size * layer.num_inputs
    assert layer.out_shape.size == np.prod(layer.out_shape)


@settings(deadline=None, max_examples=50)
@given(data=st.data(), in_shape=shapes)
def test_sum_range_is_reached(data, in_shape):
    """All streams of one sign full of ones, those of the other empty."""
    layer = data.draw(layers(in_shape, 4))
    extremes = [0]
    for bias, row in zip(layer.bias.tolist(), layer.weight_matrix.tolist(), strict=True):
        full = layer.stream_length
        extremes += [
            bias + sum(full for w in row if w > 0),
            bias - sum(full for w in row if w < 0),
        ]
    assert layer.sum_range == (min(extremes), max(extremes))


GOOD = {
    "kind": "conv2d",
    "name": "conv",
    "in_shape": Shape(2, 5, 6),
    "weight": np.ones((3, 2, 3, 2), int),
    "bias": np.zeros(3, int),
    "stream_length": 16,
}


def test_good_layer_and_defaults():
    layer = Layer.model_validate(GOOD)
    assert layer.out_shape == layer.conv_shape == (3, 3, 5)
    assert (layer.kernel, layer.out_channels, layer.shift, layer.relu) == ((3, 2), 3, 0, True)
    assert layer.pool_window == MaxPool2d(kernel=(1, 1), stride=(1, 1))
    assert layer.weight.dtype == layer.bias.dtype == np.int32
    with pytest.raises(ValueError, match="read-only"):
        layer.weight[:] = 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stream_length": 12}, "stream length 12 is not a power of two"),
        ({"stream_length": 0}, "greater than or equal to 1"),
        (
            {"weight": np.ones((3, 1, 3, 2), int)},
            r"weight \(3, 1, 3, 2\) does not fit input \(2, 5, 6\)",
        ),
        ({"weight": np.ones((3, 2), int)}, r"weight \(3, 2\) does not fit input"),
        ({"weight": np.ones((3, 2, 3, 2))}, "expected integers, got float64"),
        ({"weight": np.full((3, 2, 3, 2), 1 << 40)}, "integers of more than 32 bits"),
        ({"bias": np.full(3, -(1 << 40))}, "integers of more than 32 bits"),
        ({"bias": np.full(3, 1.0)}, "expected integers, got float64"),
        ({"bias": np.zeros(2, int)}, r"bias \(2,\) does not match weight \(3, 2, 3, 2\)"),
        ({"bias": np.full(3, 1 << 30)}, "accumulator range 0 … 10737.* exceeds 31 bits"),
        ({"bias": np.full(3, -(1 << 30) - 1)}, "accumulator range -1073741825 … 0 exceeds 31"),
        ({"kind": "linear"}, r"a linear layer takes a flattened \(K, 1, 1\) input and 1 x 1"),
        ({"in_shape": Shape(2, 2, 6)}, r"kernel \(3, 2\) exceeds the padded input .*2, .*2, .*6\)"),
        (
            {"pool": MaxPool2d(kernel=(4, 1), stride=(1, 1))},
            r"pooling window exceeds the map .*3, .*3, .*5\)",
        ),
        ({"stride": (0, 1)}, "greater than or equal to 1"),
        ({"padding": (-1, 0)}, "greater than or equal to 0"),
        ({"pool": {"kernel": (0, 1), "stride": (1, 1)}}, "greater than or equal to 1"),
        ({"shift": 25}, "less than or equal to 24"),
        ({"shift": -17}, "greater than or equal to -16"),
        ({"name": ""}, "at least 1 character"),
        ({"dilation": (0, 1)}, "greater than or equal to 1"),
        ({"dilation": (3, 1)}, r"kernel \(7, 2\) exceeds the padded input .*2, .*5, .*6\)"),
        ({"padding_after": (-1, 0)}, "greater than or equal to 0"),
        (
            {"padding_value": np.ones(3, int)},
            r"padding_value \(3,\) must be a number from 0 for each of 2 input channels",
        ),
        ({"padding_value": np.array([1, -1])}, "must be a number from 0 for each of 2 input"),
        ({"padding_value": np.array([1.0, 0])}, "expected integers, got float64"),
        ({"padding_value": None}, "expected integers, got object"),
        (
            {"pool": {"kernel": (2, 2), "stride": (1, 1), "padding": (2, 0)}},
            r"pooling pads \(2, 0\), which the kernel \(2, 2\) must exceed",
        ),
        (
            {"pool": {"kernel": (2, 2), "stride": (1, 1), "padding_after": (0, 3)}},
            r"pooling pads \(0, 3\), which the kernel \(2, 2\) must exceed",
        ),
        ({"in_shape": Shape(10**30, 5, 6)}, r"weight \(3, 2, 3, 2\) does not fit input"),
        ({"in_shape": Shape(-1, 5, 6)}, r"weight \(3, 2, 3, 2\) does not fit input"),
        ({"groups": 0}, "greater than or equal to 1"),
        (
            {"groups": 2},
            r"weight \(3, 2, 3, 2\) does not fit input \(2, 5, 6\) in 2 groups",
        ),
        (
            {"groups": 2, "weight": np.zeros((3, 1, 3, 2), int)},
            "3 output channels are no multiple of 2 groups",
        ),
        (
            {
                "kind": "linear",
                "groups": 2,
                "in_shape": Shape(2, 1, 1),
                "weight": np.zeros((2, 1, 1, 1), int),
                "bias": np.zeros(2, int),
                "pool": None,
            },
            "a linear layer has no groups",
        ),
        ({"kind": "conv3d"}, "'conv2d' or 'linear'"),
        ({"colour": 2}, "Extra inputs are not permitted"),
    ],
)
def test_refused(change, message):
    with pytest.raises(ValidationError, match=message):
        Layer.model_validate({**GOOD, **change})


def test_zeros_around_are_those_of_any_shape():
    """Layers are made of the fields of others."""
    given = Layer.model_validate({**GOOD, "padding_value": np.zeros(7, int)})
    assert given.padding_value.tolist() == [0, 0] and given == Layer.model_validate(GOOD)
    assert given != Layer.model_validate({**GOOD, "padding_value": np.array([0, 1])})


def test_geometry_that_is_usual_is_not_written():
    layer = Layer.model_validate({**GOOD, "pool": MaxPool2d(kernel=(2, 2), stride=(2, 2))})
    written = layer.model_dump()
    assert not written.keys() & {"padding_after", "padding_value", "dilation"}
    assert written["pool"] == {"kernel": (2, 2), "stride": (2, 2)}


@pytest.mark.parametrize(
    ("size", "places"), [(1, [[0, 0, 0]] * 3), (3, [[0, 0, 0], [0, 0, 1], [0, 1, 2], [1, 2, 2]])]
)
def test_places_beyond_the_map_are_the_nearest(size, places):
    pool = MaxPool2d(kernel=(3, 1), stride=(1, 2), padding=(2, 0), padding_after=(1, 0))
    assert pool.places(0, size).tolist() == places[: pool.count(0, size)]
    assert pool.places(1, 4).tolist() == [[0], [2]]


def test_accumulators_of_exactly_31_bits():
    rng = np.random.default_rng(0)
    layer = random_layer(rng, Shape(1, 1, 1), 1, bits=4, length=1)
    high = (1 << 30) - 1
    fields = {"weight": np.zeros((1, 1, 1, 1), int), "bias": np.array([high])}
    assert Layer.model_validate({**layer.model_dump(), **fields}).sum_range == (0, high)
