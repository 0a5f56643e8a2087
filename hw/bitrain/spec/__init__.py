"""The stochastic-computing contract: number formats, sequences, SNG banks, layers, network files.

It is written once, in plain Python and numpy. Training, golden model, RTL, ROM export and reports
all use it.
"""

from .bank import LaneWire, SngBank
from .concatenation import parts_read
from .errors import BitrainError, plain
from .exits import Exit
from .files import content_digest, file_digest, write_atomically
from .images import check_images
from .layer import Layer, MaxPool2d, Neuron, Shape, Shortcut
from .network import Network
from .number import to_unipolar
from .or_groups import OrLanes
from .planes import plane_pairs, saturated
from .precision import all_precisions, with_precision
from .prefix import lengthened, with_prefix
from .sequence import (
    CounterSequence,
    Lfsr,
    NumberSequence,
    Ramp,
    Sequence,
    Sobol,
    VanDerCorput,
    find_sequence,
    register_sequence,
)
from .store import load_network, network_digest, save_network
from .word import Word, best_word, input_slots

__all__ = [
    "BitrainError",
    "CounterSequence",
    "Exit",
    "LaneWire",
    "Layer",
    "Lfsr",
    "MaxPool2d",
    "Network",
    "Neuron",
    "NumberSequence",
    "OrLanes",
    "Ramp",
    "Sequence",
    "Shape",
    "Shortcut",
    "SngBank",
    "Sobol",
    "VanDerCorput",
    "Word",
    "all_precisions",
    "best_word",
    "check_images",
    "content_digest",
    "file_digest",
    "find_sequence",
    "input_slots",
    "lengthened",
    "load_network",
    "network_digest",
    "parts_read",
    "plain",
    "plane_pairs",
    "register_sequence",
    "saturated",
    "save_network",
    "to_unipolar",
    "with_precision",
    "with_prefix",
    "write_atomically",
]
