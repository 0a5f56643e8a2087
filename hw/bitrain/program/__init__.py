"""The layer program: how a network is laid out in the memories of an engine, and walked through."""

from .arithmetics import ARITHMETICS, Arithmetic, find_arithmetic
from .array import Array, Sharing
from .config import AcceleratorConfig
from .conflicts import CONFLICTS, Conflict, check_conflicts
from .descriptor import Descriptor
from .interface import Interface
from .options import Options, Weights
from .program import Program
from .tiling import Tiling

__all__ = [
    "ARITHMETICS",
    "CONFLICTS",
    "AcceleratorConfig",
    "Arithmetic",
    "Array",
    "Conflict",
    "Descriptor",
    "Interface",
    "Options",
    "Program",
    "Sharing",
    "Tiling",
    "Weights",
    "check_conflicts",
    "find_arithmetic",
]
