"""A trained model read as a chain of engine steps, and compared with it."""

from .chain import read_chain, read_steps
from .float_layer import FloatLayer

__all__ = ["FloatLayer", "read_chain", "read_steps"]
