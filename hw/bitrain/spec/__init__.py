"""The stochastic-computing contract: formats, sequences, layers, network files, program, cost.

Written once, in plain Python and numpy, and used by training, golden model, RTL, ROM export and
reports alike.
"""

from .array import Arithmetic, Array, Sharing
from .bank import LaneWire, SngBank
from .concatenation import parts_read
from .cost import LayerCost, NetworkCost, estimate
from .descriptor import Descriptor
from .errors import BitrainError
from .files import content_digest, file_digest, write_atomically
from .images import check_images
from .interface import Interface
from .layer import Layer, MaxPool2d, Neuron, Shape, Shortcut
from .network import Network
from .number import to_unipolar
from .options import Options, Weights
from .or_groups import OrLanes
from .pipeline import Part, Pipeline, PipelineCost, compile_network
from .prefix import with_prefix
from .program import Program
from .sequence import Lfsr, Ramp, Sequence, Sobol, VanDerCorput
from .serial_link import LinkError, Reply, SerialLink
from .store import load_network, save_network
from .tiling import Tiling
from .weight_image import weight_image, write_weight_image
from .zero_chunks import skipping_cycles

__all__ = [
    "Arithmetic",
    "Array",
    "BitrainError",
    "Descriptor",
    "Interface",
    "LaneWire",
    "Layer",
    "LayerCost",
    "Lfsr",
    "LinkError",
    "MaxPool2d",
    "Network",
    "NetworkCost",
    "Neuron",
    "Options",
    "OrLanes",
    "Part",
    "Pipeline",
    "PipelineCost",
    "Program",
    "Ramp",
    "Reply",
    "Sequence",
    "SerialLink",
    "Shape",
    "Sharing",
    "Shortcut",
    "SngBank",
    "Sobol",
    "Tiling",
    "VanDerCorput",
    "Weights",
    "check_images",
    "compile_network",
    "content_digest",
    "estimate",
    "file_digest",
    "load_network",
    "parts_read",
    "save_network",
    "skipping_cycles",
    "to_unipolar",
    "weight_image",
    "with_prefix",
    "write_atomically",
    "write_weight_image",
]
