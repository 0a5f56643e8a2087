"""RTL of the accelerator: one Amaranth component per file, parametrised by the contract."""

from .accelerator import Accelerator
from .arg_max import ArgMax
from .engine import Engine
from .fsm_max import FsmMax
from .fsm_relu_max import FsmReluMax
from .loader import Loader
from .mac_array import MacArray
from .max_pool import MaxPool
from .operands import OperandRegisters
from .pooled_counts import PooledCounts
from .pooled_fire import PooledFire
from .popcount import PopulationCount
from .requantise import Requantise
from .shortcut import Shortcut
from .sng_bank import StochasticNumberGenerators
from .source import SequenceSource
from .stream_constants import StreamConstants
from .stream_control import StreamControl
from .stream_neurons import StreamNeurons
from .walker import PositionWalker
from .writeback import Writeback

__all__ = [
    "Accelerator",
    "ArgMax",
    "Engine",
    "FsmMax",
    "FsmReluMax",
    "Loader",
    "MacArray",
    "MaxPool",
    "OperandRegisters",
    "PooledCounts",
    "PooledFire",
    "PopulationCount",
    "PositionWalker",
    "Requantise",
    "SequenceSource",
    "Shortcut",
    "StochasticNumberGenerators",
    "StreamConstants",
    "StreamControl",
    "StreamNeurons",
    "Writeback",
]
