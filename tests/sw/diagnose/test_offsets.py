"""Mean errors of channels go into the biases."""

import numpy as np
import pytest
import torch
from networks import random_images, random_network, residual_network, streamed

from bitrain import golden
from bitrain.diagnose.offsets import with_offsets
from bitrain.diagnose.reals import real_chain, walk_float
from bitrain.spec import Network


def spoilt(network: Network) -> Network:
    layers = tuple(
        layer.model_copy(update={"bias": layer.bias + np.arange(layer.out_channels) - 3})
        for layer in network.layers
    )
    return Network.model_validate(dict(network) | {"layers": layers})


@pytest.mark.parametrize("build", [random_network, residual_network])
def test_sums_are_right_on_average(build):
    network, images = build(7), random_images(build(7), 32)
    reals = real_chain(network)
    found = with_offsets(network, reals, images)
    again = with_offsets(spoilt(network), reals, images)
    for layer, other, before in zip(found.layers, again.layers, network.layers, strict=True):
        assert np.array_equal(layer.bias, other.bias)  # whatever they were
        assert np.array_equal(layer.weight, before.weight)
    assert any(
        not np.array_equal(a.bias, b.bias)
        for a, b in zip(found.layers, network.layers, strict=True)
    )


def test_scores_are_right_on_average():
    network = random_network(3)
    images = random_images(network, 64)
    reals = real_chain(network)
    scores = golden.run(with_offsets(network, reals, images), images)[-1]
    wanted = walk_float(reals.chain, torch.from_numpy(images).float() / network.one)[-1]
    assert np.abs((scores - wanted.numpy()).mean((0, 2, 3))).max() <= 0.5 + 1e-3


def test_layers_in_stream_mode_are_left_alone():
    network = streamed(random_network(6))
    found = with_offsets(network, real_chain(network), random_images(network, 8))
    assert found.layers[:-1] == network.layers[:-1]
