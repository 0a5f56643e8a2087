"""RTL of the accelerator: one Amaranth component per file, parametrised by the contract."""

from .accelerator import Accelerator
from .arg_max import ArgMax
from .axi_accelerator import AxiAccelerator
from .axi_lite import AxiLiteRegisters
from .binary_array import BinaryArray
from .element_buffer import ElementBuffer
from .engine import Engine
from .frame_guard import FrameGuard
from .fsm_max import FsmMax
from .fsm_relu_max import FsmReluMax
from .ladder import Ladder
from .loader import Loader
from .mac_array import MacArray
from .max_pool import MaxPool
from .multiplier import Multiplier
from .negative_weights import NegativeWeights
from .operands import OperandRegisters
from .pipelined_accelerator import PipelinedAccelerator
from .pooled_counts import PooledCounts
from .pooled_fire import PooledFire
from .popcount import PopulationCount
from .prefix_bias import PrefixBias
from .requantise import Requantise
from .score_margin import ScoreMargin
from .serial_accelerator import SerialAccelerator
from .serial_frames import SerialFrames
from .shortcut import Shortcut
from .skipping_control import SkippingControl
from .sng_bank import StochasticNumberGenerators
from .source import SequenceSource
from .stream_constants import StreamConstants
from .stream_control import StreamControl
from .stream_neurons import StreamNeurons
from .stream_prefix import StreamPrefix
from .top import build_top
from .uart_receiver import UartReceiver
from .uart_transmitter import UartTransmitter
from .walker import PositionWalker
from .weight_loader import WeightLoader
from .writeback import Writeback

__all__ = [
    "Accelerator",
    "ArgMax",
    "AxiAccelerator",
    "AxiLiteRegisters",
    "BinaryArray",
    "ElementBuffer",
    "Engine",
    "FrameGuard",
    "FsmMax",
    "FsmReluMax",
    "Ladder",
    "Loader",
    "MacArray",
    "MaxPool",
    "Multiplier",
    "NegativeWeights",
    "OperandRegisters",
    "PipelinedAccelerator",
    "PooledCounts",
    "PooledFire",
    "PopulationCount",
    "PositionWalker",
    "PrefixBias",
    "Requantise",
    "ScoreMargin",
    "SequenceSource",
    "SerialAccelerator",
    "SerialFrames",
    "Shortcut",
    "SkippingControl",
    "StochasticNumberGenerators",
    "StreamConstants",
    "StreamControl",
    "StreamNeurons",
    "StreamPrefix",
    "UartReceiver",
    "UartTransmitter",
    "WeightLoader",
    "Writeback",
    "build_top",
]
