"""Words of the ROM of stream constants: what neurons in stream mode start with and take off.

The hardware keeps S - θ, whose sign is the fire signal. A negative weight's lane counts
(x AND w) XOR 1, one too many per cycle: the sum starts lower by what the first chunks count too
much, and each cycle of the last chunk takes its own off.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bitrain.spec import Layer
from bitrain.spec.stream import first_emitting, state_range, threshold_bits

from .array import Array
from .tiling import Tiling


@dataclass(frozen=True, kw_only=True)
class StreamWidths:
    """Bits of what the neurons of a program with stream layers need."""

    state: int
    """S - θ, two's complement; counts of counter mode fit too."""
    negatives: int
    """Negative weights in a chunk."""
    exponent: int
    """log2 θ."""

    @property
    def channel(self) -> int:
        """A channel's constants: start (lowest), negatives, exponent."""
        return self.state + self.negatives + self.exponent


def stream_widths(layers: list[Layer], array: Array, bits: int, count_bits: int) -> StreamWidths:
    """Widths for these stream layers, and counters of ``count_bits``."""
    ranges = [state_range(layer, bits) for layer in layers]
    return StreamWidths(
        state=max(count_bits, *(max(-low - 1, high).bit_length() + 1 for low, high in ranges)),
        negatives=array.lanes.bit_length(),
        exponent=max(1, *(int(threshold_bits(y, bits).max()).bit_length() for y in layers)),
    )


def stream_words(layer: Layer, array: Array, bits: int, widths: StreamWidths) -> Iterator[int]:
    """A word for each tile of channels: the constants of its P channels, channel 0 lowest.

    Start is what S - θ begins with, all products of the first chunks counted as lanes count them.
    """
    negative, first = layer.weight_matrix < 0, first_emitting(layer, array.lanes)
    before, last = negative[:, :first].sum(1), negative[:, first:].sum(1)
    exponents = threshold_bits(layer, bits)
    starts = layer.bias.astype(np.int64) - layer.stream_length * before - (1 << exponents)
    columns = np.stack([starts, last, exponents], 1).tolist()
    size = layer.group_channels
    for group in range(0, layer.out_channels, size):
        for tile in range(group, group + size, array.channels):
            word = 0
            for p, channel in enumerate(columns[tile : min(tile + array.channels, group + size)]):
                start, negatives, exponent = channel
                fields = start & ((1 << widths.state) - 1) | negatives << widths.state
                fields |= exponent << widths.state + widths.negatives
                word |= fields << p * widths.channel
            yield word


def num_stream_words(layer: Layer, tiling: Tiling) -> int:
    """Words that a layer takes: one for each tile of channels, none in counter mode."""
    return tiling.channel_tiles if layer.neuron == "stream" else 0
