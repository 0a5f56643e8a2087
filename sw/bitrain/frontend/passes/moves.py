"""What an order of elements does to channels, rows and columns."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from bitrain.spec import Shape


@dataclass(frozen=True)
class Line:
    """Rows or columns that are taken: zeros, every ``step``-th from ``start`` on, zeros."""

    before: int
    start: int
    step: int
    count: int
    after: int

    def is_whole(self, size: int) -> bool:
        """All there are, one after the other, with or without zeros around."""
        return (self.start, self.step, self.count) == (0, 1, size)

    def is_every(self, size: int) -> bool:
        """Every ``step``-th from the first on, without zeros."""
        whole = -(-size // self.step)
        return (self.before, self.start, self.count, self.after) == (0, 0, whole, 0)


class Moved(NamedTuple):
    """An index that takes channels, rows and columns each by themselves; -1 stands for zeros."""

    channels: Tensor
    rows: Line
    columns: Line

    def keeps_places(self, shape: Shape) -> bool:
        """Whether rows and columns stay as they are."""
        return self.rows == Line(0, 0, 1, shape.height, 0) and self.columns == Line(
            0, 0, 1, shape.width, 0
        )

    def keeps_channels(self, shape: Shape) -> bool:
        """Whether channels stay as they are."""
        return torch.equal(self.channels, torch.arange(shape.channels))

    def permutes(self, shape: Shape) -> bool:
        """Whether every channel is there once."""
        return torch.equal(self.channels.sort().values, torch.arange(shape.channels))


def moved(index: Tensor, shape: Shape) -> Moved | None:
    """How ``index`` takes a map of ``shape`` apart; None where it does so in another way."""
    inside, area = index >= 0, shape.height * shape.width
    places = (index // area, index % area // shape.width, index % shape.width)
    others = ((1, 2), (0, 2), (0, 1))
    channels, rows, columns = (
        torch.where(inside, place, -1).amax(dims)
        for place, dims in zip(places, others, strict=True)
    )
    parts = channels[:, None, None], rows[None, :, None], columns[None, None, :]
    there = (parts[0] >= 0) & (parts[1] >= 0) & (parts[2] >= 0)
    rebuilt = torch.where(there, parts[0] * area + parts[1] * shape.width + parts[2], -1)
    lines = _line(rows), _line(columns)
    if lines[0] is None or lines[1] is None or not torch.equal(rebuilt, index):
        return None
    return Moved(channels, lines[0], lines[1])


def _line(places: Tensor) -> Line | None:
    taken = (places >= 0).nonzero().flatten().tolist()
    if not taken:
        return None
    first, last = taken[0], taken[-1]
    middle = places[first : last + 1]
    steps = middle.diff()
    step = int(steps[0]) if len(steps) else 1
    if step < 1 or not (steps == step).all():
        return None
    return Line(first, int(middle[0]), step, len(middle), len(places) - last - 1)
