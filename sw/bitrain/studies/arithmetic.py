"""Streams against integers of the same width: what LUTs, or cells, are worth in images a second.

For each network file, an array of P x Q neurons in each arithmetic, post-synthesis, and the cycles
of an image by the cost model. A neuron has W times as many lanes N as its chunks take cycles, so
that loading them takes as long: L for streams, n² for bit-serial integers, one for others; or at
most a given number, and then chunks take longer.
"""

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from rich.console import Console

from bitrain.accelerator import compile_network
from bitrain.cost import estimate
from bitrain.flow.hardware import tool_versions
from bitrain.gen.asic.liberty import Library
from bitrain.gen.asic.mapping import map_component
from bitrain.gen.families.devices import find_device
from bitrain.gen.ip.package import generate_ip
from bitrain.gen.tools.synth import SynthesisReport, synthesise, synthesise_component
from bitrain.program import (
    AcceleratorConfig,
    Array,
    Program,
    check_conflicts,
    find_arithmetic,
)
from bitrain.rtl.array.arrays import build_array
from bitrain.runner import plots
from bitrain.runner.workspace import Workspace, write_result
from bitrain.spec import BitrainError, Network, SngBank, file_digest, network_digest

from .array_energy import LEFT_OUT, check_energy, energy_step

KINDS: dict[str, dict[str, Any]] = {
    "stochastic": {"arithmetic": "stochastic"},
    "binary": {"arithmetic": "binary"},
    "dsp": {"arithmetic": "binary", "dsp": True},
    "bitserial": {"arithmetic": "bitserial"},
}
"""Fields of arrays, by what is asked for."""
USUAL = "stochastic", "binary", "bitserial"


def parse_kinds(text: str) -> list[str]:
    """Arithmetics of an option such as stochastic,binary,dsp, or :class:`BitrainError`."""
    kinds = text.split(",")
    for kind in kinds:
        if kind not in KINDS:
            raise BitrainError(f"--arithmetics {text}: expected some of {', '.join(KINDS)}")
    return list(dict.fromkeys(kinds))


def parse_neurons(text: str) -> tuple[int, int]:
    """P and Q of an option such as 4x4, or :class:`BitrainError`."""
    try:
        channels, positions = map(int, text.split("x"))
    except ValueError as error:
        raise BitrainError(f"--neurons {text}: expected P x Q such as 4x4") from error
    return channels, positions


def measure_arithmetic(
    networks: Sequence[Network],
    neurons: tuple[int, int],
    out: Path,
    console: Console,
    *,
    device: str = "ecp5-85k",
    clock_mhz: float = 80,
    kinds: Sequence[str] = USUAL,
    max_lanes: int = 16,
    width: Literal[1, 2, 4, 8] = 1,
    accuracies: Path | None = None,
    whole: bool = False,
    library: Library | None = None,
    images: Sequence[np.ndarray] | None = None,
) -> dict[str, Any]:
    """Some of ``KINDS`` for each network: ``arithmetic.json`` and a plot in ``out``.

    neurons: P and Q. clock_mhz: of all. max_lanes: most of a neuron that counts bits. width: W.
    accuracies: result of `bitrain accuracy`, for the accuracies at each network's L. An array is
    all from its operands to its counts; LUTs are LUT4 and two for each carry cell. whole:
    accelerators with all that they are made of instead, routed for ``clock_mhz``, each at the clock
    that routing finds. library: arrays in its standard cells, sized for ``clock_mhz``, in the place
    of a device's LUTs. images: of each network, integers 0 … 2^n, for the energy of an image
    (``array_energy``); only with ``library``. Circuits that are done are kept in ``out``.
    """
    if library is None:
        find_device(device)
    elif "dsp" in kinds:
        raise BitrainError("--arithmetics dsp: cells of --liberty have no DSP blocks; leave it out")
    elif whole:
        raise BitrainError("--whole routes accelerators on an FPGA; leave it out with --liberty")
    target = device if library is None else f"{library.name} {file_digest(library.path)[:12]}"
    known = _accuracies(accuracies)
    if images is not None:
        for network in networks:
            check_energy(network)
    workspace, rows = Workspace(out), []
    for index, network in enumerate(networks):
        length = max(layer.stream_length for layer in network.layers)
        for asked in kinds:
            array, shown = array_of_kind(network, asked, neurons, width, max_lanes)
            cost = estimate(Program(shown, array))
            name = f"n{network.bits}-L{length}-{neurons[0]}x{neurons[1]}-{asked}"
            name += f"-W{width}" if width > 1 else ""
            console.print(f"{name} ...")

            kind = "accelerator" if whole else "array"
            folder, step = workspace.path(f"{kind}s", name), f"{kind}-{name}"
            inputs = [network_digest(shown), array.model_dump(mode="json"), target]
            measure = partial(_array_alone, shown, array, folder, device)
            if library is not None:
                inputs.append(clock_mhz)
                measure = partial(array_in_cells, shown, array, folder, library, clock_mhz)
            if whole:
                inputs.append(clock_mhz)
                measure = partial(_accelerator, shown, array, folder, device, clock_mhz)
            workspace.fingerprint = ""  # circuits do not depend on each other
            workspace.step(step, inputs, measure)
            measured = workspace.results[step]
            per_second = 1e6 * measured.get("clock_mhz", clock_mhz) / cost.initiation_interval
            row = {
                "bits": network.bits,
                "stream_length": length,
                "arithmetic": asked,
                "lanes": array.lanes,
                "width": width,
                "image_cycles": cost.initiation_interval,
                "images_per_s": per_second,
                "accuracy": known.get((length, array.arithmetic)),
            }
            if library is None:
                row["images_per_s_per_klut"] = 1e3 * per_second / measured["lut"]
            else:
                row["images_per_s_per_mm2"] = 1e6 * per_second / measured["area"]
                cycles = max(array.rules.cycles(shown, layer) for layer in shown.layers)
                row["area_per_mac"] = measured["area"] * cycles / array.multipliers
                if images is not None:
                    row |= energy_step(
                        workspace,
                        step,
                        network=shown,
                        array=array,
                        folder=folder,
                        library=library,
                        images=images[index],
                        clock_mhz=clock_mhz,
                    )
            rows.append(row | measured)
    result = {
        "networks": [network.name for network in networks],
        "channels": neurons[0],
        "positions": neurons[1],
        "device": device if library is None else library.name,
        "clock_mhz": clock_mhz,
        "circuit": "accelerator" if whole else "array",
        "tag": f"{'post-route' if whole else 'post-synthesis'}; cycles estimated",
        "rows": rows,
    }
    if images is not None:
        result["energy"] = LEFT_OUT
    write_result(out / "arithmetic", result, plots.arithmetic(rows))
    return result


