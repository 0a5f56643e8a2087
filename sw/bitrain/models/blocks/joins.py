"""Where two paths meet: by a sum, or side by side."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Subsample(nn.Module):
    """Shortcut without weights: every ``stride``-th pixel, new channels are zero.

    Half of the new channels come before the old ones and half after: option A of K. He et al.,
    *Deep Residual Learning for Image Recognition*, arXiv:1512.03385.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int):
        super().__init__()
        self.stride = stride
        self.before = (out_channels - in_channels) // 2
        self.after = out_channels - in_channels - self.before

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, in, rows, columns) to (batch, out, rows / stride, columns / stride)."""
        kept = inputs[:, :, :: self.stride, :: self.stride]
        return F.pad(kept, (0, 0, 0, 0, self.before, self.after))

    def extra_repr(self) -> str:
        """Stride and zero channels before and after, for ``repr``."""
        return f"stride={self.stride}, before={self.before}, after={self.after}"


class Residual(nn.Module):
    """relu(body(x) + shortcut(x)); the body ends without a ReLU of its own."""

    def __init__(self, body: nn.Sequential, shortcut: nn.Module | None = None):
        super().__init__()
        self.body = body
        self.shortcut = shortcut or nn.Identity()

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, in, rows, columns) to the shape that the body gives."""
        return F.relu(self.body(inputs) + self.shortcut(inputs))


class Concatenate(nn.Module):
    """The input's channels and then those of body(input), side by side.

    G. Huang et al., *Densely Connected Convolutional Networks*, arXiv:1608.06993.
    """

    def __init__(self, body: nn.Sequential):
        super().__init__()
        self.body = body

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, in, rows, columns) to (batch, in + grown, rows, columns)."""
        return torch.cat([inputs, self.body(inputs)], 1)
