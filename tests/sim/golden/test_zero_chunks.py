"""Zero chunks against a walk through the loop nest, one element at a time."""

from itertools import product

import numpy as np
import pytest
from networks import (
    dense_network,
    grouped_network,
    padded_network,
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
    (dh, dw), pool, (_, rows, columns) = layer.dilation, layer.pool_window, layer.conv_shape
    tiling, channels = Tiling.of(layer, array), layer.weight.shape[1]
    zero = np.ones((layer.groups, tiling.position_tiles, tiling.chunks), bool)
    _, height, width = layer.out_shape
    neurons = product(*map(range, (height, width, *pool.kernel)))
    for position, (y, x, i, j) in enumerate(neurons):
        # Beyond the map stands the nearest neuron.
        row = min(max(y * pool.stride[0] - pool.padding[0] + i, 0), rows - 1) * sh - ph
        column = min(max(x * pool.stride[1] - pool.padding[1] + j, 0), columns - 1) * sw - pw
        for group in range(layer.groups):
            for k, (c, u, v) in enumerate(product(range(channels), range(kh), range(kw))):
                at = group * channels + c, row + u * dh, column + v * dw
                inside = all(0 <= x < size for x, size in zip(at, layer.in_shape, strict=True))
                if activations[at] if inside else layer.padding_value[at[0]]:
                    zero[group, position // array.positions, k // array.lanes] = False
    return zero


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "build",
    [
        random_network,
        residual_network,
        grouped_network,
        dense_network,
        projected_network,
        padded_network,
    ],
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
