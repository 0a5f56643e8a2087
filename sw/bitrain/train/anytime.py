"""One set of weights for several lengths of the streams, trained together.

Every batch runs at the longest length and at the shorter ones, or at some that are drawn, and the
losses are added. What the longest gives teaches the shorter ones too (J. Yu et al., *Slimmable
Neural Networks*, arXiv:1812.08928, and *Universally Slimmable Networks*, arXiv:1903.05134, do so
with widths).
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from bitrain.nn import ScModel
from bitrain.spec import BitrainError

from .config import FineTuneConfig

Outputs = dict[int, Tensor]
"""What a model gives, by length, the longest first."""


class Prefixes(nn.Module):
    """A converted model that gives what it gives at each of its lengths."""

    def __init__(
        self,
        sc_model: ScModel,
        forward: Callable[[Tensor], Tensor],
        trained: nn.Module,
        sampled: int | None = None,
    ):
        """forward: of the model, at the length at work. trained: what of it has gradients."""
        super().__init__()
        self.trained = trained
        self._run = sc_model, forward, sampled

    def forward(self, images: Tensor) -> Outputs:
        """Outputs by length; while training of the sampled lengths alone."""
        sc_model, forward, sampled = self._run
        *shorter, longest = sc_model.prefixes
        if self.training and sampled is not None:
            drawn = torch.randperm(len(shorter))[:sampled]
            shorter = [shorter[index] for index in sorted(drawn.tolist())]
        found: Outputs = {}
        for length in (longest, *reversed(shorter)):
            with sc_model.prefix(length):
                found[length] = forward(images)
        return found


def weights_of(lengths: Sequence[int], config: FineTuneConfig) -> dict[int, float]:
    """Weights of the losses by length, one on average."""
    given = config.prefix_weights or (1.0,) * len(lengths)
    if len(given) != len(lengths):
        raise BitrainError(
            f"prefix_weights has {len(given)} numbers, and sc.lengths {len(lengths)}; give one "
            "for each length, shortest first, or leave them out"
        )
    mean = sum(given) / len(given)
    return dict(zip(lengths, (weight / mean for weight in given), strict=True))
