"""Bias, shift, clip and pooling, by hand and against numpy."""

import numpy as np
import pytest

from bitrain.golden.requantise import finish
from bitrain.spec import MaxPool2d

ONE = 16
NO_POOL = MaxPool2d(kernel=(1, 1), stride=(1, 1))


def finished(sums, constants, shifts, pool=NO_POOL, shape=(1, 1)) -> np.ndarray:
    sums = np.array(sums, np.int32)
    out = np.empty((*sums.shape[:2], *shape), np.int32)
    places = tuple(map(pool.places, (0, 1), sums.shape[2:]))
    finish(sums, np.array([constants, shifts]), places, ONE, out)
    return out


@pytest.mark.parametrize(
    ("total", "constant", "shift", "expected"),
    [
        (7, 0, 0, 7),
        (7, 4, 2, 2),  # 11 / 4, rounded down
        (-1, 0, 0, 0),
        (3, -8, 1, 0),
        (64, 0, 2, 16),
        (65, 0, 1, 16),
        (3, 0, -2, 12),
        (1, 0, -5, 16),
    ],
)
def test_one_neuron(total, constant, shift, expected):
    assert finished([[[[total]]]], [constant], [shift]).item() == expected


def test_channels_have_their_own_constants_and_shifts():
    sums = [[[[8]], [[8]]], [[[4]], [[40]]]]
    assert finished(sums, [0, 2], [1, 0]).tolist() == [[[[4]], [[10]]], [[[2]], [[16]]]]


@pytest.mark.parametrize(("kernel", "stride"), [((2, 2), (2, 2)), ((3, 1), (1, 2))])
def test_pooling_takes_the_largest_of_each_window(kernel, stride):
    sums = np.random.default_rng(0).integers(-20, 40, (2, 3, 6, 5))
    rows, columns = ((size - k) // s + 1 for size, k, s in zip((6, 5), kernel, stride, strict=True))
    pool = MaxPool2d(kernel=kernel, stride=stride)
    found = finished(sums, [1, 2, 3], [0, 1, 2], pool, (rows, columns))
    for image, channel, y, x in np.ndindex(found.shape):
        y0, x0 = y * stride[0], x * stride[1]
        window = sums[image, channel, y0 : y0 + kernel[0], x0 : x0 + kernel[1]]
        each = [(int(total) + channel + 1) // 2**channel for total in window.ravel()]
        assert found[image, channel, y, x] == min(max(0, *each), ONE)
