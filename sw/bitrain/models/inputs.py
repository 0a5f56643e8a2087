"""Images as a model was trained on them: normalised before it reads them."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from bitrain.spec import BitrainError

Normalisation = tuple[Sequence[float], Sequence[float]]
"""Mean and standard deviation: one number each, or one for each channel."""


def normalise_inputs(
    model: nn.Module, mean: Sequence[float] | float, std: Sequence[float] | float, channels: int
) -> nn.Module:
    """Let ``model`` read (images - mean) / std, from now on; returns it.

    mean, std: a number, or one for each of ``channels``, in the range 0 … 1 of the images. Raises
    :class:`BitrainError` for other counts and for a std that is not positive.
    """
    parts = []
    for name, given in (("mean", mean), ("std", std)):
        value = torch.as_tensor(given, dtype=torch.float32).flatten()
        if value.numel() not in (1, channels) or not value.isfinite().all():
            raise BitrainError(
                f"{name} {_spelt(value)}: expected one number, or one for each of {channels} "
                "channels"
            )
        parts.append(value)
    if not (parts[1] > 0).all():
        raise BitrainError(f"std {_spelt(parts[1])}: expected positive numbers")

    def before(_model: nn.Module, args: tuple[Any, ...]) -> tuple[Tensor]:
        (images,) = args
        rank = images.dim() - 2
        centre, spread = (part.to(images).reshape(-1, *[1] * rank) for part in parts)
        return ((images - centre) / spread,)

    model.register_forward_pre_hook(before)
    return model


def _spelt(value: Tensor) -> str:
    return ", ".join(f"{number:g}" for number in value.tolist())
