"""How many chunks of a network's inputs are all zero, and what skipping them saves."""

from dataclasses import dataclass

import numpy as np

from bitrain import golden
from bitrain.cost import estimate, skipping_cycles
from bitrain.cost.cycles import IMAGE_OVERHEAD
from bitrain.program import Array, Program
from bitrain.spec import Network

BATCH = 64


@dataclass(frozen=True, kw_only=True)
class LayerZeros:
    """Zeros of one layer, or of all: means over images."""

    name: str
    share: float
    """Share of the chunks whose activations are zero at all positions of the tile."""
    cycles: float
    most_cycles: int
    """Without a zero, and in an accelerator that does not skip them."""


@dataclass(frozen=True, kw_only=True)
class ZeroReport:
    """What an accelerator saves that skips zeros."""

    layers: tuple[LayerZeros, ...]
    images: int
    cycles: np.ndarray
    """Cycles of each image."""
    most_cycles: int


def measure_zeros(network: Network, array: Array, images: np.ndarray) -> ZeroReport:
    """Zero chunks and exact cycles of ``images``, which are as in ``golden.run``.

    Raises :class:`BitrainError` for a network or an array that has no zeros to skip.
    """
    program = Program(network, array, skip_zeros=True)
    shares, cycles = [], []
    for first in range(0, len(images), BATCH):
        batch = images[first : first + BATCH]
        zero = golden.zero_chunks(network, array, batch, golden.run(network, batch))
        shares += np.stack([found.mean((1, 2, 3)) for found in zero], 1).tolist()
        cycles += skipping_cycles(program, zero).T.tolist()
    cost = estimate(program)
    rows = zip(cost.layers, np.mean(shares, 0), np.mean(cycles, 0), strict=True)
    layers = tuple(
        LayerZeros(name=one.name, share=share, cycles=mean, most_cycles=one.cycles)
        for one, share, mean in rows
    )
    most, total = cost.latency, np.sum(cycles, 1) + IMAGE_OVERHEAD
    return ZeroReport(layers=layers, images=len(images), cycles=total, most_cycles=most)
