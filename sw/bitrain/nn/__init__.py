"""SC-aware layers, the conversion of trained models to them, and the model zoo."""

from .blocks import BLOCK_KINDS, Block, BlockSpec, Concatenate, Residual, Subsample
from .calibrate import calibration_batch
from .chain import read_chain
from .config import ScConfig, StreamSource
from .device import best_device
from .float_layer import FloatLayer
from .layer import ScLayer
from .model import ScModel, convert
from .threads import torch_threads
from .zoo import (
    create_model,
    list_models,
    list_pretrained,
    load_weights,
    model_file,
    save_weights,
)

__all__ = [
    "BLOCK_KINDS",
    "Block",
    "BlockSpec",
    "Concatenate",
    "FloatLayer",
    "Residual",
    "ScConfig",
    "ScLayer",
    "ScModel",
    "StreamSource",
    "Subsample",
    "best_device",
    "calibration_batch",
    "convert",
    "create_model",
    "list_models",
    "list_pretrained",
    "load_weights",
    "model_file",
    "read_chain",
    "save_weights",
    "torch_threads",
]
