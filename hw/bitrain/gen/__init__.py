"""Network to IP folder, and what FPGA tools say about it.

Verilog from Amaranth, ROM images, FuseSoC core and constraints; synthesis, place and route with
their reports; bitstreams for boards; the external tools that are installed.
"""

from .boards.bitstream import build_bitstream, read_board
from .boards.boards import BOARDS, Board, find_board
from .families.devices import DEFAULT_DEVICE, DEVICES, FAMILIES, find_device
from .families.family import Device, Family, Pin
from .families.fit import MemoryNeed, memory_needs, memory_problem
from .families.resources import Capacity, Resources
from .ip.config import IpConfig, read_config
from .ip.package import default_name, generate_ip
from .ip.verilog import write_verilog
from .tools.blocks import BlockReport, measure_blocks
from .tools.synth import SynthesisReport, synthesise, synthesise_component
from .tools.tools import ToolRecord, find_tools

__all__ = [
    "BOARDS",
    "DEFAULT_DEVICE",
    "DEVICES",
    "FAMILIES",
    "BlockReport",
    "Board",
    "Capacity",
    "Device",
    "Family",
    "IpConfig",
    "MemoryNeed",
    "Pin",
    "Resources",
    "SynthesisReport",
    "ToolRecord",
    "build_bitstream",
    "default_name",
    "find_board",
    "find_device",
    "find_tools",
    "generate_ip",
    "measure_blocks",
    "memory_needs",
    "memory_problem",
    "read_board",
    "read_config",
    "synthesise",
    "synthesise_component",
    "write_verilog",
]
