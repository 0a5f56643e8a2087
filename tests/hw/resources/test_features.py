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
    ram_luts,
)

ECP5, ICE40 = find_device("ecp5-85k"), find_device("ice40-hx8k")
"""With and without DSP blocks and distributed RAM."""


def engines(network=None, **options):
    array = {"channels": 2, "positions": 2, "lanes": 4} | options.pop("array", {})
    config = AcceleratorConfig.model_validate({"array": Array(**array), **options})
    return compile_network(network or random_network(0, bits=4, lanes=4), config)


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
    few, many = features(small, ECP5), features(large, ECP5)
    assert few.keys() == many.keys() <= {block for _, block in BLOCKS}
    assert many["population counts"]["gates"] == 4 * few["population counts"]["gates"] == 64
    assert few["SNGs"]["compared"] == 4 * (2 + 2) * 4
    for block in ("accumulators", "operands", "SNGs"):
        assert all(many[block][name] >= value for name, value in few[block].items()), block


def test_several_engines_have_the_features_of_each():
    one, two = features(engines(), ECP5), features(engines(engines=2), ECP5)
    assert two["loader"]["one"] == 2 * one["loader"]["one"]
    assert two["ports"]["one"] == one["ports"]["one"] and two["ports"]["engines"] == 1


@pytest.mark.parametrize("arithmetic", ["stochastic", "binary", "bitserial"])
def test_blocks_of_each_arithmetic(arithmetic):
    found = features(engines(array={"arithmetic": arithmetic}), ECP5)
    assert ("multipliers" in found) == (arithmetic == "binary")
    assert ("population counts" in found) == ("SNGs" in found) == (arithmetic != "binary")


def test_options_add_features():
    plain = features(engines(), ECP5)
    streamed = features(engines(weights="stream"), ECP5)
    assert "weight buffer" in streamed and "weight buffer" not in plain
    zeros = features(engines(skip_zeros=True), ECP5)
    assert zeros["loader"]["zeros"] > plain["loader"]["zeros"] == 0
    residual = features(engines(residual_network(0, bits=4, lanes=4)), ECP5)
    assert residual["output stage"]["shortcut"] > plain["output stage"]["shortcut"] == 0
    wide = features(engines(worded(random_network(0, lanes=4), 2), array={"width": 2}), ECP5)
    assert wide["operands"]["rotated"] > plain["operands"]["rotated"] == 0


def test_dsp_blocks_and_distributed_ram_of_devices_that_have_them():
    array = {"arithmetic": "binary", "dsp": True, "channels": 3}
    made = engines(array=array)
    assert dsp_blocks(made, ECP5) == 2 * 2 * 4  # two channels in a block, n = 4
    assert dsp_blocks(engines(random_network(0, bits=6, lanes=4), array=array), ECP5) == 24
    assert dsp_blocks(engines(), ECP5) == 0
    assert ram_luts(made, ECP5) > ram_luts(made, ICE40) == 0


def test_the_clock_follows_the_largest_engine():
    one, two = clock_features(engines(), ECP5, 1000), clock_features(engines(engines=2), ECP5, 1000)
    assert one.keys() == two.keys()
    assert one["size"] == two["size"]
