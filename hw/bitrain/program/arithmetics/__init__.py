"""What multipliers work on: one file an arithmetic, found here by its name."""

from bitrain.spec import BitrainError

from .arithmetic import Accumulation, Arithmetic
from .binary import Binary
from .bitserial import BitSerial
from .stochastic import Stochastic

ARITHMETICS: dict[str, Arithmetic] = {
    each.name: each for each in (Stochastic(), Binary(), BitSerial())
}


def find_arithmetic(name: str) -> Arithmetic:
    """The arithmetic called ``name``, or :class:`BitrainError`."""
    if name not in ARITHMETICS:
        raise BitrainError(f"arithmetic {name!r}: expected {' or '.join(ARITHMETICS)}")
    return ARITHMETICS[name]


__all__ = ["ARITHMETICS", "Accumulation", "Arithmetic", "find_arithmetic"]
