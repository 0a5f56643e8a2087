"""Network to bitstream: the accelerator behind a board's serial line, routed and packed.

::

    board.yaml           what it was built from
    network.npz          the network file
    rtl/<name>.v         accelerator, frames and UART
    rom/*.mem            contents of its memories
    constraints/         pins, from amaranth-boards
    synth/<device>/      netlists, logs and reports of the tools
    report.json          resources and clock frequency after routing
    <name>.bit           the bitstream (iCE40: .bin)
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from bitrain.host.serial_link import GAP_SECONDS
from bitrain.program import Array, Program
from bitrain.rtl.ports.serial_accelerator import SerialAccelerator
from bitrain.spec import BitrainError, Network, save_network, write_atomically
from bitrain.spec.yaml_text import parse_yaml

from ..families.fit import memory_problem
from ..ip.folders import check_replaceable, swap
from ..ip.names import ModuleName, default_name
from ..ip.verilog import write_verilog
from ..tools.nextpnr import ROUTED
from ..tools.synth import SynthesisReport, run_synthesis
from ..tools.tools import package_version, run_tool
from .boards import Board, find_board

BOARD_FILE = "board.yaml"
DEFAULT_BAUD = 115_200
_HEADER = "# What this bitstream was built from; written by `bitrain build`.\n"


class BoardConfig(BaseModel):
    """Contents of ``board.yaml``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    generator: Literal["bitrain build"] = "bitrain build"
    version: str
    """Version of Bitrain."""
    board: str
    top: ModuleName
    """Verilog module."""
    bitstream: str = Field(pattern=r"^\w+\.\w+$")
    """File name."""
    baud: int
    clock_hz: float
    divisor: int
    """Clock cycles of a bit on the serial line."""
    gap_cycles: int
    """Longest rest inside a request."""
    array: Array


@dataclass(frozen=True, kw_only=True)
class Bitstream:
    """A finished build."""

    path: Path
    config: BoardConfig
    synthesis: SynthesisReport


def build_bitstream(
    network: Network,
    array: Array,
    board: str,
    directory: Path,
    *,
    baud: int = DEFAULT_BAUD,
    name: str | None = None,
    seed: int = 1,
) -> Bitstream:
    """Build ``network`` on ``array`` for a board of :data:`BOARDS` in ``directory``.

    ``baud``: bits per second on the serial line. ``seed``: of placement. An older build there is
    replaced when this one is ready; one that fails leaves its logs in ``<directory>.unfinished``.
    Raises :class:`BitrainError` if the folder holds something else, the network does not
    fit the board (which resource, by how much), is too slow for its clock, or a tool fails.
    """
    chosen, directory = find_board(board), Path(directory)
    top = name or default_name(network.name)
    divisor, program = chosen.divisor(baud), Program(network, array)
    if problem := memory_problem(program, chosen.device):
        raise BitrainError(problem)
    config = BoardConfig(
        version=package_version("bitrain") or "unknown",
        board=chosen.name,
        top=top,
        bitstream=f"{top}.{chosen.device.family.bitstream_suffix}",
        baud=baud,
        clock_hz=chosen.clock_hz,
        divisor=divisor,
        gap_cycles=round(chosen.clock_hz * GAP_SECONDS),
        array=array,
    )
    check_replaceable(directory, read_board, "build for a board")
    unfinished = directory.with_name(f"{directory.name}.unfinished")
    check_replaceable(unfinished, read_board, "build for a board")
    shutil.rmtree(unfinished, ignore_errors=True)
    content = yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)
    write_atomically(unfinished / BOARD_FILE, _HEADER + content)
    save_network(network, unfinished / "network.npz")
    accelerator = SerialAccelerator(
        program,
        divisor=divisor,
        gap_cycles=config.gap_cycles,
        busy_low=chosen.led_active_low,
    )
    write_verilog(accelerator, unfinished, top)
    synthesis = _implement(chosen, config, unfinished, seed)
    swap(unfinished, directory)
    return Bitstream(path=directory / config.bitstream, config=config, synthesis=synthesis)


def read_board(directory: Path) -> BoardConfig:
    """Configuration of a build; :class:`BitrainError` if the folder is none."""
    path = Path(directory) / BOARD_FILE
    if not path.is_file():
        raise BitrainError(
            f"{directory}: no build for a board ({BOARD_FILE} is missing); "
            "`bitrain build` makes one"
        )
    try:
        return BoardConfig.model_validate(parse_yaml(path.read_text(encoding="utf-8"))[0])
    except ValueError as error:
        raise BitrainError(
            f"{path}: not the configuration of a build for a board; build it again"
        ) from error


def _implement(board: Board, config: BoardConfig, directory: Path, seed: int) -> SynthesisReport:
    """Map, route and pack what lies in ``directory``."""
    device, pins = board.device, board.constraints()
    constraints = f"{config.top}.{device.family.constraint_suffix}"
    write_atomically(directory / "constraints" / constraints, pins)
    clock_mhz = board.clock_hz / 1e6
    report = run_synthesis(
        directory, config.top, device, route=True, seed=seed, frequency=clock_mhz, pins=pins
    )
    if report.fmax_mhz is not None and report.fmax_mhz < clock_mhz:
        raise BitrainError(
            f"{config.top} reaches {report.fmax_mhz:.1f} MHz on {board.name}, whose clock has "
            f"{clock_mhz:g} MHz; choose another seed or a smaller array (P, Q, N)"
        )
    build = directory / "synth" / device.name
    arguments = [*board.pack_options, ROUTED, config.bitstream]
    run_tool(device.family.pack_tool, arguments, cwd=build, log=build / "pack.log")
    write_atomically(directory / "report.json", json.dumps(report.to_json(), indent=1) + "\n")
    shutil.copyfile(build / config.bitstream, directory / config.bitstream)
    return report
