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
    assert not Array(lanes=64, arithmetic="binary").pipelined
