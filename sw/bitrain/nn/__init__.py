"""SC-aware layers, and the conversion of trained models to them."""

from .calibrate import calibration_batch
from .config import ScConfig, StreamSource
from .device import best_device
from .layer import ScLayer
from .model import ScModel, calibrated, convert, lengths_and_neurons
from .safe_convolution import SafeConvolutions
from .threads import torch_threads

__all__ = [
    "SafeConvolutions",
    "ScConfig",
    "ScLayer",
    "ScModel",
    "StreamSource",
    "best_device",
    "calibrated",
    "calibration_batch",
    "convert",
    "lengths_and_neurons",
    "torch_threads",
]
