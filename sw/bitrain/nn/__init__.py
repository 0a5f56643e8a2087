"""SC-aware layers, the conversion of trained models to them, and the model zoo."""

from .chain import read_chain
from .config import ScConfig, StreamSource
from .float_layer import FloatLayer
from .layer import ScLayer
from .model import ScModel, convert
from .threads import torch_threads
from .zoo import create_model, list_models, model_file

__all__ = [
    "FloatLayer",
    "ScConfig",
    "ScLayer",
    "ScModel",
    "StreamSource",
    "convert",
    "create_model",
    "list_models",
    "model_file",
    "read_chain",
    "torch_threads",
]
