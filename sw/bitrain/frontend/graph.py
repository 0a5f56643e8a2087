"""A network as a graph of operations, which passes rewrite until it is a chain of engine steps."""

from collections import defaultdict
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from bitrain.spec import BitrainError, Shape

from .operations import Input, Node, Operation, Origin, copy_of

MOST_CHANGES = 100_000
"""Of one pass; networks of a thousand operations take a few thousand."""


class Graph:
    """Nodes that are reached from ``output``."""

    def __init__(self, image: Node, output: Node, origins: list[Origin]):
        self.image = image
        self.output = output
        self.origins = origins
        """All parts of the model, in the order in which it computes them."""
        self.first_real = 0
        """Of the images that values are kept for, the first that is no random one, if any is."""
        self.exact_borders = False
        """Whether what stands around a map must be as in the model, at the price of a channel."""

    @property
    def nodes(self) -> list[Node]:
        """Each after its inputs."""
        found: dict[Node, None] = {}

        def visit(start: Node) -> None:
            stack: list[tuple[Node, Iterator[Node]]] = [(start, iter(start.inputs))]
            while stack:
                node, inputs = stack[-1]
                following = next((x for x in inputs if x not in found), None)
                if following is not None:
                    stack.append((following, iter(following.inputs)))
                else:
                    found[node] = None
                    stack.pop()

        visit(self.output)
        return list(found)

    @property
    def users(self) -> dict[Node, list[Node]]:
        """Which nodes read each node, once for every time that they do."""
        found: dict[Node, list[Node]] = defaultdict(list)
        for node in self.nodes:
            for source in node.inputs:
                found[source].append(node)
        return found

    def replace(self, old: Node, new: Node) -> None:
        """Let all that read ``old`` read ``new``, but for ``new`` itself."""
        for node in self.nodes:
            if node is not new:
                node.inputs = [new if source is old else source for source in node.inputs]
        if self.output is old:
            self.output = new

    @staticmethod
    def insert(
        operation: Operation, inputs: list[Node], name: str, like: Node | None = None
    ) -> Node:
        """A new node, which nothing reads yet; ``like`` gives origins and value."""
        shape = shape_of(operation, inputs)
        node = Node(operation, inputs, shape, name)
        if like is not None:
            node.origins, node.value = like.origins, like.value
        return node

    def copied(self, node: Node, name: str, *, stride: tuple[int, int] = (1, 1)) -> Node:
        """A step that brings every channel of ``node`` as it is."""
        value = None if node.value is None else node.value[:, :, :: stride[0], :: stride[1]]
        copy = self.insert(copy_of(node.shape, stride), [node], name)
        copy.value = value
        return copy

    @torch.no_grad()
    def value(self, node: Node) -> Tensor:
        """What a node gives for the images that the graph is compared on."""
        if node.value is None:
            node.value = node.operation.run(*map(self.value, node.inputs))
        return node.value

    @torch.no_grad()
    def run(self, images: Tensor) -> dict[Node, Tensor]:
        """What every node gives."""
        values: dict[Node, Tensor] = {self.image: images}
        for node in self.nodes:
            if node is not self.image:
                values[node] = node.operation.run(*(values[source] for source in node.inputs))
        return values


Rule = Callable[[Graph, Node], bool]
"""Changes a graph at a node, or says that it does not."""


def settle(graph: Graph, *rules: Rule) -> None:
    """Let rules change a graph until none does, the first ones first."""
    for _ in range(MOST_CHANGES):
        if not any(rule(graph, node) for rule in rules for node in graph.nodes):
            return
    raise BitrainError(
        "the model's operations could not be put in order; please report this as a bug"
    )


def shape_of(operation: Operation, inputs: list[Node]) -> Shape:
    """Of what an operation gives; :class:`BitrainError` where its inputs do not fit."""
    assert not isinstance(operation, Input)
    with torch.no_grad():
        try:
            zeros = (torch.zeros(1, *source.shape) for source in inputs)
            return Shape(*operation.run(*zeros).shape[1:])
        except RuntimeError as error:
            raise BitrainError(str(error).partition("\n")[0]) from error
