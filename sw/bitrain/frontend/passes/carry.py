"""What a shortcut can take of a stored map, and steps that bring what it cannot."""

import torch

from bitrain.spec import BitrainError

from ..float_layer import FloatShortcut
from ..graph import Graph
from ..operations import Concatenate, Convolution, Gather, Node
from .moves import Line, moved


def is_reshape(node: Node) -> bool:
    """Whether elements stay in their order, in another shape; not of maps that lie side by side."""
    if not isinstance(gather := node.operation, Gather):
        return False
    alone = not isinstance(node.source.operation, Concatenate)
    return alone and torch.equal(gather.index.flatten(), torch.arange(node.source.shape.size))


def takes(node: Node) -> FloatShortcut | None:
    """How a shortcut takes what a node gives from the node's input; None if it does not."""
    if not isinstance(gather := node.operation, Gather):
        return None
    shape = node.source.shape
    if (found := moved(gather.index, shape)) is None:
        return None
    if not (found.rows.is_every(shape.height) and found.columns.is_every(shape.width)):
        return None
    first, count = int((found.channels < 0).long().argmin()), shape.channels
    inside = found.channels[first : first + count]
    if not torch.equal(inside, torch.arange(count)):
        return None
    outside = torch.cat([found.channels[:first], found.channels[first + count :]])
    if (outside >= 0).any():
        return None
    after = len(found.channels) - first - count
    return FloatShortcut(0, (found.rows.step, found.columns.step), first, after)


def carried(graph: Graph, node: Node) -> Node:
    """A step that brings channels, rows and columns of a map as a move takes them.

    :class:`BitrainError` for a move that mixes them.
    """
    assert isinstance(node.operation, Gather)
    source = node.source
    found = moved(node.operation.index, source.shape)
    down = found and _ends(found.rows, source.shape.height)
    across = found and _ends(found.columns, source.shape.width)
    if not found or not down or not across:
        raise BitrainError(
            f"{node.origins[0] if node.origins else node.name}: moves pixels in a way that no "
            "layer reads; recast the block that holds it into convolutions (bitrain recast)"
        )
    (top, bottom, rows), (left, right, columns) = down, across
    same = found.keeps_channels(source.shape)
    count = len(found.channels)
    weight = torch.zeros(count, 1 if same else source.shape.channels, rows, columns)
    out = torch.arange(count)
    inside = found.channels >= 0
    place = (found.rows.start, found.columns.start)
    weight[out[inside], 0 if same else found.channels[inside], place[0], place[1]] = 1
    conv = Convolution(
        weight=weight,
        bias=torch.zeros(count),
        stride=(found.rows.step, found.columns.step),
        before=(top, left),
        after=(bottom, right),
        groups=count if same else 1,
        trained=False,
    )
    new = graph.insert(conv, [source], node.name, node)
    for origin in node.origins:
        origin.fate = "a step of its own: pixels as they are"
    return new


def _ends(line: Line, size: int) -> tuple[int, int, int] | None:
    """Zeros before and after, and kernel, with which a convolution takes a line; None: none."""
    if line.step > 1 and (line.before or line.after):
        return None
    last = line.start + (line.count - 1) * line.step
    if (line.before and line.start) or (line.after and last < size - 1):
        return None
    return line.before, line.after, line.start + size - last
