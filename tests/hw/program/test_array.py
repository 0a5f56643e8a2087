"""The size of an array, and how many generators it has."""

import pytest

from bitrain.program import Array, Sharing


@pytest.mark.parametrize(
    ("sharing", "arithmetic", "sngs"),
    [
        (Sharing.SHARED, "stochastic", (3 + 5) * 8),
        (Sharing.UNSHARED, "stochastic", 2 * 3 * 5 * 8),
        (Sharing.SHARED, "binary", 0),
    ],
)
def test_generators(sharing, arithmetic, sngs) -> None:
    array = Array(channels=3, positions=5, lanes=8, sharing=sharing, arithmetic=arithmetic)
    assert (array.neurons, array.multipliers, array.sngs) == (15, 120, sngs)


def test_large_population_counts_are_pipelined() -> None:
    assert not Array(lanes=16).pipelined
    assert Array(lanes=17).pipelined
    assert not Array(channels=8, positions=4, lanes=16).pipelined
    assert Array(channels=8, positions=5, lanes=16).pipelined
    assert not Array(lanes=64, arithmetic="binary").pipelined


@pytest.mark.parametrize("width", [1, 2, 4, 8])
def test_a_width_reads_and_sends_several_at_a_time(width) -> None:
    array = Array(channels=8, positions=3, lanes=16, width=width)
    assert array.leaving_cycles * width == 8 * 3
    assert array.loading_cycles * width == 16
    assert (array.neurons, array.multipliers) == (24, 384)
