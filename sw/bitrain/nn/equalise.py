"""Equal ranges of a map's channels: small ones would use few of the 2^n steps of their layer.

M. Nagel et al., *Data-Free Quantization Through Weight Equalization and Bias Correction*,
arXiv:1906.04721; here of the activations, as each output channel has a clip of its own for its
weights.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from bitrain.frontend import FloatLayer
from bitrain.frontend.float_layer import walk
from bitrain.spec import parts_read

LEAST = 1 / 16
"""Least part of the largest channel that is taken for a channel's range."""


@torch.no_grad()
def equalised(chain: Sequence[FloatLayer], images: Tensor, exponent: float) -> list[FloatLayer]:
    """A chain that computes the same, with channels of more equal ranges.

    images: (batch, channels, rows, columns) in [0, 1], which give the ranges. exponent: 1 makes all
    ranges of a map equal, 0 leaves all as they are. A channel of range r is divided by

        e = max(r / R, 1/16)^exponent

    with the map's largest range R, or the ceiling of its activations, and what reads it multiplies
    by e. Of values beyond r, which no image had, a ceiling cuts more. Maps that a shortcut adds,
    that several layers read, or that lie behind each other stay as they are, and so does what
    average pooling reads.
    """
    layers = list(chain)
    maps = walk(layers, images, lambda index, read, added: layers[index].forward(read, added))
    for index, (layer, stored) in enumerate(zip(chain, maps, strict=True)):
        reader = _only_reader(chain, index)
        if reader is None:
            continue
        ranges = stored.amax((0, 2, 3)).clamp(min=0)
        whole = ranges.max() if layer.ceiling is None else torch.tensor(layer.ceiling)
        if not whole > 0:
            continue
        parts = (ranges / whole).clamp(LEAST, 1) ** exponent
        parts = torch.where(ranges > 0, parts, torch.ones_like(parts))
        layers[index] = replace(
            layers[index],
            weight=layers[index].weight / parts[:, None, None, None],
            bias=layers[index].bias / parts,
        )
        layers[reader] = _reading(layers[reader], parts)
    return layers


def _only_reader(chain: Sequence[FloatLayer], index: int) -> int | None:
    """The one layer that reads what a layer stores, if all it stores can be scaled."""
    reads = parts_read(chain)
    readers = [j for j, parts in enumerate(reads) if index in parts]
    layer = chain[index]
    joined = layer.concat_after is not None or any(each.concat_after == index for each in chain)
    added = any(each.shortcut and each.shortcut.source == index for each in chain)
    if len(readers) != 1 or joined or added or layer.shortcut or not layer.trained:
        return None
    reader = chain[readers[0]]
    channels, whole = layer.out_shape.channels, reader.in_shape.channels
    same = whole == channels or (reader.kind == "linear" and whole % channels == 0)
    return readers[0] if same and reader.trained else None


def _reading(layer: FloatLayer, parts: Tensor) -> FloatLayer:
    """A layer that reads channels divided by ``parts``."""
    inputs = parts.repeat_interleave(layer.in_shape.channels // len(parts))
    grouped = inputs.reshape(layer.groups, 1, -1)
    outputs = len(layer.weight) // layer.groups
    factors = grouped.expand(-1, outputs, -1).flatten(0, 1)[:, :, None, None]
    padding = layer.padding_value
    return replace(
        layer,
        weight=layer.weight * factors,
        padding_value=None if padding is None else padding / inputs,
    )
