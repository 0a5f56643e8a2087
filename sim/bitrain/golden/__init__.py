"""The bit-exact golden model: numpy and numba only, independent of the RTL."""

from .baselines import fsm_max, pooled_fire
from .convolution import PackedWeights, Streams, convolve, pack_weights
from .early_decision import Bound, decided_after
from .exits import margins
from .fire import accumulate_and_fire
from .model import accuracy, layer_inputs, layer_sums, predict, run, run_layer, run_shorter
from .reference import run_reference
from .zero_chunks import zero_chunks

__all__ = [
    "Bound",
    "PackedWeights",
    "Streams",
    "accumulate_and_fire",
    "accuracy",
    "convolve",
    "decided_after",
    "fsm_max",
    "layer_inputs",
    "layer_sums",
    "margins",
    "pack_weights",
    "pooled_fire",
    "predict",
    "run",
    "run_layer",
    "run_reference",
    "run_shorter",
    "zero_chunks",
]
