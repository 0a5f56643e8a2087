"""The packed streams of the hot loop: which bit lies where, and that sums of words are right."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitrain.golden.kernel import WORD, accumulate, pack_rows, pack_streams
from bitrain.spec import Lfsr, SngBank

lengths = st.sampled_from([1, 2, 4, 16, 32, 64, 128, 256])


def bits_of(words: np.ndarray, count: int) -> list[int]:
    """The first ``count`` bits of consecutive words, least significant first."""
    return [int(words[t // WORD]) >> t % WORD & 1 for t in range(count)]


@settings(deadline=None, max_examples=30)
@given(length=lengths, num_lanes=st.integers(1, 4), seed=st.integers(0, 255))
def test_streams(length, num_lanes, seed):
    bank = SngBank.wired(Lfsr(width=8, seed=seed), num_lanes, "rotated")
    values = bank.values(length)
    table = pack_streams(values, 256)
    assert table.shape == (num_lanes, 257, max(1, length // WORD))
    for lane in range(num_lanes):
        for number in (0, 1, 77, 255, 256):
            expected = [int(value < number) for value in values[lane]]
            assert bits_of(table[lane, number], length) == expected


@settings(deadline=None, max_examples=30)
@given(length=lengths, num_lanes=st.integers(1, 4), K=st.integers(1, 20), seed=st.integers(0, 1000))
def test_rows_are_streams_one_after_the_other(length, num_lanes, K, seed):
    rng = np.random.default_rng(seed)
    table = pack_streams(SngBank.wired(Lfsr(width=8), num_lanes, "rotated").values(length), 256)
    numbers = rng.integers(0, 257, (3, K)).astype(np.int32)
    packed = pack_rows(numbers, table, length)
    assert packed.shape == (3, -(-K * length // WORD))
    for row, words in zip(numbers, packed, strict=True):
        expected = []
        for k, number in enumerate(row):
            expected += bits_of(table[k % num_lanes, number], length)
        expected += [0] * (words.size * WORD - len(expected))
        assert bits_of(words, words.size * WORD) == expected


@pytest.mark.parametrize("length", [8, 64, 128])
def test_accumulate_counts_signed_products(length):
    """One neuron whose sum is a plain count over all bits."""
    rng = np.random.default_rng(length)
    values = SngBank.wired(Lfsr(width=8), 3, "rotated").values(length)
    table = pack_streams(values, 256)
    numbers = rng.integers(0, 257, (1, 7, 1, 1)).astype(np.int32)
    weights = rng.integers(-256, 257, (1, 7)).astype(np.int32)
    weight_streams = (
        pack_rows(np.maximum(weights, 0), table, length),
        pack_rows(np.maximum(-weights, 0), table, length),
        np.array([1000], np.int32),
    )
    result = accumulate(numbers, ((1, 1), (1, 1), (1, 1)), table, length, weight_streams)
    expected = 1000
    for k in range(7):
        x = values[k % 3] < numbers[0, k, 0, 0]
        w = values[k % 3] < abs(weights[0, k])
        expected += int(np.sign(weights[0, k])) * int((x & w).sum())
    assert result.item() == expected
