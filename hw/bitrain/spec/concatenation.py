"""Which outputs a layer reads: those that lie behind each other in memory are read as one map.

Maps are stored channel by channel, so channels are put side by side by addresses alone (G. Huang et
al., *Densely Connected Convolutional Networks*, arXiv:1608.06993).
"""

from collections.abc import Sequence
from typing import Protocol


class Placed(Protocol):
    """What is known of a layer: what it reads, and where its output is put."""

    @property
    def source(self) -> int | None:
        """The layer whose output it reads, -1 for the image; None: the layer before it."""
        ...

    @property
    def concat_after(self) -> int | None:
        """The layer behind whose output its own is put, -1 for the image, or None."""
        ...


def parts_stored(layers: Sequence[Placed]) -> dict[int, tuple[int, ...]]:
    """For each layer, and for the image (-1), what it lies behind in memory, and itself last."""
    stored: dict[int, tuple[int, ...]] = {-1: (-1,)}
    for index, layer in enumerate(layers):
        stored[index] = (*(() if layer.concat_after is None else stored[layer.concat_after]), index)
    return stored


def parts_read(layers: Sequence[Placed]) -> tuple[tuple[int, ...], ...]:
    """For each layer, whose outputs it reads, first channels first; -1 stands for the image.

    A layer reads the output of its source and everything that this lies behind.
    """
    stored = parts_stored(layers)
    return tuple(
        stored[index - 1 if layer.source is None else layer.source]
        for index, layer in enumerate(layers)
    )
