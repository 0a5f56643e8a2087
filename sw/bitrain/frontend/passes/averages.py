"""Take the mean of a whole map into the linear layer that reads it.

Before: global average pooling is a convolution of single channels that a linear layer reads. After:
the linear layer reads the map, and every pixel has its share of the weight. A convolution of single
pixels without an activation after it may be averaged later instead, which gives the same.
"""

from dataclasses import replace

from ..graph import Graph
from ..operations import Convolution, Node, mean_of


def fold_averages(graph: Graph) -> None:
    """See the module."""
    for node in graph.nodes:
        conv = node.operation
        if isinstance(conv, Convolution) and _is_mean(node):
            _after(graph, node)
    for node in graph.nodes:
        conv = node.operation
        if not isinstance(conv, Convolution) or not conv.linear or not _is_mean(node.source):
            continue
        mean = node.source
        if len(graph.users[mean]) > 1:
            continue
        area = mean.source.shape.height * mean.source.shape.width
        shares = replace(conv, weight=(conv.weight / area).repeat_interleave(area, 1))
        for origin in mean.origins:
            origin.fate = f"in the weights of {node.name}"
        new = graph.insert(shares, mean.inputs, node.name, node)
        new.origins = mean.origins + node.origins
        graph.replace(node, new)


def _is_mean(node: Node) -> bool:
    """Whether a node gives the mean of each whole channel."""
    conv = node.operation
    return isinstance(conv, Convolution) and conv.is_mean and conv.kernel == node.source.shape[1:]


def _after(graph: Graph, node: Node) -> None:
    """A convolution of single pixels before a mean, as a linear layer after it."""
    before = node.source
    conv = before.operation
    if not isinstance(conv, Convolution) or not conv.trained or not conv.is_pointwise:
        return
    if conv.stride != (1, 1) or conv.groups > 1 or conv.linear or len(graph.users[before]) > 1:
        return
    mean = mean_of(before.source.shape, (before.shape.height, before.shape.width))
    first = graph.insert(mean, before.inputs, node.name)
    first.origins = node.origins
    last = graph.insert(replace(conv, linear=True), [first], before.name, node)
    last.origins = before.origins
    graph.replace(node, last)
