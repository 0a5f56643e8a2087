"""The front door: any trained torch module to a network file, without training.

``bitrain.convert(model, images)`` is :func:`bitrain.convert.conversion.convert`.
"""

import sys
from types import ModuleType
from typing import Any

from .conversion import Conversion, convert

__all__ = ["Conversion", "convert"]


class _Callable(ModuleType):
    """A module that may be called: a namespace package cannot hold a function of its name."""

    def __call__(self, *args: Any, **options: Any) -> Conversion:
        return convert(*args, **options)


sys.modules[__name__].__class__ = _Callable
