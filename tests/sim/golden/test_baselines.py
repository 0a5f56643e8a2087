"""In-stream ReLU and max against what they stand for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitrain.golden import fsm_max, pooled_fire


def random_increments(seed: int, members: int = 4, length: int = 64) -> np.ndarray:
    return np.random.default_rng(seed).integers(-2, 4, (20, members, length))


@given(seed=st.integers(0, 1000), members=st.integers(1, 5), exponent=st.integers(3, 6))
def test_fires_are_the_largest_sum_at_its_height(seed, members, exponent):
    """No cycle adds more than a fire takes off, so that none comes late."""
    increments, theta = random_increments(seed, members), 1 << exponent
    heights = increments.cumsum(2).max((1, 2)) // theta
    assert np.array_equal(pooled_fire(increments, theta).sum(1), np.maximum(heights, 0))


@given(seed=st.integers(0, 1000))
def test_max_of_streams_emits_exactly_the_largest_count(seed):
    """Increments of 0 and 1 and θ = 1: the difference counter, for any correlation."""
    bits = np.random.default_rng(seed).integers(0, 2, (10, 3, 32))
    assert np.array_equal(pooled_fire(bits, 1).sum(1), bits.sum(2).max(1))


def test_states_that_are_wide_enough_never_saturate():
    increments = random_increments(0)
    assert np.array_equal(pooled_fire(increments, 8, -300, 300), pooled_fire(increments, 8))


def test_a_floor_of_zero_forgets_and_fires_more():
    increments = random_increments(1) - 1
    exact, floored = pooled_fire(increments, 8).sum(), pooled_fire(increments, 8, 0).sum()
    assert floored > exact


@pytest.mark.parametrize("state_bits", [1, 3, 5])
def test_multiplexers_pass_on_a_stream_of_one_winner(state_bits):
    bits = np.zeros((1, 4, 64), bool)
    bits[0, 2] = True
    passed = fsm_max(bits, state_bits)
    assert 64 - 2 * (1 << state_bits) <= passed.sum() <= 64
    assert passed[0, -1]


def test_multiplexers_err_where_streams_are_alike():
    bits = np.random.default_rng(0).random((200, 4, 64)) < 0.5
    errors = fsm_max(bits, 4).sum(1) - bits.sum(2).max(1)
    assert errors.mean() < -1
