"""Take orders of elements into the weights that read them.

Before: views, permutations, slices and zero padding are nodes of their own. After: channels that
are permuted, left out or zero are columns of the weights of what reads them, zeros around a map are
its padding, every s-th pixel its stride, and a flattened map the columns of a linear layer. What
has no effect is gone. What remains is brought by a step of its own (``sums``, ``steps``), or is
what a shortcut can take.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from bitrain.spec import MaxPool2d

from ..graph import Graph, Rule, settle
from ..operations import (
    Add,
    Affine,
    Clip,
    Concatenate,
    Convolution,
    Gather,
    Leaky,
    Node,
    Pool,
)
from ..ranges import is_nonnegative
from .moves import Moved, moved


def take_layout(graph: Graph) -> None:
    """See the module."""
    settle(graph, *_RULES)


def _rule(kind: Any) -> Callable[[Callable[[Graph, Node, Any], bool]], Rule]:
    """A rule for nodes of a kind, which is given their operation."""

    def of_kind(function: Callable[[Graph, Node, Any], bool]) -> Rule:
        def rule(graph: Graph, node: Node) -> bool:
            operation = node.operation
            return isinstance(operation, kind) and function(graph, node, operation)

        return rule

    return of_kind


def _index(node: Node) -> Tensor | None:
    return node.operation.index if isinstance(node.operation, Gather) else None


def _moved(node: Node) -> Moved | None:
    """What a node does, if it takes channels, rows and columns of its input."""
    index = _index(node)
    return None if index is None else moved(index, node.source.shape)


_OTHERS = ((1, 2), (0, 2), (0, 1))
"""For each axis, the others."""


def _in_order(node: Node) -> bool:
    """Whether a node gives all of its input, in order."""
    index = _index(node)
    return index is not None and torch.equal(index.flatten(), torch.arange(node.source.shape.size))


def _gather(graph: Graph, index: Tensor, source: Node, like: Node) -> Node:
    return graph.insert(Gather(index), [source], f"{like.name}.order", like)


def _changed(graph: Graph, node: Node, operation, source: Node, *, keeps: bool = True) -> Node:
    """``node`` with another operation of another input; keeps: it gives the same."""
    new = graph.insert(operation, [source], node.name)
    new.origins = node.origins
    if keeps:
        new.value = node.value
    return new


@_rule(Gather)
def _drop(graph: Graph, node: Node, gather: Gather) -> bool:
    """What moves nothing."""
    if node.shape != node.source.shape or not _in_order(node):
        return False
    graph.replace(node, node.source)
    return True


@_rule(Gather)
def _join(graph: Graph, node: Node, gather: Gather) -> bool:
    """Two moves, one after the other."""
    outer, inner = gather.index, _index(node.source)
    if inner is None or (_in_order(node.source) and _moved(node)):
        return False
    index = torch.where(outer < 0, -1, inner.flatten()[outer])
    graph.replace(node, _gather(graph, index, node.source.source, node))
    return True


@_rule(Gather)
def _reshape(graph: Graph, node: Node, gather: Gather) -> bool:
    """All elements in order, in another shape, with zeros around: the shape, and then the zeros."""
    index = gather.index
    inside = index >= 0
    if _moved(node) or inside.all():
        return False
    lines = [inside.any(others).nonzero().flatten() for others in _OTHERS]
    box = index
    for axis, line in enumerate(lines):
        if not len(line):
            return False
        box = box.narrow(axis, int(line[0]), int(line[-1] - line[0]) + 1)
    if not torch.equal(box.flatten(), torch.arange(node.source.shape.size)):
        return False
    shaped = graph.insert(Gather(box), node.inputs, f"{node.name}.shape")
    shaped.origins = node.origins
    whole = torch.full_like(index, -1)
    whole[inside] = torch.arange(box.numel())
    graph.replace(node, _gather(graph, whole, shaped, node))
    return True


@_rule(Gather)
def _crop(graph: Graph, node: Node, gather: Gather) -> bool:
    """Rows and columns that a convolution gives at its ends and nobody reads."""
    source, found = node.source, _moved(node)
    conv = source.operation
    if not isinstance(conv, Convolution) or conv.linear or found is None:
        return False
    if len(graph.users[source]) > 1 or not found.keeps_channels(source.shape):
        return False
    before, after = [], []
    for axis, line in enumerate((found.rows, found.columns)):
        size = source.shape[1 + axis]
        if line.before or line.after or line.step > 1:
            return False
        last = size - line.start - line.count
        before.append(conv.before[axis] - line.start * conv.stride[axis])
        after.append(conv.after[axis] - last * conv.stride[axis])
    if min(*before, *after) < 0:
        return False
    cropped = replace(conv, before=tuple(before), after=tuple(after))
    new = _changed(graph, source, cropped, source.source, keeps=False)
    if new.shape != node.shape:
        return False
    new.value, new.origins = node.value, source.origins + node.origins
    graph.replace(node, new)
    return True


def _of_source(values: Tensor, index: Tensor, node: Node, unused: float) -> Tensor | None:
    """Numbers of each channel of a moved map, as numbers of each channel of what was moved."""
    shape = node.shape
    inside = index >= 0
    channel = index.clamp(min=0) // (shape.height * shape.width)
    whole = values[:, None, None].expand(index.shape)
    own = values.new_full((shape.channels,), unused)
    own[channel[inside]] = whole[inside]
    return own if torch.equal(own[channel][inside], whole[inside]) else None


@_rule(Clip | Leaky | Affine)
def _swap(graph: Graph, node: Node, operation: Clip | Leaky | Affine) -> bool:
    """Element by element before the move: there it is of channels, and next to what it follows."""
    index, order = _index(node.source), node.source
    if index is None or len(graph.users[order]) > 1:
        return False
    source, zeros = order.source, bool((index < 0).any())
    match operation:
        case Clip(low=low, high=high):
            if zeros and not low <= 0 <= high:
                return False
        case Leaky(slope=slope):
            slopes = _of_source(slope, index, source, 1.0)
            if slopes is None:
                return False
            operation = Leaky(slopes)
        case Affine(gain=gain, offset=offset):
            gains = _of_source(gain, index, source, 1.0)
            offsets = _of_source(offset, index, source, 0.0)
            if gains is None or offsets is None:
                return False
            if zeros and offset[:, None, None].expand(index.shape)[index < 0].any():
                return False
            operation = Affine(gains, offsets)
        case _:
            return False
    new = _changed(graph, node, operation, source, keeps=False)
    graph.replace(node, _gather(graph, index, new, node))
    return True


@_rule(Convolution)
def _columns(graph: Graph, node: Node, conv: Convolution) -> bool:
    """Into the weights of a linear layer: whatever it is."""
    index = _index(node.source)
    if not conv.linear or index is None:
        return False
    inside = index.flatten() >= 0
    size = node.source.source.shape.size
    weight = conv.weight.new_zeros(len(conv.weight), size, 1, 1)
    weight.index_add_(1, index.flatten()[inside], conv.weight[:, inside])
    graph.replace(node, _changed(graph, node, replace(conv, weight=weight), node.source.source))
    return True


@_rule(Convolution)
def _window(graph: Graph, node: Node, conv: Convolution) -> bool:
    """Into the weights, the margins and the stride of a convolution."""
    found = _moved(node.source)
    if conv.linear or found is None:
        return False
    source, lines = node.source.source, (found.rows, found.columns)
    sizes = source.shape[1:]
    if all(line.is_whole(size) for line, size in zip(lines, sizes, strict=True)):
        if conv.is_padded and conv.value is not None and any(x.before or x.after for x in lines):
            return False
        before = tuple(a + line.before for a, line in zip(conv.before, lines, strict=True))
        after = tuple(a + line.after for a, line in zip(conv.after, lines, strict=True))
        operation = replace(conv, before=before, after=after)
    elif conv.is_pointwise and all(map(_every, lines, sizes)):
        stride = tuple(a * line.step for a, line in zip(conv.stride, lines, strict=True))
        operation = replace(conv, stride=stride)
    else:
        return False
    order: Tensor | None = None
    if not found.keeps_channels(source.shape):
        depthwise = conv.groups == conv.in_channels > 1
        if depthwise and found.permutes(source.shape):
            operation, order = _permuted(operation, found.channels)
        elif (read := _reading(operation, found.channels, source.shape.channels)) is None:
            return False
        else:
            operation = read
    new = _changed(graph, node, operation, source, keeps=order is None)
    if order is not None:
        area = node.shape.height * node.shape.width
        index = order[:, None] * area + torch.arange(area)
        new = _gather(graph, index.reshape(node.shape), new, node)
    graph.replace(node, new)
    return True


def _every(line, size: int) -> bool:
    return line.is_every(size)


def _permuted(conv: Convolution, channels: Tensor) -> tuple[Convolution, Tensor]:
    """A convolution of single channels before a permutation of these, and its outputs' order."""
    each = len(conv.weight) // conv.groups
    back = channels.argsort()
    rows = (back[:, None] * each + torch.arange(each)).flatten()
    value = None if conv.value is None else conv.value[back]
    order = (channels[:, None] * each + torch.arange(each)).flatten()
    return replace(conv, weight=conv.weight[rows], bias=conv.bias[rows], value=value), order


