"""Images as a model was trained on them: normalised before it reads them."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from bitrain.spec import BitrainError

Normalisation = tuple[Sequence[float], Sequence[float]]
"""Mean and standard deviation: one number each, or one for each channel."""


def normalise_inputs(
    model: nn.Module,
    mean: Sequence[float] | float,
    std: Sequence[float] | float,
    in_shape: Sequence[int],
) -> nn.Module:
    """Let ``model`` read (images - mean) / std, from now on; returns it.

    mean, std: a number, or one for each channel, in the range 0 … 1 of the images. in_shape: of one
    image, channels first. Raises :class:`BitrainError` for other counts and for a std that is not
    positive.
    """
    channels, parts = in_shape[0], []
    for name, given in (("mean", mean), ("std", std)):
        value = torch.as_tensor(given, dtype=torch.float32).flatten()
        if value.numel() not in (1, channels) or not value.isfinite().all():
            raise BitrainError(
                f"{name} {_spelt(value)}: expected one number, or one for each of {channels} "
                "channels"
            )
        parts.append(value.reshape(-1, *[1] * (len(in_shape) - 1)))
    centre, spread = parts
    if not (spread > 0).all():
        raise BitrainError(f"std {_spelt(spread)}: expected positive numbers")

    def before(_model: nn.Module, args: tuple[Any, ...]) -> tuple[Tensor]:
        (images,) = args
        return ((images - centre.to(images)) / spread.to(images),)

    model.register_forward_pre_hook(before)
    return model


def _spelt(value: Tensor) -> str:
    return ", ".join(f"{number:g}" for number in value.flatten().tolist())
