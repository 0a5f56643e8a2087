"""The few best designs, synthesised and routed."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from bitrain.accelerator import compile_network
from bitrain.gen.ip.package import generate_ip
from bitrain.gen.tools.synth import synthesise
from bitrain.runner.workspace import Workspace
from bitrain.spec import BitrainError, network_digest

from .cells import Cells
from .evaluate import Row, title_of
from .space import Design, Space

Measured = dict[str, Row]
"""What the tools say of designs, by their keys."""


def verify(
    ranked: Sequence[Row],
    count: int,
    *,
    space: Space,
    device: str,
    out: Path,
    console: Console,
    cells: Cells | None = None,
) -> tuple[Measured, dict[str, str]]:
    """Measure the first ``count`` designs of ``ranked`` that fit and route.

    cells: also the energy of their arrays. Returns what was measured, and why designs that come
    before these were refused. Results are kept in ``out``.
    """
    measured: Measured = {}
    refused: dict[str, str] = {}
    for row in ranked:
        key = row["design"]
        if len(measured) == count:
            break
        if key in measured or key in refused:  # another way to run it
            continue
        console.print(f"{title_of(row)}: synthesis and routing ...", soft_wrap=True)
        design = Design.of_key(key)
        try:
            measured[key] = _route(space, design, device, out)
        except BitrainError as error:
            refused[key] = str(error)
            console.print(f"left out: {error}", soft_wrap=True)
            continue
        if cells:
            made = space.accelerators[design.accelerator]
            measured[key]["energies_nj"] = cells.by_title(made, design.config.array)
    return measured, refused


def _route(space: Space, design: Design, device: str, out: Path) -> Row:
    """Raises :class:`BitrainError` where a design does not fit after all, or does not route."""
    accelerator, workspace = space.accelerators[design.accelerator], Workspace(out)
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
    return dict(workspace.results[f"route-{name}"])


def with_measured(row: Row, measured: Mapping[str, Row]) -> Row:
    """``row`` with what was measured of its design, if it was, and its own speed and energy."""
    if row["design"] not in measured:
        return row
    found = dict(measured[row["design"]])
    speed = 1e6 * found["clock_mhz"] / row["cycles"]
    found |= {
        "images_per_s": speed,
        "latency_ms": row["latency_ms"] * row["clock_mhz"] / found["clock_mhz"],
        "images_per_s_per_klut": 1e3 * speed / found["routed_lut"],
    }
    if "energies_nj" in found:
        found["energy_nj"] = found.pop("energies_nj")[row["title"]]
    return row | {"measured": found}
