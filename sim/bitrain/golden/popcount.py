"""Population count of a 64-bit word, as the compiler's own instruction."""

from typing import Any

from numba import types
from numba.extending import intrinsic


def _emit_ones(context, builder, signature, arguments):
    return builder.ctpop(arguments[0])


def _type_ones(_context, word):
    return types.uint64(word), _emit_ones


# Typed Any: a checker would take the typing context for an argument of the call.
ones: Any = intrinsic(_type_ones)
"""Ones of an unsigned word."""
