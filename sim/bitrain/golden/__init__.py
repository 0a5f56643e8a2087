"""The bit-exact golden model: numpy and numba only, independent of the RTL."""

from .model import Arithmetic, predict, run
from .reference import run_reference

__all__ = ["Arithmetic", "predict", "run", "run_reference"]
