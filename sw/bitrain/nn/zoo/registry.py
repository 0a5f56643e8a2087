"""Models by name. A new one is ``(in_shape, num_classes) -> nn.Sequential`` and a line here."""

from collections.abc import Callable

import torch
from torch import nn

from bitrain.spec import BitrainError, Shape

from .cnn import digits_cnn

_BUILDERS: dict[str, Callable[[Shape, int], nn.Sequential]] = {
    "digits_cnn": digits_cnn,
}


def list_models() -> list[str]:
    """Names that :func:`create_model` knows."""
    return sorted(_BUILDERS)


def create_model(name: str, in_shape: Shape, num_classes: int, *, seed: int = 0) -> nn.Sequential:
    """Build a model with weights drawn from ``seed``; the global generator is left alone.

    in_shape: of one image, (channels, height, width). Raises :class:`BitrainError` for an unknown
    name and for images that are too small.
    """
    if name not in _BUILDERS:
        raise BitrainError(f"model {name!r} is unknown; choose one of {list_models()}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _BUILDERS[name](Shape(*in_shape), num_classes)
