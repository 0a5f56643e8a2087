"""Words of the weight and bias ROMs, in the order in which the engine reads them."""

from collections.abc import Iterator

from bitrain.spec import Layer

from .arithmetics import Accumulation
from .array import Array
from .tiling import Tiling


def weights(layer: Layer, tiling: Tiling, array: Array, bits: int) -> Iterator[int]:
    """For each tile of channels and each slot k, P weights of ``bits`` bits, channel 0 lowest.

    A tile holds channels of one group. The sign is a weight's most significant bit. Slots are
    rounded up to whole chunks; what has no input is zero, as are channels beyond a group's last.
    """
    matrix, size = layer.weight_matrix, layer.group_channels
    slots = layer.slots.tolist()
    slots += [-1] * (tiling.chunks * array.lanes - len(slots))
    for group in range(0, layer.out_channels, size):
        for first in range(group, group + size, array.channels):
            rows = matrix[first : min(first + array.channels, group + size)].tolist()
            for k in slots:
                word = 0
                for p, row in enumerate(rows):
                    weight = row[k] if k >= 0 else 0
                    word |= (abs(weight) | (weight < 0) << (bits - 1)) << p * bits
                yield word


def num_padding_values(layer: Layer) -> int:
    """Words of the ROM of padding values that a layer takes: its channels, or none where zero."""
    padded = any(map(any, layer.margins)) and layer.padding_value.any()
    return layer.in_shape.channels if padded else 0


def num_biases(layer: Layer, array: Array) -> int:
    """Words of the bias ROM that a layer takes: its channels, rounded up to whole tiles."""
    return -(-layer.out_channels // array.channels) * array.channels


def biases(layer: Layer, sums: Accumulation, array: Array, score_bits: int) -> Iterator[int]:
    """A word per output channel: its constant, and the upscale above it; zero beyond the last."""
    mask = (1 << score_bits) - 1
    for constant, upscale in zip(sums.constants.tolist(), sums.upscale.tolist(), strict=True):
        yield constant & mask | upscale << score_bits
    yield from [0] * (num_biases(layer, array) - layer.out_channels)
