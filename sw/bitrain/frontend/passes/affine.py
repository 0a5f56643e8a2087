"""Take gains and offsets of channels into weights and biases.

Before: batch norm, normalised images and constants are nodes of their own (S. Ioffe and C. Szegedy,
*Batch Normalization*, arXiv:1502.03167). After: they are in the convolution before them, if nothing
else reads that, or in all those that read them; what was zero around such a map is then the value
that the gain and the offset make zero of. The rest are convolutions of single channels.
"""

from dataclasses import replace
from functools import partial

import torch

from ..graph import Graph, settle
from ..operations import (
    Affine,
    Clip,
    Concatenate,
    Convolution,
    Input,
    Node,
    Pool,
)
from ..ranges import is_nonnegative


def fold_affine(graph: Graph) -> None:
    """See the module."""
    settle(graph, _join, _back, _later, _apart, _forward)
    # Means are left as they are, if there is another way: their products are exact.
    settle(graph, partial(_back, means=True))
    for node in graph.nodes:
        if isinstance(affine := node.operation, Affine):
            _alone(graph, node, affine)


def _join(graph: Graph, node: Node) -> bool:
    """Two in a row."""
    if not isinstance(second := node.operation, Affine):
        return False
    if not isinstance(first := node.source.operation, Affine):
        return False
    both = Affine(first.gain * second.gain, first.offset * second.gain + second.offset)
    new = graph.insert(both, [node.source.source], node.name, node)
    new.origins = node.source.origins + node.origins
    graph.replace(node, new)
    return True


def _back(graph: Graph, node: Node, *, means: bool = False) -> bool:
    """Into the convolution that nothing else reads."""
    if not isinstance(affine := node.operation, Affine):
        return False
    source = node.source
    if not isinstance(conv := source.operation, Convolution) or len(graph.users[source]) > 1:
        return False
    if not conv.trained and not means:
        return False
    folded = replace(conv.scaled(affine.gain, affine.offset), trained=True)
    new = graph.insert(folded, source.inputs, source.name, node)
    for origin in node.origins:
        origin.fate = f"in the weights of {source.name}"
    new.origins = source.origins + node.origins
    graph.replace(node, new)
    return True


def _later(graph: Graph, node: Node) -> bool:
    """After a pooling: the largest of a window stays the largest, and a mean is linear."""
    if not isinstance(node.operation, Pool | Convolution):
        return False
    source = node.source
    if not isinstance(affine := source.operation, Affine) or len(graph.users[source]) > 1:
        return False
    if isinstance(node.operation, Pool):
        if not (affine.gain > 0).all():
            return False
    elif not node.operation.is_mean:
        return False
    pool = graph.insert(node.operation, source.inputs, node.name)
    pool.origins = node.origins
    new = graph.insert(affine, [pool], source.name, node)
    new.origins = source.origins
    graph.replace(node, new)
    return True


def _apart(graph: Graph, node: Node) -> bool:
    """Of maps side by side: to each of them, if each is a convolution that nothing else reads."""
    if not isinstance(affine := node.operation, Affine):
        return False
    source = node.source
    if not isinstance(source.operation, Concatenate) or len(graph.users[source]) > 1:
        return False
    users = graph.users
    if any(
        not isinstance(part.operation, Convolution) or len(users[part]) > 1
        for part in source.inputs
    ):
        return False
    sizes = [part.shape.channels for part in source.inputs]
    pairs = zip(affine.gain.split(sizes), affine.offset.split(sizes), strict=True)
    parts = []
    for part, pair in zip(source.inputs, pairs, strict=True):
        new = graph.insert(Affine(*pair), [part], f"{node.name}.{part.name}")
        new.origins = node.origins
        parts.append(new)
    new = graph.insert(Concatenate(), parts, source.name, node)
    new.origins = source.origins
    graph.replace(node, new)
    return True


def _forward(graph: Graph, node: Node) -> bool:
    """Into a convolution that reads it."""
    if not isinstance(conv := node.operation, Convolution):
        return False
    source = node.source
    if not isinstance(affine := source.operation, Affine) or not affine.gain.all():
        return False
    gain, offset = affine.gain, affine.offset
    if conv.linear:
        area = source.shape.height * source.shape.width
        gain, offset = gain.repeat_interleave(area), offset.repeat_interleave(area)
    around = torch.zeros_like(gain) if conv.value is None else conv.value
    columns = conv.columns * gain[None, :, None, None]
    bias = conv.bias + (conv.columns.sum((2, 3)) * offset).sum(1)
    value = (around - offset) / gain if conv.is_padded else None
    if value is not None and value.any() and graph.exact_borders:
        return _with_ones(graph, node, conv, affine)
    if not _stays_in_range(graph, value, source.source):
        return False
    weight = columns if conv.groups == 1 else _compact(columns, conv)
    folded = replace(conv, weight=weight, bias=bias, value=value, trained=True)
    for origin in source.origins:
        origin.fate = f"in the weights of {node.name}"
    new = graph.insert(folded, [source.source], node.name, node)
    new.origins = source.origins + node.origins
    graph.replace(node, new)
    return True


def _with_ones(graph: Graph, node: Node, conv: Convolution, affine: Affine) -> bool:
    """Into a convolution that reads a channel of ones too, which end where the map ends."""
    source = node.source.source
    if conv.linear or conv.value is not None or not is_nonnegative(source):
        return False
    weight = torch.zeros(1, source.shape.channels, 1, 1)
    weight[0, 0] = 1
    one = Convolution(weight=weight, bias=torch.ones(1), trained=False)
    sums = graph.insert(one, [source], f"{node.name}.ones")
    ones = graph.insert(Clip(0.0, 1.0), [sums], f"{node.name}.ones")  # of 1 + a channel
    beside = graph.insert(Concatenate(), [source, ones], f"{node.name}.beside")
    columns = conv.columns
    shares = (columns * affine.offset[None, :, None, None]).sum(1, keepdim=True)
    columns = torch.cat([columns * affine.gain[None, :, None, None], shares], 1)
    folded = replace(conv, weight=columns, groups=1)
    new = graph.insert(folded, [beside], node.name, node)
    new.origins = node.source.origins + node.origins
    for origin in node.source.origins:
        origin.fate = f"in the weights of {node.name}, beside a channel of ones"
    graph.replace(node, new)
    return True


def _compact(columns: torch.Tensor, conv: Convolution) -> torch.Tensor:
    size, reads = len(columns) // conv.groups, conv.weight.shape[1]
    return torch.cat(
        [
            columns[g * size : (g + 1) * size, g * reads : (g + 1) * reads]
            for g in range(conv.groups)
        ]
    )


def _stays_in_range(graph: Graph, value: torch.Tensor | None, source: Node) -> bool:
    """Whether what stands around a map is in the range of its values."""
    if value is None or not value.any():
        return True
    if isinstance(source.operation, Input):
        return bool((value >= 0).all() and (value <= 1).all())
    given = graph.value(source)
    low, high = min(0.0, float(given.min())), float(given.max())
    return bool((value >= low).all() and (value <= high).all())


def _alone(graph: Graph, node: Node, affine: Affine) -> None:
    """As a step of its own."""
    conv = Convolution(
        weight=affine.gain[:, None, None, None].clone(),
        bias=affine.offset.clone(),
        groups=node.shape.channels,
    )
    for origin in node.origins:
        origin.fate = "a step of its own: each channel by itself"
    graph.replace(node, graph.insert(conv, node.inputs, node.name, node))
