"""Network to IP package, and what FPGA tools say about it.

Verilog from Amaranth, ROM images, FuseSoC core and constraints; synthesis, place and route with
their reports; which tools are there.
"""

from .bitstream import DEFAULT_BAUD, Bitstream, BoardConfig, build_bitstream, read_board
from .blocks import Block, BlockReport, measure_blocks
from .boards import BOARDS, Board, Pin, find_board
from .config import IpConfig, read_config
from .devices import DEFAULT_DEVICE, DEVICES, Capacity, Device, find_device
from .fit import MemoryNeed, memory_needs, memory_problem
from .memories import Memory
from .nextpnr import CriticalPath
from .package import default_name, generate_ip
from .resources import Resources
from .synth import SynthesisReport, synthesise, synthesise_component
from .tools import ToolRecord, find_tools
from .verilog import Sources, write_verilog

__all__ = [
    "BOARDS",
    "DEFAULT_BAUD",
    "DEFAULT_DEVICE",
    "DEVICES",
    "Bitstream",
    "Block",
    "BlockReport",
    "Board",
    "BoardConfig",
    "Capacity",
    "CriticalPath",
    "Device",
    "IpConfig",
    "Memory",
    "MemoryNeed",
    "Pin",
    "Resources",
    "Sources",
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
