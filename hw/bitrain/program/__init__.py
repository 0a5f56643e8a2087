"""The layer program: how a network is laid out in the memories of an engine, and walked through."""

from .array import Arithmetic, Array, Sharing
from .descriptor import Descriptor
from .options import Options, Weights
from .program import Program
from .tiling import Tiling

__all__ = [
    "Arithmetic",
    "Array",
    "Descriptor",
    "Options",
    "Program",
    "Sharing",
    "Tiling",
    "Weights",
]
