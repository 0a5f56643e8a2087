"""Errors of layers, and what each of them costs."""

import numpy as np
import pytest
import torch
from networks import random_images, random_network, residual_network, streamed

from bitrain import golden
from bitrain.diagnose.layers import BATCH, gain_of, measure_layers, num_steps
from bitrain.diagnose.reals import real_chain, walk_float
from bitrain.spec import Network, lengthened

COUNT = BATCH + 7


@pytest.fixture(params=[random_network, residual_network])
def network(request) -> Network:
    """With room for longer streams."""
    return request.param(5, length=8)


def measured(network: Network, **options):
    images = random_images(network, COUNT)
    labels = golden.predict(network, images, "binary").argmax(1)
    return images, labels, *measure_layers(network, real_chain(network), images, labels, **options)


def test_accuracies_are_those_of_the_golden_model(network):
    images, labels, accuracy, _ = measured(network)
    streams = golden.predict(network, images).argmax(1)
    assert accuracy["streams"] == pytest.approx(100 * (streams == labels).mean())
    assert accuracy["integers"] == 100


def test_a_longer_stream_gains_what_a_network_with_it_has(network):
    images, labels, _, layers = measured(network)
    before = golden.predict(network, images).argmax(1)
    reals = real_chain(network).chain
    floats = walk_float(reals, torch.from_numpy(images).float() / network.one)[-1]
    floats = floats.flatten(1).argmax(1).numpy()
    for index, layer in enumerate(network.layers):
        changed = list(network.layers)
        changed[index] = lengthened(layer, 2 * layer.stream_length)
        longer = Network.model_validate(dict(network) | {"layers": tuple(changed)})
        after = golden.predict(longer, images).argmax(1)
        assert layers[index].doubled == gain_of(before, after, labels, floats)


def test_whole_streams_cannot_be_longer() -> None:
    *_, layers = measured(random_network(5))
    assert [layer.doubled for layer in layers] == [None] * 3


def test_shares_are_of_the_whole(network):
    *_, layers = measured(network)
    for layer in layers:
        assert layer.streams + layer.rounding + layer.saturation == pytest.approx(1)
        assert 0 <= layer.offset <= 1
        assert 0 <= layer.saturated <= 1
    assert layers[0].own_snr == pytest.approx(layers[0].snr)  # it reads what is right


def test_the_last_layer_in_real_numbers_decides_as_exact_products_do(network):
    images, labels, _, layers = measured(network)
    stored = golden.run(network, images)
    read = golden.layer_inputs(network, images, stored)[-1]
    given = read, (*stored, images)
    exact = golden.run_layer(network, network.layers[-1], *given, "binary").reshape(COUNT, -1)
    before = stored[-1].reshape(COUNT, -1).argmax(1)
    wanted = gain_of(before, exact.argmax(1), labels, labels)
    assert layers[-1].in_float.points == wanted.points
    assert layers[-1].in_float.error == wanted.error


def test_errors_that_are_put_in_are_found():
    """The first layer of another network's real numbers: all else is as it was."""
    network = random_network(4)
    images = random_images(network, COUNT)
    labels = np.zeros(COUNT, np.int64)
    reals = real_chain(network)
    _, before = measure_layers(network, reals, images, labels)
    spoilt = network.layers[0].model_copy(
        update={"bias": (network.layers[0].bias + (8 << max(0, network.layers[0].shift)))}
    )
    changed = Network.model_validate(dict(network) | {"layers": (spoilt, *network.layers[1:])})
    _, after = measure_layers(changed, reals, images, labels)
    assert after[0].own_snr < before[0].own_snr - 3
    assert after[0].offset > 0.5
    for index in range(1, len(network.layers)):
        assert after[index].snr < before[index].snr


def test_dead_channels_and_full_scale_are_counted():
    network = random_network(3)
    first = network.layers[0]
    bias = first.bias.copy()
    bias[0], bias[1] = -(1 << 14), 1 << 14
    spoilt = first.model_copy(update={"bias": bias})
    changed = Network.model_validate(dict(network) | {"layers": (spoilt, *network.layers[1:])})
    *_, layers = measured(changed)
    channels = first.out_channels
    assert layers[0].dead >= 1 / channels
    assert layers[0].saturated >= 1 / channels


def test_it_says_how_far_it_is():
    network = random_network(1)
    steps = []
    images = random_images(network, COUNT)
    labels = np.zeros(COUNT, np.int64)
    measure_layers(network, real_chain(network), images, labels, lambda: steps.append(1))
    assert len(steps) == num_steps(network, COUNT)


def test_stream_mode_has_no_longer_streams():
    network = streamed(random_network(6))
    *_, layers = measured(network)
    assert [layer.doubled for layer in layers[:-1]] == [None, None]


def test_gains_are_told_from_chance() -> None:
    labels = np.arange(20) % 2
    floats = labels.copy()
    floats[:4] = 1 - floats[:4]
    before, after = labels.copy(), labels.copy()
    before[5:9] = 1 - before[5:9]
    after[9] = 1 - after[9]
    found = gain_of(before, after, labels, floats)
    assert (found.points, found.error) == (15.0, pytest.approx(100 * 5**0.5 / 20))
    assert (found.agreement, found.helps) == (15.0, True)
    assert not gain_of(after, before, labels, floats).helps
    same = gain_of(before, before, labels, floats)
    assert (same.points, same.error, same.helps) == (0, 0, False)
    nearer = labels.copy()
    nearer[:2] = floats[:2]  # wrong as the float model is
    nearer[5:7] = before[5:7]
    other = gain_of(before, nearer, labels, floats)
    assert other.points == 0 and other.agreement == 20 and other.helps
