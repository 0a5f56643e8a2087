"""SC-aware layers, the conversion of trained models to them, and the model zoo."""

from .blocks import BLOCK_KINDS, Block, BlockSpec, Concatenate, Residual, Subsample
from .calibrate import calibration_batch
from .chain import read_chain, read_steps
from .config import ScConfig, StreamSource
from .cost import ModelCost, cost_by_block, model_cost
from .device import best_device
from .float_layer import FloatLayer
from .latency import Latency, fold_batch_norm, paired_latency
from .layer import ScLayer
from .model import ScModel, convert, lengths_and_neurons
from .safe_convolution import SafeConvolutions
from .threads import torch_threads
from .zoo import (
    check_scores,
    create_model,
    list_models,
    list_pretrained,
    load_weights,
    model_digest,
    model_file,
    read_metadata,
    save_weights,
)

__all__ = [
    "BLOCK_KINDS",
    "Block",
    "BlockSpec",
    "Concatenate",
    "FloatLayer",
    "Latency",
    "ModelCost",
    "Residual",
    "SafeConvolutions",
    "ScConfig",
    "ScLayer",
    "ScModel",
    "StreamSource",
    "Subsample",
    "best_device",
    "calibration_batch",
    "check_scores",
    "convert",
    "cost_by_block",
    "create_model",
    "fold_batch_norm",
    "lengths_and_neurons",
    "list_models",
    "list_pretrained",
    "load_weights",
    "model_cost",
    "model_digest",
    "model_file",
    "paired_latency",
    "read_chain",
    "read_metadata",
    "read_steps",
    "save_weights",
    "torch_threads",
]
