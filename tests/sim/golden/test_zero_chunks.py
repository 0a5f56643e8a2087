"""Zero chunks against a walk through the loop nest, one element at a time."""

from itertools import product

import numpy as np
import pytest
from networks import (
    dense_network,
    grouped_network,
    projected_network,
    random_network,
    residual_network,
)

from bitrain import golden
from bitrain.program import Array, Tiling


def sparse_images(network, count: int, seed: int) -> np.ndarray:
    """Blocks of zeros, and some pixels that are not."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, network.one + 1, (count, *network.in_shape))
    return images * (rng.random(images.shape) < 0.1)


def walk(layer, array: Array, activations: np.ndarray) -> np.ndarray:
    """Of one image: (groups, position tiles, chunks)."""
    (kh, kw), (sh, sw), (ph, pw) = layer.kernel, layer.stride, layer.padding
    (window_h, window_w), (pool_h, pool_w) = layer.pool_window.kernel, layer.pool_window.stride
    tiling, channels = Tiling.of(layer, array), layer.weight.shape[1]
    zero = np.ones((layer.groups, tiling.position_tiles, tiling.chunks), bool)
    _, height, width = layer.out_shape
    neurons = product(range(height), range(width), range(window_h), range(window_w))
    for position, (y, x, i, j) in enumerate(neurons):
        row, column = (y * pool_h + i) * sh - ph, (x * pool_w + j) * sw - pw
        for group in range(layer.groups):
            for k, (c, u, v) in enumerate(product(range(channels), range(kh), range(kw))):
                at = group * channels + c, row + u, column + v
                inside = all(0 <= x < size for x, size in zip(at, layer.in_shape, strict=True))
                if inside and activations[at]:
                    zero[group, position // array.positions, k // array.lanes] = False
    return zero


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "build",
    [random_network, residual_network, grouped_network, dense_network, projected_network],
)
def test_every_kind_of_layer(build, seed):
    network = build(seed, lanes=2)
    array = Array(channels=2, positions=seed + 2, lanes=2 * seed + 2)
    images = sparse_images(network, 2, seed)
    outputs = golden.run(network, images)
    found = golden.zero_chunks(network, array, images, outputs)
    inputs = golden.layer_inputs(network, images, outputs)
    for layer, read, zero in zip(network.layers, inputs, found, strict=True):
        for image in range(2):
            np.testing.assert_array_equal(zero[image], walk(layer, array, read[image]))


def test_nothing_but_zeros():
    network, array = random_network(0, lanes=2), Array(channels=1, positions=3, lanes=4)
    images = np.zeros((1, *network.in_shape), int)
    zero, *_ = golden.zero_chunks(network, array, images, golden.run(network, images))
    assert zero.all()
