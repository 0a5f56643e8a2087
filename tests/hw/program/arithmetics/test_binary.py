"""Binary arithmetic: what the program makes of a network, and what it refuses."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import random_images, random_network, residual_network, streamed
from strategies import networks

from bitrain import golden
from bitrain.cost import estimate
from bitrain.cost.cycles import LAYER_OVERHEAD, SHORTCUT_OVERHEAD, layer_cycles
from bitrain.program import Array, Program, Sharing
from bitrain.spec import BitrainError, Layer, Network, Shape

BINARY = Array(channels=2, positions=3, lanes=1, arithmetic="binary")


@settings(deadline=None, max_examples=60)
@given(network=networks(shortcut=True), seed=st.integers(0, 1000))
def test_scores_are_within_the_range(network, seed):
    program = Program(network, BINARY)
    scores = golden.run(network, random_images(network, 3, seed), "binary")[-1]
    limit = 1 << (program.score_bits - 1)
    sums = program.sums[-1]
    assert -limit <= sums.low <= scores.min() <= scores.max() <= sums.high < limit
    assert program.count_bits == program.score_bits
    assert all(descriptor.last_cycle == 0 for descriptor in program.descriptors)
    assert program.left_shift + min((y.shift for y in program.sums[:-1]), default=0) >= 0


@pytest.mark.parametrize(("weight", "bias", "bits"), [(1, 0, 4), (-1, 0, 3), (4, 0, 6), (-4, 1, 5)])
def test_score_width_is_the_least(weight, bias, bits):
    """One input up to 4 = 2^n; a bias at L = 2 is worth 8 units."""
    network = random_network(0, bits=2, lanes=1)
    last = Layer(
        kind="linear",
        name="scores",
        in_shape=Shape(1, 1, 1),
        weight=np.full((1, 1, 1, 1), weight),
        bias=np.array([bias]),
        stream_length=2,
        relu=False,
    )
    program = Program(network.model_copy(update={"layers": (last,)}), BINARY)
    (word,) = program.bias_words[:1]
    assert program.score_bits == bits
    assert word == (8 * bias + (weight < 0)) % (1 << program.score_bits)


def test_stream_length_and_mode_play_no_part_in_cycles():
    costs = []
    for length in (1, 4, 16):
        network = random_network(3, bits=4, lanes=4, length=length)
        costs += [estimate(Program(network, BINARY)), estimate(Program(streamed(network), BINARY))]
    assert len({cost.latency for cost in costs}) == 1
    tilings = Program(network, BINARY).tilings
    cycles = [layer_cycles(tiling, BINARY, 1, LAYER_OVERHEAD) for tiling in tilings]
    assert [layer.cycles for layer in costs[0].layers] == cycles
    residual = estimate(Program(residual_network(0), BINARY)).layers[0].cycles
    tiling = Program(residual_network(0), BINARY).tilings[0]
    assert residual == layer_cycles(tiling, BINARY, 1) + SHORTCUT_OVERHEAD


def test_one_lane_is_as_fast_as_as_many_as_the_stream_is_long():
    network = random_network(1, bits=4, lanes=4, in_shape=(4, 8, 8))
    streams = Array(channels=2, positions=3, lanes=16)
    binary, stochastic = estimate(Program(network, BINARY)), estimate(Program(network, streams))
    assert binary.latency <= stochastic.latency


def test_stream_mode_leaves_nothing_behind():
    program = Program(streamed(random_network(1, bits=3, lanes=2)), BINARY)
    plain = Program(random_network(1, bits=3, lanes=2), BINARY)
    assert program.stream_layers == [] and program.stream_rom_bits == 0
    assert program.field_widths.keys() == plain.field_widths.keys()


def too_wide() -> Network:
    network = random_network(0, bits=8, lanes=1)
    bias = np.full_like(network.layers[0].bias, 1 << 20)
    first = network.layers[0].model_copy(update={"bias": bias, "stream_length": 1})
    return network.model_copy(update={"layers": (first, *network.layers[1:])})


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: Program(random_network(0), BINARY, run_time_length=True),
            "a length chosen at run time is of streams or of bit-serial integers, and products",
        ),
        (
            lambda: Program(
                random_network(0), BINARY.model_copy(update={"sharing": Sharing.UNSHARED})
            ),
            "array: sharing = unshared is of SNGs, and binary arithmetic has none",
        ),
        (lambda: Program(too_wide(), BINARY), "in binary arithmetic, over 31 bits"),
    ],
)
def test_refused(build, message):
    with pytest.raises(BitrainError, match=message):
        build()
