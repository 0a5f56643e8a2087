"""Bring maps that lie side by side into the order in which memory can hold them.

Before: maps of any kind in any order, also of others that lie side by side. After: each of them is
what one layer stores, in the order in which layers run, behind no other than the one before it; the
layers that read them have their weights in the same order (G. Huang et al., *Densely Connected
Convolutional Networks*, arXiv:1608.06993). A map that lies elsewhere already, or that is read alone
too, is brought once more by a step of its own.
"""

import torch

from ..graph import Graph
from ..operations import Concatenate, Convolution, Gather, Input, Node
from .layout import take_layout


def settle_concatenations(graph: Graph) -> None:
    """See the module."""
    _flatten(graph)
    _sort(graph)
    take_layout(graph)
    _separate(graph)


def _flatten(graph: Graph) -> None:
    for node in graph.nodes:
        if isinstance(node.operation, Concatenate):
            inputs: list[Node] = []
            for part in node.inputs:
                inner = isinstance(part.operation, Concatenate)
                inputs += part.inputs if inner else [part]
            node.inputs = inputs


def _sort(graph: Graph) -> None:
    order = {node: i for i, node in enumerate(graph.nodes)}
    for node in graph.nodes:
        if not isinstance(node.operation, Concatenate):
            continue
        wanted = sorted(node.inputs, key=order.__getitem__)
        if wanted == node.inputs:
            continue
        first, firsts = 0, {}
        for part in wanted:
            firsts[part], first = first, first + part.shape.channels
        channels = torch.cat(
            [torch.arange(part.shape.channels) + firsts[part] for part in node.inputs]
        )
        area = node.shape.height * node.shape.width
        index = (channels[:, None] * area + torch.arange(area)).reshape(node.shape)
        new = graph.insert(Concatenate(), wanted, node.name)
        new.origins = node.origins
        graph.replace(node, graph.insert(Gather(index), [new], f"{node.name}.order", node))


def _separate(graph: Graph) -> None:
    """Copies of maps that cannot lie where they should."""
    memory = _Memory()
    for node in graph.nodes:
        if not isinstance(node.operation, Concatenate):
            continue
        for i, part in enumerate(list(node.inputs)):
            before = node.inputs[i - 1] if i else None
            alone = any(isinstance(user.operation, Convolution) for user in graph.users[part])
            if not memory.takes(part, before, alone=alone):
                copy = graph.copied(part, f"{node.name}.{part.name}")
                node.inputs[i] = part = copy
            memory.put(part, before)


class _Memory:
    """What lies behind what."""

    def __init__(self):
        self.before: dict[Node, Node | None] = {}
        self.after: dict[Node, Node] = {}

    def takes(self, part: Node, before: Node | None, *, alone: bool) -> bool:
        """Whether ``part`` can lie behind ``before``; alone: something reads it by itself."""
        if part in self.before:
            return self.before[part] is before
        if before is None or isinstance(part.operation, Input):
            return before is None
        return before not in self.after and not alone

    def put(self, part: Node, before: Node | None) -> None:
        """Let it lie there."""
        self.before[part] = before
        if before is not None:
            self.after[before] = part
