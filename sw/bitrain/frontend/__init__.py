"""A trained model read as a chain of engine steps, and compared with it."""

from .chain import Reading, read_chain, read_model
from .float_layer import FloatLayer
from .operations import Origin
from .recorder import canonical
from .refusals import RefusedError

__all__ = [
    "FloatLayer",
    "Origin",
    "Reading",
    "RefusedError",
    "canonical",
    "read_chain",
    "read_model",
]
