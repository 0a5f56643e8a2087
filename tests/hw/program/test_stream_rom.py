"""Constants of neurons in stream mode, by hand."""

import numpy as np
import pytest

from bitrain.program import Array, Tiling
from bitrain.program.stream_rom import StreamWidths, num_stream_words, stream_widths, stream_words
from bitrain.spec import Layer, Shape

LAYER = Layer(
    kind="linear",
    name="fires",
    in_shape=Shape(3, 1, 1),
    weight=np.array([[1, -2, -1], [-1, 2, 3]])[:, :, None, None],
    bias=np.array([3, -1]),
    shift=1,
    upscale=np.array([0, 1]),
    stream_length=4,
    neuron="stream",
)
"""Fires at θ = 2 and 4; in chunks of two inputs, the third emits."""


@pytest.mark.parametrize(("count_bits", "state"), [(3, 5), (7, 7)])
def test_widths(count_bits, state):
    """Both sums lie in -5 … 7, and S - θ in -13 … 5 after three fires of 2, or one of 4."""
    found = stream_widths([LAYER], Array(lanes=2), 2, count_bits)
    assert found == StreamWidths(state=state, negatives=2, exponent=2)
    assert found.channel == state + 2 + 2


@pytest.mark.parametrize("channels", [1, 2])
def test_words(channels):
    """Start, negative weights of the last chunk, log2 θ; start is less by what lanes count."""
    array, widths = (
        Array(channels=channels, lanes=2),
        StreamWidths(state=6, negatives=2, exponent=2),
    )
    first = (3 - 4 - 2) % 64 | 1 << 6 | 1 << 8
    second = (-1 - 4 - 4) % 64 | 0 << 6 | 2 << 8
    expected = [first, second] if channels == 1 else [first | second << 10]
    assert list(stream_words(LAYER, array, 2, widths)) == expected
    assert num_stream_words(LAYER, Tiling.of(LAYER, array)) == len(expected)


def test_counter_mode_takes_no_words():
    layer = LAYER.model_copy(update={"neuron": "counter"})
    assert num_stream_words(layer, Tiling.of(layer, Array())) == 0
