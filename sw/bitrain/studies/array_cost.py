"""What arrays take of an FPGA or of standard cells: by size, with shared and with unshared SNGs."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from bitrain.flow.hardware import tool_versions
from bitrain.gen.asic.liberty import Library
from bitrain.gen.asic.mapping import FREQUENCY, map_component
from bitrain.gen.families.devices import find_device
from bitrain.gen.tools.synth import synthesise_component
from bitrain.program import AcceleratorConfig, Array, Program, Sharing, check_conflicts
from bitrain.rtl.array.arrays import build_array
from bitrain.runner import plots
from bitrain.runner.workspace import Workspace, write_result
from bitrain.spec import BitrainError, Network, file_digest, network_digest

from .array_energy import LEFT_OUT, check_energy, energy_step


def parse_sizes(text: str) -> list[tuple[int, int, int]]:
    """Sizes P x Q x N of an option, such as 2x2x16,4x4x16, or :class:`BitrainError`."""
    try:
        sizes = [tuple(map(int, part.split("x"))) for part in text.split(",")]
        return [(p, q, n) for p, q, n in sizes]
    except ValueError as error:
        raise BitrainError(f"--sizes {text}: expected P x Q x N such as 2x2x16,4x4x16") from error


def measure_arrays(
    network: Network,
    sizes: Sequence[tuple[int, int, int]],
    out: Path,
    console: Console,
    *,
    device: str = "ecp5-85k",
    library: Library | None = None,
    images: np.ndarray | None = None,
) -> dict[str, Any]:
    """What arrays for ``network`` take, post-synthesis; ``arrays.json`` and a plot.

    An array is SNGs, lanes, population counts and accumulators; LUTs are LUT4 and two for each
    carry cell. library: standard cells in the place of a device's LUTs: their area. images:
    integers 0 … 2^n, for the energy of an image (``array_energy``); only with ``library``. What an
    SNG takes is what the unshared ones take more, divided by how many more there are. Sizes that
    are done are kept in ``out``.
    """
    if library is None:
        find_device(device)
    target = device if library is None else f"{library.name} {file_digest(library.path)[:12]}"
    key = "lut" if library is None else "area"
    if images is not None:
        check_energy(network)
    workspace, rows = Workspace(out), []
    for size in sizes:
        pair = []
        for sharing in Sharing:
            array = _array(size, sharing)
            check_conflicts(AcceleratorConfig(array=array), network)
            name = f"{'x'.join(map(str, size))}-{sharing}"
            console.print(f"{name} ...")
            inputs = [network_digest(network), array.model_dump(mode="json"), target]
            folder = workspace.path("arrays", name)
            measure = partial(_measure, network, array, folder, library or device)
            workspace.fingerprint = ""  # sizes do not depend on each other
            workspace.step(f"array-{name}", inputs, measure)
            row = workspace.results[f"array-{name}"]
            if library is not None and images is not None:
                row = row | energy_step(
                    workspace,
                    f"array-{name}",
                    network=network,
                    array=array,
                    folder=folder,
                    library=library,
                    images=images,
                    clock_mhz=FREQUENCY,
                )
            pair.append(row)
        shared, unshared = pair
        sng = (unshared[key] - shared[key]) / max(1, unshared["sngs"] - shared["sngs"])
        rows += [{**row, "sng_share": sng * row["sngs"] / row[key]} for row in pair]
    result = {
        "network": network.name,
        "bits": network.bits,
        "device": device if library is None else library.name,
        "tag": "post-synthesis" if library is None else "post-synthesis, no wires",
        "rows": rows,
    }
    if images is not None:
        result |= {"energy": LEFT_OUT, "clock_mhz": FREQUENCY}
    write_result(out / "arrays", result, plots.array_cost(rows, key))
    return result


def _array(size: tuple[int, int, int], sharing: Sharing) -> Array:
    channels, positions, lanes = size
    try:
        return Array(channels=channels, positions=positions, lanes=lanes, sharing=sharing)
    except ValueError as error:
        raise BitrainError(
            f"--sizes {channels}x{positions}x{lanes}: expected P and Q of 1 … 64, N of 1 … 256"
        ) from error


def _measure(network: Network, array: Array, folder: Path, target: str | Library) -> dict[str, Any]:
    circuit = build_array(Program(network, array))
    sizes = {key: getattr(array, key) for key in ("channels", "positions", "lanes", "sharing")}
    sizes |= {"sngs": array.sngs}
    if isinstance(target, Library):
        cells = map_component(circuit, target, folder, name="array")
        return {
            **sizes,
            "area": cells.area,
            "area_per_lane": cells.area / array.multipliers,
            "leakage": cells.leakage,
            "path_ns": cells.path.delay if cells.path else None,
            "tool": tool_versions(cells.tools),
        }
    report = synthesise_component(circuit, target, folder, name="array")
    return {
        **sizes,
        "lut": report.resources.lut,
        "carry_lut": report.resources.carry_lut,
        "ff": report.resources.ff,
        "lut_per_lane": report.resources.lut / array.multipliers,
        "tool": tool_versions(report.tools),
    }
