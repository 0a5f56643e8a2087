"""Concatenation: outputs that lie behind each other in memory are read as one map.

Maps are stored channel by channel, so channels are put side by side by addresses alone (G. Huang et
al., *Densely Connected Convolutional Networks*, arXiv:1608.06993).
"""

from collections.abc import Sequence


def parts_read(appends: Sequence[int | None]) -> tuple[tuple[int, ...], ...]:
    """For each layer, whose outputs it reads, first channels first; -1 stands for the image.

    appends: for each layer, behind whose output its own is put, -1 for the image, or None. A layer
    reads the output of the layer before it and everything that this lies behind.
    """
    stored: dict[int, tuple[int, ...]] = {-1: (-1,)}
    for index, append in enumerate(appends):
        stored[index] = (*(() if append is None else stored[append]), index)
    return tuple(stored[index - 1] for index in range(len(appends)))
