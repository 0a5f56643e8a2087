"""The bit-exact golden model: numpy and numba only, independent of the RTL."""

from .convolution import PackedWeights, Streams, convolve, pack_weights
from .decided import Bound, decided_after
from .fire import FiringNeurons, accumulate_and_fire
from .model import Arithmetic, layer_inputs, predict, run
from .progressive import (
    Progressive,
    calibrate_thresholds,
    choose_rungs,
    margins,
    run_progressive,
)
from .reference import run_reference

__all__ = [
    "Arithmetic",
    "Bound",
    "FiringNeurons",
    "PackedWeights",
    "Progressive",
    "Streams",
    "accumulate_and_fire",
    "calibrate_thresholds",
    "choose_rungs",
    "convolve",
    "decided_after",
    "layer_inputs",
    "margins",
    "pack_weights",
    "predict",
    "run",
    "run_progressive",
    "run_reference",
]
