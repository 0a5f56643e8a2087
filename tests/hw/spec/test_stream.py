"""Stream mode's contract: what is refused, and the bounds that hardware is built for."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import (
    random_bank,
    random_images,
    random_layer,
    random_network,
    residual_network,
    streamed,
)
from pydantic import ValidationError
from strategies import networks

from bitrain import golden
from bitrain.cost import estimate
from bitrain.program import Array, Program
from bitrain.spec import (
    BitrainError,
    Layer,
    MaxPool2d,
    Network,
    Shape,
    load_network,
    save_network,
    with_prefix,
)
from bitrain.spec.stream import first_emitting, state_range, threshold_bits

NETWORK = streamed(random_network(3, bits=4, lanes=4))


def changed(layer: Layer, **fields) -> Layer:
    return Layer.model_validate({**dict(layer), **fields})


def with_layer(network: Network, index: int, layer: Layer) -> Network:
    layers = list(network.layers)
    layers[index] = layer
    return Network.model_validate({**dict(network), "layers": tuple(layers)})


def test_stays_in_the_network_file(tmp_path):
    save_network(NETWORK, tmp_path / "network.npz")
    loaded = load_network(tmp_path / "network.npz")
    assert loaded == NETWORK
    assert [layer.neuron for layer in loaded.layers] == ["stream", "stream", "counter"]


def test_scores_and_shortcuts_are_refused():
    with pytest.raises(ValidationError, match="gives the scores and cannot be in stream mode"):
        changed(NETWORK.layers[-1], neuron="stream")
    with pytest.raises(ValidationError, match="adds a shortcut and cannot be in stream mode"):
        changed(residual_network(0).layers[1], neuron="stream")


def test_thresholds_of_part_of_a_product_bit_are_refused():
    layer = changed(
        NETWORK.layers[0], shift=-1, upscale=np.zeros(NETWORK.layers[0].out_channels, int)
    )
    with pytest.raises(
        ValidationError, match=r"fires at 2\^-1 … 2\^-1 product bits, expected 2\^0"
    ):
        with_layer(NETWORK, 0, layer)
    short = changed(layer, stream_length=8)  # an activation is worth two fires less a bit
    assert threshold_bits(with_layer(NETWORK, 0, short).layers[0], 4).tolist() == [0] * len(
        layer.bias
    )


def test_arrays_that_do_not_suit_are_refused():
    with pytest.raises(BitrainError, match=r"chunks of 4 inputs; choose lanes = 4 or export again"):
        Program(NETWORK, Array(channels=2, positions=4, lanes=8))
    with pytest.raises(BitrainError, match=r"windows of 4 neurons .* choose a multiple of 4"):
        Program(NETWORK, Array(channels=2, positions=6, lanes=4))


def test_prefixes_are_refused():
    with pytest.raises(BitrainError, match="is in stream mode, whose fires a shorter stream"):
        with_prefix(NETWORK, 4)


def test_costs_no_cycle_more_and_one_rom():
    array = Array(channels=2, positions=4, lanes=4)
    stream, counter = (
        estimate(Program(n, array)) for n in (NETWORK, random_network(3, bits=4, lanes=4))
    )
    assert [y.cycles for y in stream.layers] == [y.cycles for y in counter.layers]
    program = Program(NETWORK, array)
    tiles = sum(t.channel_tiles for t in program.tilings[:-1])
    assert stream.stream_rom_bits == (1 + tiles) * 2 * program.stream_widths.channel
    assert counter.stream_rom_bits == 0


@settings(deadline=None, max_examples=40)
@given(network=networks(stream=True), seed=st.integers(0, 100))
def test_states_stay_in_their_range(network, seed):
    """S - θ of every neuron in every cycle, from the definition."""
    rng = np.random.default_rng(seed)
    for layer in network.layers:
        if layer.neuron == "counter":
            continue
        low, high = state_range(layer, network.bits)
        theta = 1 << threshold_bits(layer, network.bits)
        first = first_emitting(layer, network.num_lanes)
        signs = np.sign(layer.weight_matrix)
        bits = rng.random((2, *signs.shape, layer.stream_length)) < rng.random((2, *signs.shape, 1))
        states = layer.bias + (bits[:, :, :first] * signs[:, :first, None]).sum((2, 3)) - theta
        for t in range(layer.stream_length):
            states = states + (bits[:, :, first:, t] * signs[:, first:]).sum(2)
            assert low <= states.min() and states.max() <= high
            states = states - theta * (states >= 0).any(0)


def test_sums_that_never_shrink_fire_exactly():
    """Positive weights: what counter mode gives, if no cycle adds more than a fire takes off."""
    rng = np.random.default_rng(0)
    common: dict[str, Any] = {"bits": 6, "length": 64}
    pool = MaxPool2d(kernel=(2, 2), stride=(2, 2))
    first = random_layer(rng, Shape(2, 7, 7), 6, kernel=(2, 2), pool=pool, **common)
    weight, bias = np.abs(first.weight), np.zeros_like(first.bias)
    first = changed(first, weight=weight, bias=bias, shift=3)
    assert first.num_inputs == 1 << first.shift
    flat = Shape(first.out_shape.size, 1, 1)
    scores = random_layer(rng, flat, 2, kind="linear", relu=False, **common)
    first_bank, second_bank = random_bank(rng, 6, 8), random_bank(rng, 6, 8)
    counter = Network(
        name="positive", layers=(first, scores), activation_bank=first_bank, weight_bank=second_bank
    )
    images = random_images(counter, 4)
    ours, theirs = (golden.run(n, images)[0] for n in (streamed(counter), counter))
    assert theirs.min() > 0 and theirs.max() < 64
    np.testing.assert_array_equal(ours, theirs)
