"""Normalisation and upscaling: each layer's weight clip and shift, chosen from a batch of images.

With c below max|w| the many small weights keep more of their precision while a few large ones
saturate; the shift, a power-of-two gain, sets where activations saturate. Both are searched
together, layer by layer, for the best signal-to-noise ratio of the layer's real output (streams,
quantisation and the errors of the layers before included) against the float network's.
"""

import math
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from bitrain.spec import BitrainError

from .layer import ScLayer

CLIP_PERCENTILES = (100, 99.9, 99.5, 99, 98, 97, 96, 95, 93, 91, 89, 86, 83, 80, 75, 70)
"""Of |w|: candidates for the clip c."""
FINER_SHIFTS = 4
"""How many shifts below the one that lets nothing saturate are tried."""
SHIFTS = range(-16, 25)
"""What the contract allows."""


@torch.no_grad()
def calibrate(
    layers: Iterable[ScLayer], images: Tensor, activations: Tensor, *, normalise: bool
) -> None:
    """Set ``clip``, ``in_scale`` and ``shift`` of every layer.

    images: (batch, channels, rows, columns) in [0, 1]; activations: the same as integers 0 … 2^n.
    Without ``normalise`` nothing saturates: c = max|w|, and the least shift that fits.
    """
    wanted, in_scale = images, 1.0
    for layer in layers:
        if not layer.source.weight.any():
            raise BitrainError(f"{layer.source.name}: all weights are zero; train the model first")
        wanted = layer.source.forward(wanted)
        layer.in_scale.fill_(in_scale)
        best = math.inf, 1.0, 0
        for clip, shift, found in _candidates(layer, activations, wanted, normalise):
            error = (found - wanted).square().mean().item()
            best = min(best, (error, clip, shift))
        _, clip, shift = best
        layer.clip.fill_(clip)
        layer.shift.fill_(shift)
        activations = layer(activations)
        in_scale = layer.out_scale


def _candidates(
    layer: ScLayer, activations: Tensor, wanted: Tensor, normalise: bool
) -> Iterator[tuple[float, int, Tensor]]:
    """Clips and shifts worth a try, with the output in the float network's unit."""
    magnitudes = layer.source.weight.abs().flatten().double()
    largest = max(wanted.max().item(), 1e-9)  # positive where no image fires any neuron
    for percentile in CLIP_PERCENTILES if normalise else CLIP_PERCENTILES[:1]:
        clip = magnitudes.quantile(percentile / 100).item()
        if clip == 0:
            continue
        layer.clip.fill_(clip)
        layer.shift.fill_(0)
        accumulators = layer.accumulate(activations)
        if not layer.source.relu:
            yield clip, 0, accumulators * layer.product_scale
            continue
        highest = math.ceil(math.log2(largest / layer.out_scale))
        for shift in range(highest - FINER_SHIFTS if normalise else highest, highest + 1):
            layer.shift.fill_(min(max(shift, SHIFTS[0]), SHIFTS[-1]))
            found = layer.finish(accumulators) * (layer.out_scale / layer.one)
            yield clip, int(layer.shift.item()), found
