"""Features: every block of a circuit has some, and they grow with what it is made of."""

import pytest
from networks import random_network, residual_network, worded

from bitrain.accelerator import compile_network
from bitrain.gen.families.devices import find_device
from bitrain.program import AcceleratorConfig, Array
from bitrain.resources.features import (
    BLOCKS,
    block_of,
    clock_features,
    dsp_blocks,
    features,
    needs_of,
    ram_luts,
)

ECP5, ICE40 = find_device("ecp5-85k"), find_device("ice40-hx8k")
"""With and without DSP blocks and distributed RAM."""


def engines(network=None, **options):
    array = {"channels": 2, "positions": 2, "lanes": 4} | options.pop("array", {})
    config = AcceleratorConfig.model_validate({"array": Array(**array), **options})
    return compile_network(network or random_network(0, bits=4, lanes=4), config)


def features_of(made):
    return features(made, needs_of(made, ECP5))


@pytest.mark.parametrize(
    ("path", "block"),
    [
        ("", "ports"),
        ("core.accelerator.engine", "engine"),
        ("engine.array", "accumulators"),
        ("engine.array.weight_sngs.source", "SNGs"),
        ("engine.array.population_count_#", "population counts"),
        ("engine.array.multiplier_#_#", "multipliers"),
        ("engine#.loader.walker.window_rows", "loader"),
        ("core.accelerator.engine.activations$#.bank#", "activation RAM"),
        ("core.accelerator.engine.writeback.max_pool_#", "output stage"),
        ("core.accelerator.engine.scores$#", "scores"),
        ("core.accelerator.weight_buffer", "weight buffer"),
        ("core.registers", "ports"),
    ],
)
def test_block_of_an_instance(path, block):
    assert block_of(path) == block


def test_blocks_grow_with_what_they_are_made_of():
    small, large = engines(), engines(array={"channels": 4, "lanes": 8})
    few, many = features_of(small), features_of(large)
    assert few.keys() == many.keys() <= {block for _, block in BLOCKS}
    assert few["population counts"]["full adders"] == 4 * 1
    assert many["population counts"]["full adders"] == 8 * 4
    assert few["SNGs"]["compared weights"] == few["SNGs"]["compared activations"] == 4 * 2 * 4
    for block in ("accumulators", "operands", "SNGs"):
        assert all(many[block][name] >= value for name, value in few[block].items()), block


def test_several_engines_have_the_features_of_each():
    one, two = features_of(engines()), features_of(engines(engines=2))
    assert two["loader"]["one"] == 2 * one["loader"]["one"]
    assert two["ports"]["one"] == one["ports"]["one"] and two["ports"]["engines"] == 1


@pytest.mark.parametrize("arithmetic", ["stochastic", "binary", "bitserial"])
def test_blocks_of_each_arithmetic(arithmetic):
    found = features_of(engines(array={"arithmetic": arithmetic}))
    assert ("multipliers" in found) == (arithmetic == "binary")
    assert ("population counts" in found) == ("SNGs" in found) == (arithmetic != "binary")


def test_options_add_features():
    plain = features_of(engines())
    streamed = features_of(engines(weights="stream"))
    assert "weight buffer" in streamed and "weight buffer" not in plain
    zeros = features_of(engines(skip_zeros=True))
    assert zeros["loader"]["zeros"] > plain["loader"]["zeros"] == 0
    residual = features_of(engines(residual_network(0, bits=4, lanes=4)))
    assert residual["output stage"]["shortcut"] > plain["output stage"]["shortcut"] == 0
    wide = features_of(engines(worded(random_network(0, lanes=4), 2), array={"width": 2}))
    assert wide["operands"]["rotated"] > plain["operands"]["rotated"] == 0


def test_dsp_blocks_and_distributed_ram_of_devices_that_have_them():
    array = {"arithmetic": "binary", "dsp": True, "channels": 3}
    made = engines(array=array)
    assert dsp_blocks(made, ECP5) == 2 * 2 * 4  # two channels in a block, n = 4
    assert dsp_blocks(engines(random_network(0, bits=6, lanes=4), array=array), ECP5) == 24
    assert dsp_blocks(engines(), ECP5) == 0
    assert dsp_blocks(engines(residual_network(0, bits=4, lanes=4)), ECP5) == 1  # its gains
    rams = [ram_luts(needs_of(made, device), device) for device in (ECP5, ICE40)]
    assert rams[0] > rams[1] == 0 and rams[0] % 6 == 0


def test_the_clock_follows_the_largest_engine():
    one, two = (
        clock_features(made, needs_of(made, ECP5), 1000) for made in (engines(), engines(engines=2))
    )
    assert one.keys() == two.keys()
    assert one["size"] == two["size"]
