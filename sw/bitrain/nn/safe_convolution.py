"""Convolutions whose backward pass is sound on every processor.

In torch 2.13 the backward pass of oneDNN's convolution writes beyond its buffers on processors with
AVX2 and without AVX-512, where the kernel is 1 x 1, the stride is above 1, a group reads 2 to 7
channels, and the input or the weights are channels last. Whatever lies there on the heap is
damaged. With both in torch's default order such a convolution is sound.
``tests/system/test_heap.py`` trains under a malloc that checks.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

VECTOR = 8
"""Floats of an AVX2 register. Groups that read so many channels or more are sound."""

_PARAMETERS = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")


class SafeConvolutions(TorchFunctionMode):
    """A context manager: the forward passes within it have a sound backward pass."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        given = dict(kwargs or {})
        if func is torch.conv2d:
            given |= dict(zip(_PARAMETERS, args, strict=False))
            layout = safe_layout(given["input"], given["weight"], given.get("stride", 1))
            given["input"], given["weight"], args = *layout, ()
        return func(*args, **given)


def safe_layout(
    inputs: Tensor, weight: Tensor, stride: int | tuple[int, ...]
) -> tuple[Tensor, Tensor]:
    """The operands of a convolution, in torch's default order of memory where it must be so.

    inputs: (batch, in, rows, columns); weight: (out, in / groups, rows, columns).
    """
    pointwise = weight.shape[2:] == (1, 1) and 1 < weight.shape[1] < VECTOR
    if not pointwise or stride in (1, (1,), (1, 1), [1, 1]):
        return inputs, weight
    # `contiguous` alone leaves strides of channels last where two orders are one: at 1 x 1.
    return inputs.flatten().view(inputs.shape), weight.flatten().view(weight.shape)
