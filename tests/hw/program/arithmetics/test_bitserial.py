"""Bit-serial integers: what the program makes of a network."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import random_images, random_network, residual_network
from strategies import networks

from bitrain import golden
from bitrain.cost import estimate
from bitrain.program import Array, Program
from bitrain.spec import BitrainError

ARRAY = Array(channels=2, positions=3, lanes=4, arithmetic="bitserial")


@settings(deadline=None, max_examples=40)
@given(network=networks(shortcut=True), seed=st.integers(0, 1000))
def test_scores_of_all_runs_are_within_the_range(network, seed):
    program = Program(network, ARRAY, run_time_length=True)
    limit = 1 << (program.score_bits - 1)
    for shorter in program.prefixes.values():
        images = random_images(network, 2, seed)
        scores = golden.run_shorter(network, shorter, images, "bitserial")[-1]
        assert -limit <= scores.min() <= scores.max() < limit
    assert program.count_bits == program.score_bits


@pytest.mark.parametrize("bits", [2, 3, 5])
def test_a_chunk_takes_a_cycle_for_each_pair_of_bits(bits):
    network = random_network(1, bits=bits, length=2)
    program = Program(network, ARRAY)
    assert {descriptor.last_cycle for descriptor in program.descriptors} == {bits**2 - 1}
    few, many = (estimate(Program(random_network(1, bits=n), ARRAY)).latency for n in (2, 5))
    assert few < many


def test_runs_of_fewer_bits():
    program = Program(random_network(1, bits=4), ARRAY, run_time_length=True)
    assert program.bits_lost == {16: 0, 8: 1, 4: 2}
    cycles = [each.chunk_cycles[0] for each in program.prefix_programs.values()]
    assert cycles == [16, 9, 4]


@pytest.mark.parametrize("run_time_length", [False, True])
def test_words_of_biases(run_time_length):
    """What is counted too much is in the bias, or what it takes to know it beside it."""
    network = residual_network(1, bits=3)
    program = Program(network, ARRAY, run_time_length=run_time_length)
    layer, sums = network.layers[0], program.sums[0]
    negatives = (layer.weight_matrix < 0).sum(1)
    excess = 0 if run_time_length else 49 * negatives
    np.testing.assert_array_equal(sums.constants, sums.biases - excess)
    start = program.score_bits + program.upscale_bits
    for channel, word in enumerate(program.bias_words[: layer.out_channels]):
        assert word & (1 << program.score_bits) - 1 == sums.constants[channel] % (
            1 << program.score_bits
        )
        assert word >> start == (negatives[channel] if run_time_length else 0)
    assert program.bias_bits == start + program.negative_bits
    assert (program.negative_bits > 0) == run_time_length


def test_exits_are_in_the_unit_of_the_scores():
    network = random_network(1, bits=4)
    exits = ({"length": 4, "margin": 5}, {"length": 8, "margin": 7})
    network = network.model_validate(dict(network) | {"exits": exits})
    program = Program(network, ARRAY, early_termination=True)
    assert program.exits == {4: 5 << 4, 8: 7 << 2}


def test_refused():
    with pytest.raises(BitrainError, match="skip_zeros is of chunks of streams, and bitserial"):
        Program(random_network(0), ARRAY, skip_zeros=True)
