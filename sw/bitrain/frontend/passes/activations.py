"""Make every activation a ReLU, with a ceiling or without one.

Before: clips at any bounds, and LeakyReLU or PReLU. After: clips from 0 on, between constants that
the weights take, right after what they follow and before pooling, which gives the same; and in the
place of a slope a pair of channels, x and relu(x), of which the layers that read them take
slope · x + (1 - slope) · relu(x); both can be pooled. Clips that clip nothing are gone.
"""

from dataclasses import replace
from math import inf

import torch

from ..graph import Graph, settle
from ..operations import (
    Affine,
    Clip,
    Concatenate,
    Convolution,
    Leaky,
    Node,
    Pool,
    copy_of,
)
from ..ranges import is_nonnegative


def settle_activations(graph: Graph) -> None:
    """See the module."""
    settle(graph, _join, _drop, _from_zero, _before_pool, _beside, _after_pool, _pair, _fold_pair)


def drop_clips(graph: Graph) -> None:
    """Clips that clip nothing."""
    settle(graph, _drop)


def _join(graph: Graph, node: Node) -> bool:
    """Two in a row."""
    if not isinstance(outer := node.operation, Clip):
        return False
    if not isinstance(inner := node.source.operation, Clip) or inner.free is not None:
        return False
    low = min(max(inner.low, outer.low), outer.high)
    high = max(min(inner.high, outer.high), low)
    new = graph.insert(Clip(low, high), [node.source.source], node.name, node)
    new.origins = node.source.origins + node.origins
    graph.replace(node, new)
    return True


def _drop(graph: Graph, node: Node) -> bool:
    """A ReLU of what is never negative."""
    if not isinstance(clip := node.operation, Clip) or clip.high < inf or clip.low > 0:
        return False
    if not is_nonnegative(node.source):
        return False
    for origin in node.origins:
        origin.fate = "without effect: nothing is negative there"
    graph.replace(node, node.source)
    return True


def _from_zero(graph: Graph, node: Node) -> bool:
    """Other bounds, moved to zero and back."""
    if not isinstance(clip := node.operation, Clip) or clip.low == 0 or clip.free is not None:
        return False
    one = torch.ones(node.shape.channels)
    if clip.low > -inf:
        there, high = Affine(one, -clip.low * one), clip.high - clip.low
        back = Affine(one, clip.low * one)
    elif clip.high < inf:  # min(x, h) = h - relu(h - x)
        there, high = Affine(-one, clip.high * one), inf
        back = there
    else:
        graph.replace(node, node.source)
        return True
    moved = graph.insert(there, node.inputs, f"{node.name}.low")
    clipped = graph.insert(Clip(0.0, high), [moved], node.name)
    clipped.origins = node.origins
    graph.replace(node, graph.insert(back, [clipped], f"{node.name}.back", node))
    return True


def _before_pool(graph: Graph, node: Node) -> bool:
    """Right after what it follows: the largest of a window stays the largest."""
    if not isinstance(node.operation, Clip) or not isinstance(node.source.operation, Pool):
        return False
    pool, users = node.source, graph.users
    if len(users[pool]) > 1 or len(users[pool.source]) > 1:
        return False
    clip = graph.insert(node.operation, [pool.source], node.name)
    clip.origins = node.origins
    new = graph.insert(pool.operation, [clip], pool.name, node)
    new.origins = pool.origins
    graph.replace(node, new)
    return True


def _beside(graph: Graph, node: Node) -> bool:
    """Each of the maps that lie side by side."""
    if not isinstance(node.operation, Clip):
        return False
    if not isinstance((whole := node.source).operation, Concatenate):
        return False
    users = graph.users
    if len(users[whole]) > 1 or any(len(users[part]) > 1 for part in whole.inputs):
        return False
    parts = []
    for part in whole.inputs:
        parts.append(graph.insert(node.operation, [part], f"{node.name}.{part.name}"))
        parts[-1].origins = node.origins
    new = graph.insert(Concatenate(), parts, whole.name, node)
    new.origins = whole.origins
    graph.replace(node, new)
    return True


def _after_pool(graph: Graph, node: Node) -> bool:
    """Pooling before a slope, which keeps the order."""
    if not isinstance(node.operation, Pool):
        return False
    if not isinstance((leaky := node.source).operation, Leaky):
        return False
    users = graph.users
    if len(users[leaky]) > 1 or not (leaky.operation.slope >= 0).all():
        return False
    pool = graph.insert(node.operation, leaky.inputs, node.name)
    pool.origins = node.origins
    new = graph.insert(leaky.operation, [pool], leaky.name, node)
    new.origins = leaky.origins
    graph.replace(node, new)
    return True


def _pair(graph: Graph, node: Node) -> bool:
    """X and relu(x) of each channel, and what they stand for."""
    if not isinstance(leaky := node.operation, Leaky):
        return False
    source, pool = node.source, None
    if isinstance(source.operation, Pool) and len(graph.users[source]) == 1:
        source, pool = source.source, source
    conv = source.operation
    if not isinstance(conv, Convolution) or len(graph.users[source]) > 1:
        source, pool = graph.copied(node.source, f"{node.name}.copy"), None
        conv = copy_of(node.source.shape)
    both = replace(
        conv, weight=conv.weight.repeat_interleave(2, 0), bias=conv.bias.repeat_interleave(2)
    )
    pair = graph.insert(both, source.inputs, source.name)
    pair.origins = source.origins
    free = torch.tensor([True, False]).repeat(len(leaky.slope))
    last = graph.insert(Clip(free=free), [pair], f"{node.name}.pair")
    if pool is not None:
        last = graph.insert(pool.operation, [last], pool.name)
        last.origins = pool.origins
    slopes = torch.stack([leaky.slope, 1 - leaky.slope], 1)
    joined = replace(copy_of(node.shape), weight=slopes[:, :, None, None])
    for origin in node.origins:
        origin.fate = "two channels for each, x and relu(x), in the weights of what reads them"
    graph.replace(node, graph.insert(joined, [last], f"{node.name}.join", node))
    return True


def _fold_pair(graph: Graph, node: Node) -> bool:
    """A pair's sum in the weights of what reads it."""
    if not isinstance(conv := node.operation, Convolution):
        return False
    join = node.source
    inner = join.operation
    if not isinstance(inner, Convolution) or not join.name.endswith(".join"):
        return False
    if conv.value is not None and conv.value.any():
        return False
    slopes = inner.weight[:, :, 0, 0]  # (channels, 2)
    if conv.linear:
        shares = conv.weight.unflatten(1, (len(slopes), 1, -1))[..., 0, 0]
        weight = (shares * slopes[:, :, None]).flatten(1)[:, :, None, None]
    else:
        size = len(conv.weight) // conv.groups
        own = slopes.unflatten(0, (conv.groups, -1)).repeat_interleave(size, 0)
        weight = (conv.weight[:, :, None] * own[..., None, None]).flatten(1, 2)
    new = graph.insert(replace(conv, weight=weight, trained=True), join.inputs, node.name, node)
    graph.replace(node, new)
    return True
