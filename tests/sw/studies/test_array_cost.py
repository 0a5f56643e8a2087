"""Arrays by themselves: what is synthesised is what the network's accelerator has."""

import io
from typing import ClassVar

import pytest
from networks import random_network, streamed
from rich.console import Console

from bitrain.gen.families.resources import Resources
from bitrain.program import Program
from bitrain.studies import array_cost


class Report:
    """What synthesis finds."""

    tools: ClassVar = {"stand-in": "1"}
    resources = Resources(lut=100, carry_lut=10, ff=3)


@pytest.mark.parametrize("fires", [False, True])
def test_neurons_are_those_of_the_network(monkeypatch, tmp_path, fires):
    network = random_network(0, bits=3, lanes=4)
    network = streamed(network) if fires else network
    made = []

    def component(circuit, device, folder, *, name):
        made.append(circuit)
        return Report()

    monkeypatch.setattr(array_cost, "synthesise_component", component)
    console = Console(file=io.StringIO())
    result = array_cost.measure_arrays(network, [(2, 4, 4)], tmp_path / "out", console)
    assert [row["sharing"] for row in result["rows"]] == ["shared", "unshared"]
    for circuit in made:
        assert (circuit.neurons is not None) == fires
        assert circuit.count_bits == Program(network, circuit.array).count_bits
