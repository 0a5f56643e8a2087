"""Networks that tests draw live, and dead ones are told."""

import numpy as np
import pytest
from liveness import enlivened, liveness
from networks import (
    dense_network,
    grouped_network,
    padded_network,
    projected_network,
    random_images,
    random_network,
    residual_network,
    streamed,
)
from seen import BOUNDS, KINDS, Seen

from bitrain.program import AcceleratorConfig
from bitrain.spec import Layer, Network

BUILDERS = [
    random_network,
    residual_network,
    grouped_network,
    dense_network,
    projected_network,
    padded_network,
]


@pytest.mark.parametrize("build", BUILDERS)
def test_networks_of_the_tests_live(build):
    """Other images than those that they were made for are nearly as good."""
    layers = [
        layer
        for seed in range(4)
        for network in [build(seed)]
        for layer in liveness(network, random_images(network, 4, seed))
    ]
    alive = sum(layer.alive for layer in layers)
    assert alive >= len(layers) - 2
    assert max(layer.zeros for layer in layers) < 0.8


def test_a_dead_network_is_told_and_made_to_live():
    network = random_network(0)
    layers = [
        Layer.model_validate(dict(layer) | {"bias": np.full_like(layer.bias, -(1 << 12))})
        for layer in network.layers
    ]
    dead, images = (
        Network.model_validate(dict(network) | {"layers": layers}),
        random_images(network, 2),
    )
    assert [layer.alive for layer in liveness(dead, images)] == [False, False, False]
    assert all(layer.alive for layer in liveness(enlivened(dead, images), images))


def test_what_was_seen():
    seen, network = Seen(), streamed(residual_network(1))
    images = random_images(network, 2)
    seen.add(AcceleratorConfig(), network, images)
    assert seen.layers["scores", "plain"] == 1 and seen.layers["pooled", "stream mode"] == 0
    assert seen.bounds["weight 0"] == 1 and seen.bounds["one pixel"] == 0
    table = seen.table()
    assert all(f"| {kind} |" in table for kind in KINDS)
    assert all(bound in table for bound in BOUNDS)
