"""Placing and routing a netlist with nextpnr, and reading its report."""

import json
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..families.family import Device, Family
from .tools import run_tool

ROUTED = "routed.txt"

Router = Literal["router1", "router2"]
"""nextpnr's: the first one wire by wire and by timing, the second all at once, for large circuits
where the first finds no end."""


@dataclass(frozen=True, kw_only=True)
class CriticalPath:
    """The slowest path between registers (or memories)."""

    source: str
    """Signal of the register where it begins."""
    sink: str
    """Signal of the register where it ends."""
    logic_ns: float
    """Clock to output, LUTs, carries and set-up."""
    routing_ns: float
    levels: int
    """Cells between the two registers."""


def place_and_route(
    build: Path,
    top: str,
    device: Device,
    *,
    seed: int,
    frequency: float,
    router: Router = "router1",
    pins: str | None = None,
    limit_s: float | None = None,
) -> tuple[dict[str, Any], float]:
    """Place and route ``netlist.json`` of a build folder; return the report and seconds taken.

    ``pins``: constraints of all ports; then ``routed.txt`` is what the packer takes. ``limit_s``:
    seconds until it is given up.
    """
    log = build / "nextpnr.log"
    arguments = ["-q", "-l", log.name, "--json", "netlist.json", "--top", top]
    arguments += ["--seed", str(seed), "--freq", f"{frequency:g}", "--timing-allow-fail"]
    arguments += [*device.route_options, "--router", router, "--report", "report.json"]
    if pins is not None:
        (build / "pins.txt").write_text(pins, encoding="utf-8")
        arguments += [device.family.constraint_option, "pins.txt"]
        arguments += [device.family.routed_option, ROUTED]
    start = time.perf_counter()
    run_tool(device.family.route_tool, arguments, cwd=build, log=log, limit_s=limit_s)
    seconds = round(time.perf_counter() - start, 2)
    return json.loads((build / "report.json").read_text(encoding="utf-8")), seconds


def read_timing(report: dict[str, Any], family: Family) -> tuple[float | None, CriticalPath | None]:
    """Highest clock frequency (MHz) and what limits it; None for circuits without registers."""
    if not report["fmax"]:
        return None, None
    fmax = round(min(clock["achieved"] for clock in report["fmax"].values()), 2)
    paths = [
        path["path"]
        for path in report["critical_paths"]
        if path["from"].startswith("posedge") and path["to"].startswith("posedge")
    ]
    if not paths:
        return fmax, None
    path = max(paths, key=lambda path: sum(segment["delay"] for segment in path))
    delays = {True: 0.0, False: 0.0}
    for segment in path:
        delays[segment["type"] == "routing"] += segment["delay"]
    return fmax, CriticalPath(
        source=_signal(path[0]["from"]["cell"], family),
        sink=_signal(path[-1]["to"]["cell"], family),
        logic_ns=round(delays[False], 2),
        routing_ns=round(delays[True], 2),
        levels=sum(segment["type"] == "logic" for segment in path),
    )


def _signal(cell: str, family: Family) -> str:
    """The signal (or memory) that a cell belongs to: its name less what the tools append."""
    appended = rf"(\[\d+\]|(\.\d+)+(_RAM)?$|_({'|'.join(family.cell_names)})|(?<=\w)\$).*"
    return re.sub(appended, "", cell).lstrip("\\")
