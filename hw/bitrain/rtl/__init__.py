"""RTL of the accelerator: one Amaranth component per file, parametrised by the contract."""

from .array.arrays import build_array
from .array.binary_array import BinaryArray
from .array.mac_array import MacArray
from .array.multiplier import Multiplier
from .array.operands import OperandRegisters
from .array.popcount import PopulationCount
from .array.sign_correction import SignCorrection
from .array.sng_bank import StochasticNumberGenerators
from .array.source import SequenceSource
from .baselines.fsm_max import FsmMax
from .baselines.fsm_relu_max import FsmReluMax
from .baselines.pooled_counts import PooledCounts
from .baselines.pooled_fire import PooledFire
from .engine.arg_max import ArgMax
from .engine.engine import Engine
from .engine.exit_points import ExitPoints
from .engine.firing_neurons import FiringNeurons
from .engine.loader import Loader
from .engine.max_pool import MaxPool
from .engine.output_stage import OutputStage
from .engine.prefix_bias import PrefixBias
from .engine.requantise import Requantise
from .engine.score_margin import ScoreMargin
from .engine.shortcut import Shortcut
from .engine.skid_buffer import SkidBuffer
from .engine.skipping_control import SkippingControl
from .engine.stream_constants import StreamConstants
from .engine.stream_control import StreamControl
from .engine.stream_prefix import StreamPrefix
from .engine.weight_loader import WeightLoader
from .engine.window_address_generator import WindowAddressGenerator
from .ports.accelerator import Accelerator
from .ports.axi_accelerator import AxiAccelerator
from .ports.axi_lite import AxiLiteRegisters
from .ports.frame_guard import FrameGuard
from .ports.pipelined_accelerator import PipelinedAccelerator
from .ports.serial_accelerator import SerialAccelerator
from .ports.serial_frames import SerialFrames
from .ports.top import build_top
from .ports.uart_receiver import UartReceiver
from .ports.uart_transmitter import UartTransmitter

__all__ = [
    "Accelerator",
    "ArgMax",
    "AxiAccelerator",
    "AxiLiteRegisters",
    "BinaryArray",
    "Engine",
    "ExitPoints",
    "FiringNeurons",
    "FrameGuard",
    "FsmMax",
    "FsmReluMax",
    "Loader",
    "MacArray",
    "MaxPool",
    "Multiplier",
    "OperandRegisters",
    "OutputStage",
    "PipelinedAccelerator",
    "PooledCounts",
    "PooledFire",
    "PopulationCount",
    "PrefixBias",
    "Requantise",
    "ScoreMargin",
    "SequenceSource",
    "SerialAccelerator",
    "SerialFrames",
    "Shortcut",
    "SignCorrection",
    "SkidBuffer",
    "SkippingControl",
    "StochasticNumberGenerators",
    "StreamConstants",
    "StreamControl",
    "StreamPrefix",
    "UartReceiver",
    "UartTransmitter",
    "WeightLoader",
    "WindowAddressGenerator",
    "build_array",
    "build_top",
]
