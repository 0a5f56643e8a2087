"""Cycles where chunks of zeros are left out; test_skip_zeros of tests/hw/rtl holds them against the
hardware."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import grouped_network, random_network, residual_network, streamed

from bitrain.cost import estimate, skipping_cycles
from bitrain.cost.cycles import LAYER_OVERHEAD, layer_cycles
from bitrain.cost.zero_chunks import layer_skipping_cycles
from bitrain.program import Array, Program, Tiling
from bitrain.spec import BitrainError

tilings = st.builds(
    Tiling,
    positions=st.just(1),
    channel_tiles=st.integers(1, 4),
    position_tiles=st.integers(1, 5),
    chunks=st.integers(1, 5),
    window=st.just(1),
)
arrays = st.builds(
    Array, channels=st.integers(1, 6), positions=st.integers(1, 20), lanes=st.integers(1, 20)
)
lengths = st.sampled_from([1, 2, 4, 8, 16, 32])
seeds = st.integers(0, 2**32 - 1)


def drawn(tiling: Tiling, seed: int, images: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.random((images, tiling.tiles, tiling.chunks)) < rng.random()


@settings(deadline=None, max_examples=200)
@given(tiling=tilings, array=arrays, length=lengths)
def test_without_zeros_the_closed_form(tiling, array, length):
    none = np.zeros((2, tiling.tiles, tiling.chunks), bool)
    expected = layer_cycles(tiling, array, length)
    assert layer_skipping_cycles(tiling, array, length, none).tolist() == [expected] * 2


@settings(deadline=None, max_examples=100)
@given(tiling=tilings, array=arrays, length=lengths)
def test_zeros_alone_wait_for_loader_and_results(tiling, array, length):
    """One cycle of streams ends a tile."""
    zero = np.ones((1, tiling.tiles, tiling.chunks), bool)
    P, Q, N = array.channels, array.positions, array.lanes
    tile = max(tiling.chunks * N, P * Q)
    expected = Q + tiling.chunks * N + 1 + (tiling.tiles - 1) * tile + P * Q + LAYER_OVERHEAD
    assert layer_skipping_cycles(tiling, array, length, zero) == expected


@settings(deadline=None, max_examples=100)
@given(tiling=tilings, array=arrays, length=lengths, seed=seeds)
def test_images_do_not_depend_on_each_other(tiling, array, length, seed):
    zero = drawn(tiling, seed, 3)
    together = layer_skipping_cycles(tiling, array, length, zero)
    alone = [layer_skipping_cycles(tiling, array, length, one[None])[0] for one in zero]
    assert together.tolist() == alone


@settings(deadline=None, max_examples=200)
@given(tiling=tilings, array=arrays, length=lengths, seed=seeds)
def test_one_more_zero_never_takes_more_cycles(tiling, array, length, seed):
    fewer = drawn(tiling, seed)
    more = fewer.copy()
    more.flat[seed % more.size] = True
    cycles = layer_skipping_cycles(tiling, array, length, np.concatenate([fewer, more]))
    assert cycles[1] <= cycles[0] <= layer_cycles(tiling, array, length)


def test_streams_hide_the_loading_of_zeros():
    """L = 8, N = 4: a chunk at work, two zero ones beside it, and so on."""
    tiling = Tiling(positions=1, channel_tiles=1, position_tiles=1, chunks=7, window=1)
    array = Array(channels=1, positions=1, lanes=4)
    zero = np.array([[[False, True, False, True, True, True, False]]])
    # Loaded at 5; streams 5 … 13 and 13 … 21, loading 13 … 29; streams 29 … 37.
    assert layer_skipping_cycles(tiling, array, 8, zero) == 37 + 1 + LAYER_OVERHEAD


def test_a_walk_over_positions_can_hold_the_loader_up():
    """One input per neuron, nine positions to find: after a tile at work, streams wait for it."""
    tiling = Tiling(positions=27, channel_tiles=1, position_tiles=3, chunks=1, window=1)
    array = Array(channels=1, positions=9, lanes=1)
    zero = np.array([[[True], [True], [False]]])
    # Found at 9, 18 and 27, loaded a cycle later; 32 cycles of streams; nine results.
    assert layer_skipping_cycles(tiling, array, 32, zero) == 28 + 32 + 9 + LAYER_OVERHEAD


@pytest.mark.parametrize("build", [random_network, residual_network, grouped_network])
def test_networks_without_zeros_take_what_is_estimated(build):
    network = build(2, lanes=2)
    program = Program(network, Array(channels=2, positions=3, lanes=4), skip_zeros=True)
    none = [
        np.zeros((2, layer.groups, tiling.position_tiles, tiling.chunks), bool)
        for layer, tiling in zip(network.layers, program.tilings, strict=True)
    ]
    expected = [
        layer.cycles for layer in estimate(Program(network, program.array, skip_zeros=True)).layers
    ]
    assert skipping_cycles(program, none).T.tolist() == [expected] * 2


def test_biases_are_bare():
    network = random_network(1, lanes=2)
    array = Array(channels=2, positions=3, lanes=4)
    sums = Program(network, array, skip_zeros=True).sums
    for own, usual, layer in zip(sums, Program(network, array).sums, network.layers, strict=True):
        assert own.constants.tolist() == layer.bias.tolist()
        assert (own.low, own.high, own.largest_count) == (
            usual.low,
            usual.high,
            usual.largest_count,
        )


def test_what_cannot_be_skipped_is_refused():
    network, array = random_network(1, lanes=4), Array(channels=2, positions=4, lanes=4)
    binary = array.model_copy(update={"arithmetic": "binary"})
    with pytest.raises(BitrainError, match="skip_zeros is of chunks of streams, and binary"):
        Program(network, binary, skip_zeros=True)
    with pytest.raises(BitrainError, match=r"skip_zeros: layer '\w+' is in stream mode"):
        Program(streamed(network), array, skip_zeros=True)
    with pytest.raises(BitrainError, match="skip_zeros: with OR groups each chunk counts one too"):
        Program(network.model_copy(update={"or_lanes": 2}), array, skip_zeros=True)
