"""The fastest arrays are those that the cost model finds fastest."""

import itertools

import pytest
from networks import random_network, residual_network, streamed

from bitrain.cost import estimate
from bitrain.cost.array_shapes import fastest_arrays
from bitrain.program import AcceleratorConfig, Array, Program, check_conflicts
from bitrain.spec import BitrainError


@pytest.mark.parametrize("make", [random_network, residual_network])
def test_they_are_what_the_cost_model_says(make):
    network = make(1, bits=3, lanes=2)
    found = fastest_arrays(network, 12, count=3)
    shapes = itertools.product(range(1, 7), range(1, 7), (2, 4, 6, 8, 10, 12))
    costs = [
        estimate(Program(network, Array(channels=p, positions=q, lanes=n)))
        for p, q, n in shapes
        if p * q * n <= 12
    ]
    totals = sorted(cost.latency for cost in costs)
    assert [choice.latency for choice in found] == totals[:3]
    for choice in found:
        layers = estimate(Program(network, choice.array)).layers
        assert choice.array.multipliers <= 12
        assert choice.useful == pytest.approx([layer.utilisation for layer in layers])


def test_windows_in_stream_mode_need_their_positions():
    network = streamed(random_network(1, bits=3, lanes=2))
    windows = {layer.pool_window.kernel for layer in network.layers}
    assert windows != {(1, 1)}
    for choice in fastest_arrays(network, 40):
        check_conflicts(AcceleratorConfig(array=choice.array), network)


def test_too_few_multipliers():
    with pytest.raises(BitrainError, match=r"3 multipliers.*4 lanes"):
        fastest_arrays(random_network(0, lanes=4), 3)
