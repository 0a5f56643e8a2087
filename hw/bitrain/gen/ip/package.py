"""The IP package: a folder with everything that a user of the accelerator needs.

::

    config.yaml          what it was generated from
    network.npz          the network file
    README.md            ports, timing, word order, memory map, how to simulate and synthesise
    <name>.core          FuseSoC (CAPI2)
    rtl/<name>.v         the accelerator
    include/<name>_registers.h    addresses of its registers, where it has a bus
    lint/<name>.vlt      what Verilator's linter need not say, and why
    rom/*.mem            contents of its memories ($readmemb, bare names)
    weights/<name>.bin   its weight image, where weights can be loaded, or the beats of its weights
    constraints/         target frequency for nextpnr (LPF, PCF) and for others (SDC)
    tb/                  test bench, where one is given
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from bitrain.accelerator import Engines
from bitrain.cost.cycles import JUDGE_OVERHEAD, layer_overhead
from bitrain.cost.weight_stream import bandwidths
from bitrain.host import num_beats, weight_files, write_weight_beats, write_weight_image
from bitrain.host.registers import constants, registers_of
from bitrain.host.weight_image import num_image_words, words_per_entry
from bitrain.rtl.ports.top import build_top
from bitrain.spec import save_network, write_atomically

from ..families.devices import DEFAULT_DEVICE, FAMILIES, find_device
from ..families.family import Device
from ..tools.verilator import LEAST_VERILATOR
from .config import IpConfig, read_config, write_config
from .folders import check_replaceable, staged
from .lint import waiver_file
from .names import check_name, default_name
from .ports import Port, list_ports
from .verilog import Sources, write_verilog


def generate_ip(
    engines: Engines,
    directory: Path,
    *,
    name: str | None = None,
    device: str = DEFAULT_DEVICE,
    frequency: float | None = None,
    testbench: Callable[[Path], None] | None = None,
) -> Path:
    """Write the IP package of a compiled network as the folder ``directory``; return it.

    The folder appears whole or not at all, and replaces an older package. The same arguments give
    the same bytes.

    Parameters
    ----------
    name
        Verilog module and core; by default the network's name made an identifier.
    device, frequency
        Device of the table in ``devices`` and target in MHz (the device's by default): for the
        constraints and as the default of synthesis. The Verilog does not depend on them.
    testbench
        Called with the folder while it is being made; what it writes to ``tb/`` goes into the core.

    Raises :class:`BitrainError` if the folder holds something else, or a tool fails.
    """
    directory = Path(directory)
    top = default_name(engines.network.name) if name is None else name
    check_name(top)
    chosen = find_device(device)
    config = IpConfig.of(
        engines, top=top, device=chosen.name, frequency_mhz=frequency or chosen.frequency
    )
    check_replaceable(directory, read_config, "Bitrain IP package")
    with staged(directory) as staging:
        component = build_top(engines)
        sources = write_verilog(component, staging, top)
        waivers = waiver_file(axi=config.interface.is_axi)
        write_atomically(staging / "lint" / f"{top}.vlt", waivers)
        save_network(engines.network, staging / "network.npz")
        if engines.weights_writable:
            image = staging / "weights" / f"{top}.bin"
            write_weight_image(engines.programs[0], engines.network, image)
        for file, program in weight_files(engines, top):
            write_weight_beats(program, staging / "weights" / file)
        write_config(config, staging)
        if testbench:
            testbench(staging)
        ports = list_ports(component, config.interface, engines.array.width)
        values = _template_values(config, engines, chosen, sources, ports)
        _write_templates(staging, top, values)
        _write_constraints(staging, config, chosen)
    return directory


def _plain(name: str) -> str:
    """A network's or layer's name as it may stand in a table, whatever is in it."""
    return re.sub(r"[^\w.: -]", "_", name)


def _template_values(
    config: IpConfig,
    engines: Engines,
    device: Device,
    sources: Sources,
    ports: list[Port],
) -> dict[str, Any]:
    programs, costs = engines.programs, engines.cost.parts
    overheads = {
        layer_overhead(each.network, each.array, run_time_length=each.run_time_length)
        for each in programs
    }
    registers = registers_of(engines)
    return {
        "config": config,
        "interface": config.interface,
        "registers": registers,
        "constants": dict(constants(registers)),
        "network": engines.network,
        "array": engines.array,
        "engines": engines,
        "programs": programs,
        "cost": engines.cost,
        "constant": engines.array.rules.constant(
            engines.network,
            engines.array.lanes,
            negatives_apart=programs[0].skip_zeros or programs[0].negative_bits > 0,
        ),
        "streaming": any(each.stream_layers for each in programs),
        "padded": any(each.has_padding_values for each in programs),
        "overheads": sorted(overheads),
        "prefix_cycles": {length: cost.latency for length, cost in engines.prefix_costs.items()},
        "exits": engines.programs[0].exits,
        "read_cycles": costs[0].latency - sum(layer.cycles for layer in costs[0].layers),
        "device": device,
        "least_verilator": LEAST_VERILATOR,
        "memories": sources.memories,
        "image_words": num_image_words(programs[0]) if engines.weights_writable else 0,
        "words_per_entry": words_per_entry(programs[0]) if engines.weights_writable else 0,
        "bandwidths": [
            [(length, bandwidths(each)) for length, each in program.prefix_programs.items()]
            for program in programs
            if program.weights_streamed
        ],
        "weight_files": [
            (stream, name, num_beats(program), program)
            for stream, (name, program) in zip(
                engines.weight_streams, weight_files(engines, config.top), strict=True
            )
        ],
        "ports": ports,
        "pixel_bytes": -(-engines.activation_bits // 8),
        "width": engines.array.width,
        "words_in": costs[0].load_cycles,
        "judge_overhead": JUDGE_OVERHEAD,
        "score_bytes": -(-engines.score_bits // 8),
        "family": device.family,
        "synth": device.synth_command(config.top),
    }


def _write_templates(ip: Path, top: str, values: dict[str, Any]) -> None:
    testbench = [path.relative_to(ip).as_posix() for path in sorted((ip / "tb").rglob("*.*"))]
    environment = Environment(
        loader=PackageLoader("bitrain.gen.ip"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["plain"] = _plain
    files = {
        "readme.md.j2": "README.md",
        "core.j2": f"{top}.core",
        "sdc.j2": f"constraints/{top}.sdc",
    }
    if values["interface"].is_axi:
        files["registers.h.j2"] = f"include/{top}_registers.h"
    for template, path in files.items():
        text = environment.get_template(template).render(values, testbench_files=testbench)
        write_atomically(ip / path, text)


def _write_constraints(ip: Path, config: IpConfig, device: Device) -> None:
    """Targets for nextpnr of every family, as the Verilog suits all of them."""
    # The device's own comes last: families may share a suffix.
    for family in (*FAMILIES.values(), device.family):
        text = family.target_constraints.format(
            clock=config.interface.clock_name, mhz=config.frequency_mhz
        )
        write_atomically(ip / "constraints" / f"{config.top}.{family.constraint_suffix}", text)
