"""Augmentation of image batches. Draws are the CPU's, so that they do not depend on the device."""

import torch
from torch import Tensor
from torch.nn import functional as F


def random_flip(images: Tensor) -> Tensor:
    """Mirror half of the images, left to right."""
    mirrored = (torch.rand(len(images)) < 0.5).to(images.device)
    return torch.where(mirrored[:, None, None, None], images.flip(-1), images)


def random_shift(images: Tensor, max_shift: int) -> Tensor:
    """Move each image by up to ``max_shift`` rows and columns of its own; zeros come in."""
    if max_shift == 0:
        return images
    count, channels, height, width = images.shape
    padded = F.pad(images, (max_shift,) * 4)
    rows = torch.randint(2 * max_shift + 1, (count, 1)) + torch.arange(height)
    columns = torch.randint(2 * max_shift + 1, (count, 1)) + torch.arange(width)
    index = (
        torch.arange(count)[:, None, None, None],
        torch.arange(channels)[None, :, None, None],
        rows[:, None, :, None],
        columns[:, None, None, :],
    )
    return padded[tuple(part.to(images.device) for part in index)]


def random_cutout(images: Tensor, size: int) -> Tensor:
    """Blacken a square of ``size`` pixels in each image; parts of it may be outside.

    T. DeVries and G. Taylor, *Improved Regularization of Convolutional Neural Networks with
    Cutout*, arXiv:1708.04552.
    """
    if size == 0:
        return images
    inside = []
    for length in images.shape[2:]:
        first = torch.randint(1 - size, length, (len(images), 1))
        offset = torch.arange(length) - first
        inside.append((offset >= 0) & (offset < size))
    square = inside[0][:, None, :, None] & inside[1][:, None, None, :]
    return images.masked_fill(square.to(images.device), 0)
