"""The slow model by hand: where both banks are ramps, a product counts min(a, |w|) ones."""

import numpy as np
import pytest

from bitrain.golden.reference import run_reference
from bitrain.spec import Layer, MaxPool2d, Network, Ramp, Shape, Shortcut, SngBank

BANK = SngBank.wired(Ramp(width=3), 2, "identical")


def network(*layers: Layer, or_lanes=1) -> Network:
    return Network.model_validate(
        {
            "name": "by hand",
            "activation_bank": BANK,
            "weight_bank": BANK,
            "layers": layers,
            "or_lanes": or_lanes,
        }
    )


def layer(weight, **changes) -> Layer:
    weight = np.array(weight)
    given = {
        "kind": "conv2d",
        "name": "layer",
        "in_shape": Shape(weight.shape[1], 1, 1),
        "weight": weight if weight.ndim == 4 else weight[:, :, None, None],
        "bias": np.zeros(len(weight), int),
        "stream_length": 8,
        **changes,
    }
    return Layer.model_validate(given)


def run(given: Network, image) -> list[list]:
    return [output[0].tolist() for output in run_reference(given, np.array([image]))]


def scores(weight, bias=0, **changes) -> Layer:
    bias = np.full(len(weight), bias)
    return layer(weight, name="scores", relu=False, bias=bias, **changes)


def test_scores():
    """min(5, 3) - min(2, 8) + min(8, 8) + 1."""
    assert run(network(scores([[3, -8, 8]], bias=1)), [[[5]], [[2]], [[8]]]) == [
        [[[3 - 2 + 8 + 1]]]
    ]


def test_groups_of_two_count_a_cycle_once():
    """Ramps overlap, so that of min(5, 3) and min(2, 8) the larger counts; the last is alone."""
    found = run(network(scores([[3, 8, -8]]), or_lanes=2), [[[5]], [[2]], [[7]]])
    assert found == [[[[3 - 7]]]]


def test_relu_shift_upscale_and_clip():
    first = layer(
        [[8], [8], [-8], [8]],
        shift=1,
        upscale=np.array([0, 1, 0, 0]),
        bias=np.array([1, 0, 0, 30]),
    )
    stored, _ = run(network(first, scores([[1] * 4])), [[[6]]])
    assert stored == [[[3]], [[1]], [[0]], [[8]]], "7 / 2, 6 / 4, below zero, above 2^n"


def test_padding_stride_and_pooling():
    """Windows of two columns, two apart: min of 1 with each pixel, and the larger of two rows."""
    first = layer(
        [[[[8, 8]]]],
        in_shape=Shape(1, 2, 3),
        padding=(0, 1),
        stride=(1, 2),
        pool=MaxPool2d(kernel=(2, 1), stride=(1, 1)),
    )
    flat = scores([[8, 8]], in_shape=Shape(2, 1, 1), kind="linear")
    stored, found = run(network(first, flat), [[[1, 2, 0], [3, 0, 4]]])
    assert stored == [[[3, 4]]], "0 + 1 and 2 + 0 above, 0 + 3 and 0 + 4 below"
    assert found == [[[7]]]


def test_padding_values():
    """Of each channel its own, in every margin; min of 8 with each is the activation itself."""
    first = scores(
        [[[[8, 8]], [[-8, -8]]]], in_shape=Shape(2, 1, 2), padding=(0, 1), padding_value=[5, 2]
    )
    assert run(network(first), [[[1, 3]], [[4, 0]]]) == [
        [[[5 + 1 - 2 - 4, 1 + 3 - 4 - 0, 3 + 5 - 0 - 2]]]
    ]


def test_padding_values_of_groups():
    first = scores(
        [[[[8], [8]]], [[[8], [8]]]],
        in_shape=Shape(2, 1, 1),
        groups=2,
        padding=(1, 0),
        padding_value=[5, 2],
    )
    assert run(network(first), [[[1]], [[4]]]) == [[[[5 + 1], [1 + 5]], [[2 + 4], [4 + 2]]]]


def test_dilation():
    """Elements two rows and three columns apart."""
    first = scores([[[[8, 4], [2, 1]]]], in_shape=Shape(1, 4, 4), dilation=(2, 3))
    image = [[8, 0, 0, 7], [6, 0, 0, 5], [4, 0, 0, 3], [0, 0, 0, 1]]
    assert run(network(first), [image]) == [[[[8 + 4 + 2 + 1], [6 + 4 + 0 + 1]]]]


def test_dilation_that_only_reads_what_stands_around():
    first = scores([[[[8, 8, 8]]]], dilation=(1, 2), padding=(0, 2), padding_value=[3])
    assert run(network(first), [[[6]]]) == [[[[3 + 6 + 3]]]]


def test_uneven_margins():
    """One column before the map and none after it; no row before it and two after it."""
    first = scores(
        [[[[8, 8]]]],
        in_shape=Shape(1, 1, 2),
        padding=(0, 1),
        padding_after=(2, 0),
        padding_value=[7],
    )
    assert run(network(first), [[[1, 3]]]) == [[[[7 + 1, 1 + 3], [7 + 7, 7 + 7], [7 + 7, 7 + 7]]]]


def test_padded_pooling():
    """Overlapping windows of which only the part in the map counts."""
    pool = MaxPool2d(kernel=(2, 3), stride=(1, 2), padding=(1, 2), padding_after=(0, 1))
    first = layer([[8]], in_shape=Shape(1, 2, 3), pool=pool)
    flat = scores([[8] * 4], in_shape=Shape(4, 1, 1), kind="linear")
    stored, found = run(network(first, flat), [[[1, 2, 3], [4, 0, 1]]])
    assert stored == [[[1, 3], [4, 4]]], "columns -2 … 0 and 0 … 2, of rows -1 … 0 and 0 … 1"
    assert found == [[[12]]]


def test_padded_pooling_fires_as_one():
    """θ = 8: a window fires when its largest member has counted eight ones."""
    pool = MaxPool2d(kernel=(1, 3), stride=(1, 1), padding=(0, 2), padding_after=(0, 2))
    first = layer([[8]], in_shape=Shape(1, 1, 2), pool=pool, neuron="stream", shift=3)
    flat = scores([[8] * 4], in_shape=Shape(4, 1, 1), kind="linear")
    stored, _ = run(network(first, flat), [[[7, 8]]])
    assert stored == [[[0, 1, 1, 1]]]


def test_a_shortcut_adds_the_image():
    shortcut = Shortcut(source=-1, gain=3, before=1)
    given = scores([[8], [8]], shortcut=shortcut)
    assert run(network(given), [[[2]]]) == [[[[2]], [[2 + 3 * 2]]]]


@pytest.mark.parametrize(("image", "fires"), [([8, 0], 8), ([8, 8], 0), ([4, 0], 4), ([0, 0], 0)])
def test_stream_mode(image, fires):
    """θ = 1 and weights 1 and -1: a fire for each 1 that the other does not take back."""
    first = layer([[8, -8]], neuron="stream")
    stored, _ = run(network(first, scores([[8]])), [[[image[0]]], [[image[1]]]])
    assert stored == [[[fires]]]


def test_concatenation():
    """The second layer's map lies behind the first's."""
    first = layer([[8]])
    second = layer([[4]], name="second", concat_after=0)
    *_, found = run(network(first, second, scores([[8, 8]])), [[[6]]])
    assert found == [[[6 + 4]]]
