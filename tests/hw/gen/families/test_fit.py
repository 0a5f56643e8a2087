"""Block RAM of the memories before synthesis: counts, and what would fit instead."""

import numpy as np
import pytest
from networks import padded_network, random_bank, random_layer, random_network, residual_network

from bitrain.gen.families.devices import DEVICES, find_device
from bitrain.gen.families.fit import memory_needs, memory_problem
from bitrain.program import Array, Program
from bitrain.spec import Network, Shape


def large() -> Network:
    return random_network(0, bits=4, lanes=2, in_shape=(4, 40, 40))


@pytest.mark.parametrize("build", [large, residual_network, padded_network])
def test_needs_are_the_programs_memories(build):
    network = build()
    array = Array(channels=3, positions=5, lanes=4)
    program = Program(network, array)
    needs = {need.name: need for need in memory_needs(program, find_device("ecp5-85k"))}
    assert needs["weights"].depth == len(program.weight_words)
    assert needs["biases"].depth == len(program.bias_words)
    assert needs["activations"].depth == program.activation_depth
    assert needs["activations"].copies == 5 + program.has_shortcut
    assert ("padding values" in needs) == (build is padded_network)
    if build is padded_network:
        assert needs["padding values"].depth == len(program.padding_words)
        assert needs["padding values"].width == program.activation_bits
    if build is not padded_network:  # whose tiles lack channels
        widest = max(word.bit_length() for word in program.weight_words)
        assert needs["weights"].width - 3 < widest <= needs["weights"].width


def test_what_fits_is_not_mentioned():
    program = Program(random_network(0, lanes=4), Array(channels=2, positions=2, lanes=4))
    assert all(memory_problem(program, device) is None for device in DEVICES.values())


def test_what_does_not_fit_is_named_with_what_would():
    network = large()
    program = Program(network, Array(channels=4, positions=8, lanes=4))
    device = find_device("ice40-hx8k")
    needs = memory_needs(program, device)
    total = sum(need.blocks for need in needs)
    problem = memory_problem(program, device)
    assert problem is not None
    copy = needs[0].blocks // 8
    assert problem.startswith(
        f"memories do not fit ice40-hx8k: about {total} block RAMs of 32, {total - 32} too many; "
        f"activations take {8 * copy} (8 x {program.activation_depth} words of 5 bits); "
    )
    advice = problem.rpartition("; ")[2].removesuffix(" would fit").split(" or ")
    changes = dict(option.split(" = ") for option in advice if "=" in option)
    assert changes.keys() <= {"P", "Q", "N", "n"}
    if "Q" in changes:
        fitting = Program(network, Array(channels=4, positions=int(changes["Q"]), lanes=4))
        assert memory_problem(fitting, device) is None
        more = Program(network, Array(channels=4, positions=int(changes["Q"]) + 1, lanes=4))
        assert memory_problem(more, device) is not None
    assert "device ecp5-25k" in advice


def test_nothing_fits():
    network = random_network(0, bits=4, lanes=2, in_shape=(4, 700, 700))
    assert network.in_shape == Shape(4, 700, 700)
    problem = memory_problem(Program(network, Array(lanes=4)), find_device("ecp5-85k"))
    assert problem is not None and problem.endswith("; choose a smaller network")


def test_weights_from_outside_are_proposed_where_they_are_what_does_not_fit():
    rng, device = np.random.default_rng(0), find_device("ice40-hx8k")
    layers = [
        random_layer(rng, Shape(400, 1, 1), channels, bits=4, length=16, kind="linear", relu=more)
        for channels, more in ((400, True), (10, False))
    ]
    bank = random_bank(rng, 4, 4)
    network = Network(name="wide", layers=tuple(layers), activation_bank=bank, weight_bank=bank)
    array = Array(channels=4, positions=1, lanes=4)
    problem = memory_problem(Program(network, array, run_time_length=True), device)
    assert problem is not None and "; weights take " in problem
    assert "; weights = stream or " in problem
    streamed = Program(network, array, run_time_length=True, weights="stream")
    assert memory_problem(streamed, device) is None
    needs = {need.name: need for need in memory_needs(streamed, device)}
    assert needs["weights"].depth == 2 * 400
    # Where activations do not fit either, it is no way out.
    crowded = Program(large(), Array(channels=4, positions=8, lanes=4))
    assert "stream" not in str(memory_problem(crowded, device))
