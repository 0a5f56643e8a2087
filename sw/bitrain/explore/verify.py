"""The few best designs, synthesised and routed."""

from pathlib import Path
from typing import Any

from bitrain.accelerator import compile_network
from bitrain.gen.ip.package import generate_ip
from bitrain.gen.tools.synth import synthesise
from bitrain.runner.workspace import Workspace
from bitrain.spec import network_digest

from .evaluate import Row
from .space import Accelerator, Design

MEASURED = "routed_lut", "ff", "bram", "dsp", "clock_mhz"
"""Columns that routing measures."""


def verify(accelerator: Accelerator, design: Design, device: str, row: Row, out: Path) -> Row:
    """``row`` with ``measured``: what the tools say, and images a second at their clock.

    Raises :class:`BitrainError` where a design does not fit after all, or does not route.
    """
    workspace = Workspace(out)
    array, network = design.config.array, accelerator.network
    sizes = f"{array.channels}x{array.positions}x{array.lanes}-W{array.width}"
    name = f"{accelerator.name}-{sizes}-E{design.config.engines}"
    folder = workspace.path("accelerators", name)

    def measure() -> dict[str, Any]:
        generate_ip(compile_network(network, design.config), folder, device=device)
        report = synthesise(folder, device)
        return {
            "routed_lut": report.resources.lut,
            "ff": report.resources.ff,
            "bram": report.resources.bram,
            "dsp": report.resources.dsp,
            "clock_mhz": report.fmax_mhz,
            "tools": report.tools,
            "folder": str(folder),
        }

    inputs = [network_digest(network), design.config.model_dump(mode="json"), device]
    workspace.step(f"route-{name}", inputs, measure)
    return with_measured(row, workspace.results[f"route-{name}"])


def with_measured(row: Row, measured: Row) -> Row:
    """``row`` with what was measured of its design, and its own speed at the measured clock."""
    speed = 1e6 * measured["clock_mhz"] / row["cycles"]
    own = {
        "images_per_s": speed,
        "latency_ms": row["latency_ms"] * row["clock_mhz"] / measured["clock_mhz"],
        "images_per_s_per_klut": 1e3 * speed / measured["routed_lut"],
    }
    return row | {"measured": measured | own}