def array_of_kind(
    network: Network, kind: str, neurons: tuple[int, int], width: int, max_lanes: int
) -> tuple[Array, Network]:
    """An array of one of ``KINDS`` with as many lanes as it can keep at work, at most so many.

    Beside it the network with as many wires, which cost the same. Raises :class:`BitrainError`.
    """
    fields = {"width": width, **KINDS[kind]}
    rules = find_arithmetic(fields["arithmetic"])
    cycles = max(rules.cycles(network, layer) for layer in network.layers)
    most = max_lanes // width if rules.counts_bits else 1
    channels, positions = neurons
    lanes = width * max(1, min(cycles, most))
    try:
        array = Array(channels=channels, positions=positions, lanes=lanes, **fields)
    except ValueError as error:
        raise BitrainError(
            f"--neurons {channels}x{positions}: expected P and Q of 1 … 64"
        ) from error
    network = _rewired(network, array)
    check_conflicts(AcceleratorConfig(array=array), network)
    return array, network


def _rewired(network: Network, array: Array) -> Network:
    """``network`` for the array's lanes, if it does not suit: other wires, which cost the same."""
    if not array.rules.has_streams or array.lanes % network.num_lanes == 0:
        return network
    banks: dict[str, SngBank] = {}
    for name in ("activation_bank", "weight_bank"):
        bank: SngBank = getattr(network, name)
        lanes = tuple(bank.lanes[j % len(bank.lanes)] for j in range(array.lanes))
        banks[name] = bank.model_copy(update={"lanes": lanes})
    return Network.model_validate(dict(network) | banks)


def _accuracies(path: Path | None) -> dict[tuple[int, str], float]:
    """Accuracies (%) after fine-tuning, by stream length and arithmetic."""
    if path is None:
        return {}
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["by_length"]
        keys = {"stochastic": "sc_fine_tuned", "binary": "int_fine_tuned"}
        return {(row["stream_length"], kind): row[keys[kind]] for row in rows for kind in keys}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BitrainError(
            f"--accuracies {path}: no result of `bitrain accuracy`; give its JSON file"
        ) from error


def _array_alone(network: Network, array: Array, folder: Path, device: str) -> dict[str, Any]:
    program = Program(network, array)
    report = synthesise_component(build_array(program), device, folder, name="array")
    carry = report.resources.carry_lut
    return {
        **resources_of(report, array, folder),
        "carry_lut": carry,
        "count_bits": program.count_bits,
    }


def array_in_cells(
    network: Network, array: Array, folder: Path, library: Library, clock_mhz: float
) -> dict[str, Any]:
    """Area (µm²), leakage (nW) and longest path (ns) of an array in standard cells."""
    circuit = build_array(Program(network, array))
    report = map_component(circuit, library, folder, name="array", frequency=clock_mhz)
    return {
        "area": report.area,
        "leakage": report.leakage,
        "path_ns": report.path.delay if report.path else None,
        "tool": tool_versions(report.tools),
    }


def _accelerator(
    network: Network, array: Array, folder: Path, device: str, clock_mhz: float
) -> dict[str, Any]:
    engines = compile_network(network, AcceleratorConfig(array=array))
    generate_ip(engines, folder, device=device, frequency=clock_mhz)
    report = synthesise(folder, device, frequency=clock_mhz)
    bram = report.resources.bram
    return {**resources_of(report, array, folder), "bram": bram, "clock_mhz": report.fmax_mhz}


def resources_of(report: SynthesisReport, array: Array, folder: Path) -> dict[str, Any]:
    """LUT4, flip-flops, DSP blocks and tools; DSP blocks must be where they are asked for."""
    if (report.resources.dsp > 0) != array.dsp:
        asked = "some" if array.dsp else "none"
        raise BitrainError(f"{folder}: {report.resources.dsp} DSP blocks used, expected {asked}")
    return {
        "lut": report.resources.lut,
        "ff": report.resources.ff,
        "dsp": report.resources.dsp,
        "tool": tool_versions(report.tools),
    }