def _reading(conv: Convolution, channels: Tensor, count: int) -> Convolution | None:
    """A convolution of ``count`` channels, of which it reads those given (-1: zeros)."""
    inside = channels >= 0
    weight = conv.weight.new_zeros(len(conv.weight), count, *conv.kernel)
    weight.index_add_(1, channels[inside], conv.columns[:, inside])
    value, bias = None, conv.bias
    if conv.value is not None:
        value = conv.value.new_zeros(count)
        value[channels[inside]] = conv.value[inside]
        if not torch.equal(value[channels[inside]], conv.value[inside]):
            return None
        if conv.value[~inside].any():
            return None
    return grouped(replace(conv, weight=weight, bias=bias, value=value, groups=1), conv.groups)


def grouped(conv: Convolution, groups: int) -> Convolution:
    """A convolution in so many groups, if it reads no other channels; else as it is."""
    out, channels = conv.weight.shape[:2]
    if groups == 1 or out % groups or channels % groups:
        return conv
    blocks = conv.weight.unflatten(1, (groups, -1)).unflatten(0, (groups, -1))
    diagonal = blocks.diagonal(0, 0, 2).movedim(-1, 0)
    compact = replace(conv, weight=diagonal.flatten(0, 1), groups=groups)
    return compact if torch.equal(compact.columns, conv.weight) else conv


