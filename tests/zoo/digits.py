"""Handwritten digits in the shape that a model reads, for trainings of seconds."""

from collections.abc import Sequence

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor
from torch.nn import functional as F

TEST_IMAGES = 200


def digits_of(shape: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Images (1797, *shape) in [0, 1], in an order drawn once, and labels 0 … 9.

    Maps are enlarged, with a contrast of its own for each channel; signals and vectors are the
    pixels in a row.
    """
    pixels, classes = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(classes))
    images = torch.from_numpy(pixels[order]).float().reshape(-1, 8, 8) / 16
    labels = torch.from_numpy(classes[order]).long()
    channels = shape[0] if len(shape) > 1 else 1
    if len(shape) == 3 and min(shape[1:]) > 1:
        maps = F.interpolate(images[:, None], tuple(shape[1:]), mode="bilinear")
    else:
        size = int(np.prod(shape)) // channels
        maps = F.interpolate(images.flatten(1)[:, None], size, mode="linear")
        maps = maps.reshape(len(images), 1, *([size] if len(shape) < 3 else shape[1:]))
    powers = torch.linspace(1, 0.5, channels).reshape(1, channels, *[1] * (maps.dim() - 2))
    return (maps.clamp(0, 1) ** powers).reshape(len(images), *shape), labels
