"""Bring every sum into the form that an engine adds: a convolution, and what a layer stored.

Before: sums of any two maps. After: each sum is of a convolution that nothing else reads, and of a
map that a layer stored, of which a shortcut may leave out pixels and which may have zero channels
around it (K. He et al., *Deep Residual Learning for Image Recognition*, arXiv:1512.03385, option
A). The sum of two convolutions, one of 1 x 1 pixels (option B), is one convolution of both maps
side by side, with zeros around the projection's weights: sums stay signed, and products of zero
weights add nothing to a stream.
"""

from dataclasses import replace

import torch

from ..graph import Graph
from ..operations import (
    Add,
    Affine,
    Concatenate,
    Convolution,
    Gather,
    Node,
)
from .carry import carried, takes


def settle_sums(graph: Graph) -> None:
    """See the module."""
    for node in graph.nodes:
        if isinstance(node.operation, Add):
            _settle(graph, node)


def double(graph: Graph) -> None:
    """A map and itself: twice the map."""
    for node in graph.nodes:
        if isinstance(node.operation, Add) and node.inputs[0] is node.inputs[1]:
            count = node.shape.channels
            twice = Affine(torch.full((count,), 2.0), torch.zeros(count))
            graph.replace(node, graph.insert(twice, node.inputs[:1], node.name, node))


def _settle(graph: Graph, node: Node) -> None:
    users, order = graph.users, {each: i for i, each in enumerate(graph.nodes)}
    bodies = [
        each
        for each in node.inputs
        if isinstance(each.operation, Convolution) and len(users[each]) == 1
    ]
    bodies.sort(key=order.__getitem__, reverse=True)
    if len(bodies) == 2:
        for body, projection in (bodies, bodies[::-1]):
            if (merged := _merged(graph, node, body, projection)) is not None:
                graph.replace(node, merged)
                return
    if not bodies:
        # A step of what a shortcut adds is worth a product bit at least: add the larger numbers.
        plain = [each for each in node.inputs if takes(each) is None] or node.inputs
        body = min(plain, key=lambda each: (float(graph.value(each).abs().max()), -order[each]))
        bodies = [graph.copied(body, f"{node.name}.copy")]
        added = node.inputs[0] if body is node.inputs[1] else node.inputs[1]
    else:
        added = node.inputs[0] if bodies[0] is node.inputs[1] else node.inputs[1]
    source = added.source if takes(added) else added
    if isinstance(added.operation, Gather) and takes(added) is None:
        added = carried(graph, added)
    elif isinstance(source.operation, Concatenate):
        copy = graph.copied(source, f"{node.name}.copy")
        if added is not source:
            added = graph.insert(added.operation, [copy], added.name, added)
        else:
            added = copy
    node.inputs = [bodies[0], added]


def _merged(graph: Graph, node: Node, body: Node, projection: Node) -> Node | None:
    """One convolution for the two of a sum, if ``projection`` is of single pixels."""
    last, single = body.operation, projection.operation
    assert isinstance(last, Convolution) and isinstance(single, Convolution)
    if not single.is_pointwise or max(single.groups, last.groups) > 1:
        return None
    if single.linear or last.linear or last.value is not None or single.value is not None:
        return None
    (rows, columns), (sh, sw) = single.stride, last.stride
    centred = all(pad < size for pad, size in zip(last.before, last.kernel, strict=True))
    if rows % sh or columns % sw or not centred or last.dilation != (1, 1):
        return None
    height, width = projection.source.shape[1:]
    if (-(-height * sh // rows), -(-width * sw // columns)) != body.source.shape[1:]:
        return None
    channels, (ph, pw) = projection.source.shape.channels, last.before
    weight = torch.zeros(len(last.bias), channels, *last.kernel)
    weight[:, :, ph, pw] = single.weight[:, :, 0, 0]
    if body.source is projection.source:
        source, whole = body.source, last.weight + weight
    else:
        strides = (rows // sh, columns // sw)
        copy = graph.copied(projection.source, projection.name, stride=strides)
        source = graph.insert(Concatenate(), [body.source, copy], f"{node.name}.beside")
        whole = torch.cat([last.weight, weight], 1)
    operation = replace(last, weight=whole, bias=last.bias + single.bias)
    new = graph.insert(operation, [source], body.name, node)
    new.origins = body.origins + projection.origins + node.origins
    for origin in projection.origins:
        origin.fate = f"in the weights of {body.name}"
    return new
