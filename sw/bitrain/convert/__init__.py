"""The front door: any trained torch module to a network file, without training.

``bitrain.convert(model, images)`` is :func:`bitrain.convert.conversion.convert`.
"""

import sys
from types import ModuleType
from typing import Any

from bitrain.frontend import RefusedError

from .conversion import Conversion, convert, options_of

__all__ = ["Conversion", "RefusedError", "convert", "options_of"]


class _Callable(ModuleType):
    """A module that may be called: a namespace package cannot hold a function of its name."""

    def __call__(self, *args: Any, **options: Any) -> Conversion:
        return convert(*args, **options)


sys.modules[__name__].__class__ = _Callable
