"""The straight-through estimator: exact integers forward, real-valued gradients backward.

Y. Bengio, N. Léonard and A. Courville, *Estimating or Propagating Gradients Through Stochastic
Neurons for Conditional Computation*, arXiv:1308.3432 (2013).
"""

from typing import Any

import torch
from torch import Tensor


class _StraightThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, real: Tensor, exact: Tensor) -> Tensor:
        return exact.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0], None


def straight_through(real: Tensor, exact: Tensor) -> Tensor:
    """``exact``, bit for bit, with the gradient that ``real`` would have; both of one shape."""
    assert real.shape == exact.shape
    result = _StraightThrough.apply(real.to(exact.dtype), exact)
    assert isinstance(result, Tensor)
    return result


def round_through(real: Tensor) -> Tensor:
    """Nearest integers (half up), with the gradient of the identity."""
    return straight_through(real, torch.floor(real.detach() + 0.5))
