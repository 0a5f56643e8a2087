"""The exact rule: sound at every cycle, and as early as its knowledge allows (brute force)."""

from itertools import product

import numpy as np
import pytest
from convolutions import lane_bits
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import random_layer, random_network
from strategies import banks

from bitrain import golden
from bitrain.golden import decided_after
from bitrain.spec import Layer, Network, Shape


@st.composite
def scores_networks(draw, inputs: int, classes: int, length: int):
    """One linear layer of 2 bits and of any weights and sequences."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    layer = random_layer(
        rng, Shape(inputs, 1, 1), classes, bits=2, length=length, kind="linear", relu=False
    )
    bank = draw(banks(2, 2)), draw(banks(2, 2))
    return Network(name="scores", activation_bank=bank[0], weight_bank=bank[1], layers=(layer,))


def all_inputs(network: Network) -> np.ndarray:
    values = product(range(network.one + 1), repeat=network.in_shape.size)
    return np.array(list(values)).reshape(-1, *network.in_shape)


def streams(network: Network, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bits of the activations (K, L), and of the weights with their signs (out, K, L)."""
    layer = network.layers[0]
    lanes, length = np.arange(layer.num_inputs), layer.stream_length
    x = lane_bits(network.activation_bank, lanes, image.ravel(), length)
    bits = lane_bits(network.weight_bank, lanes, np.abs(layer.weight_matrix), length)
    return x.astype(int), np.sign(layer.weight_matrix[:, :, None]) * bits


def winners(network: Network, image: np.ndarray, cycle: int, bound: str) -> set[int]:
    """Every class that could win after ``cycle``, each future tried."""
    layer = network.layers[0]
    x, w = streams(network, image)
    scores = layer.bias + (w[:, :, :cycle] * x[:, :cycle]).sum((1, 2))
    left = layer.stream_length - cycle
    if bound == "streams":
        futures = product((0, 1), repeat=layer.num_inputs * left)
        gains = [
            (w[:, :, cycle:] * np.reshape(bits, (layer.num_inputs, left))).sum((1, 2))
            for bits in futures
        ]
    else:
        matrix = layer.weight_matrix
        low, high = -left * (matrix < 0).sum(1), left * (matrix > 0).sum(1)
        gains = product(*(range(a, b + 1) for a, b in zip(low, high, strict=True)))
    return {int(np.argmax(scores + gain)) for gain in gains}


@pytest.mark.parametrize("bound", ["signs", "streams"])
@settings(deadline=None, max_examples=12)
@given(network=scores_networks(inputs=2, classes=3, length=4), data=st.data())
def test_decided_exactly_when_one_class_is_left(network, data, bound):
    image = data.draw(st.sampled_from(list(all_inputs(network))))
    (cycles,) = decided_after(network, image[None], bound)
    for cycle in range(network.layers[0].stream_length + 1):
        assert (len(winners(network, image, cycle, bound)) == 1) == (cycle >= cycles)


@settings(deadline=None, max_examples=25)
@given(network=scores_networks(inputs=3, classes=4, length=4))
def test_what_is_decided_is_the_class(network):
    """The best class at that cycle is the one that the golden model gives in the end."""
    images = all_inputs(network)
    final = golden.predict(network, images).argmax(1)
    by_signs = decided_after(network, images)
    by_streams = decided_after(network, images, "streams")
    assert (by_streams <= by_signs).all()
    for image, cycle, expected in zip(images, by_streams, final, strict=True):
        x, w = streams(network, image)
        scores = network.layers[0].bias + (w[:, :, :cycle] * x[:, :cycle]).sum((1, 2))
        assert scores.argmax() == expected


def test_ties_go_to_the_lower_class():
    """Equal classes: the upper one can never win, so all is decided at once."""
    network = random_network(1, bits=2, length=4)
    layer = Layer(
        kind="linear",
        name="twins",
        in_shape=Shape(1, 1, 1),
        weight=np.full((2, 1, 1, 1), 3),
        bias=np.zeros(2, int),
        stream_length=4,
        relu=False,
    )
    network = Network.model_validate(dict(network) | {"layers": (layer,)})
    assert decided_after(network, np.full((1, 1, 1, 1), 4), "streams").tolist() == [0]
    assert decided_after(network, np.full((1, 1, 1, 1), 4), "signs").tolist() == [4]


def test_input_of_the_last_layer_may_come_as_the_layer_before_stored_it():
    network = random_network(3, bits=4)
    images = np.random.default_rng(0).integers(0, 17, (5, *network.in_shape))
    stored = golden.run(network, images)[-2]
    flat = stored.reshape(5, -1, 1, 1)
    assert stored.shape != flat.shape
    assert np.array_equal(decided_after(network, stored), decided_after(network, flat))


def test_several_positions_are_refused():
    network = random_network(0, bits=2)
    scores = random_layer(np.random.default_rng(0), Shape(1, 2, 2), 3, bits=2, length=4, relu=False)
    network = Network.model_validate(dict(network) | {"layers": (scores,)})
    with pytest.raises(ValueError, match="several positions"):
        decided_after(network, np.zeros((1, 1, 2, 2), int))