@_rule(Pool)
def _pool(graph: Graph, node: Node, pool: Pool) -> bool:
    """Channels after a pooling; zeros around it where nothing lies below them."""
    found, window = _moved(node.source), pool.window
    if found is None:
        return False
    source = node.source.source
    if found.keeps_places(source.shape):
        if (found.channels < 0).any() and not is_nonnegative(source):
            return False
        new = _changed(graph, node, pool, source, keeps=False)
        area = node.shape.height * node.shape.width
        index = found.channels[:, None] * area + torch.arange(area)
        index = torch.where(found.channels[:, None] < 0, -1, index).reshape(node.shape)
        graph.replace(node, _gather(graph, index, new, node))
        return True
    lines = found.rows, found.columns
    whole = all(line.is_whole(size) for line, size in zip(lines, source.shape[1:], strict=True))
    if not whole or not is_nonnegative(source) or not found.keeps_channels(source.shape):
        return False
    ends = [
        tuple(given + getattr(line, name) for given, line in zip(end, lines, strict=True))
        for end, name in ((window.padding, "before"), (window.padding_after, "after"))
    ]
    if any(e >= size for end in ends for e, size in zip(end, window.kernel, strict=True)):
        return False
    window = MaxPool2d(
        kernel=window.kernel, stride=window.stride, padding=ends[0], padding_after=ends[1]
    )
    graph.replace(node, _changed(graph, node, Pool(window), source))
    return True


@_rule(Add)
def _sum(graph: Graph, node: Node, _add: Add) -> bool:
    """The same move of both summands."""
    first, second = node.inputs
    one, other = _index(first), _index(second)
    if one is None or other is None or first.source.shape != second.source.shape:
        return False
    if one.shape != other.shape or not torch.equal(one, other):
        return False
    new = graph.insert(Add(), [first.source, second.source], node.name)
    new.origins = node.origins
    graph.replace(node, _gather(graph, one, new, node))
    return True


@_rule(Concatenate)
def _beside(graph: Graph, node: Node, _whole: Concatenate) -> bool:
    """Channels that are moved and then put side by side, or are there twice."""
    moves = [_moved(part) for part in node.inputs]
    firsts: dict[Node, int] = {}
    channels, count = [], 0
    for part, found in zip(node.inputs, moves, strict=True):
        if found and found.keeps_places(part.source.shape):
            source, own = part.source, found.channels
        else:
            source, own = part, torch.arange(part.shape.channels)
        if source not in firsts:
            firsts[source], count = count, count + source.shape.channels
        channels.append(torch.where(own < 0, -1, own + firsts[source]))
    if (sources := list(firsts)) == node.inputs:
        return False
    new = sources[0]
    if len(sources) > 1:
        new = graph.insert(Concatenate(), sources, node.name)
        new.origins = node.origins
    area = node.shape.height * node.shape.width
    joined = torch.cat(channels)[:, None]
    index = torch.where(joined < 0, -1, joined * area + torch.arange(area)).reshape(node.shape)
    graph.replace(node, _gather(graph, index, new, node))
    return True


_RULES = (_drop, _join, _reshape, _crop, _swap, _columns, _window, _pool, _sum, _beside)
