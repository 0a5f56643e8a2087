"""A model as a chain of engine steps: captured as a graph, rewritten by passes, put into steps.

A step is a convolution or a linear layer with what follows it: what a shortcut adds, an activation,
max pooling. What a step stores is never negative: where the model has no ReLU, an offset moves its
values into range, which the steps that read it take off again, as they take zeros around such a
map for the offset. The chain is compared with the model, step by step, before anything is
quantised.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple

import torch
from torch import Tensor, nn

from bitrain.models import evaluating
from bitrain.spec import BitrainError, Shape

from .agreement import check_agreement
from .capture import capture
from .float_layer import FloatLayer, FloatShortcut
from .graph import Graph
from .operations import (
    Add,
    Clip,
    Concatenate,
    Convolution,
    Gather,
    Node,
    Origin,
    Pool,
)
from .passes import simplify
from .passes.carry import carried, is_reshape, takes
from .ranges import is_nonnegative
from .refusals import telling

IMAGES_AT_ONCE = 16


@dataclass(eq=False)
class Step:
    """Nodes that one layer of an engine computes."""

    conv: Node
    end: Node
    """The last of them, whose values are stored."""
    added: Node | None = None
    clip: Clip | None = None
    pool: Pool | None = None
    nodes: list[Node] = field(default_factory=list)

    @property
    def operation(self) -> Convolution:
        """The convolution."""
        assert isinstance(self.conv.operation, Convolution)
        return self.conv.operation


class Reading(NamedTuple):
    """A model as engines run it."""

    chain: list[FloatLayer]
    in_shape: Shape
    """Of one image."""
    origins: list[Origin]
    """What became of each of the model's operations, in their order."""


def read_model(
    model: nn.Module,
    in_shape: Sequence[int],
    images: Tensor | None = None,
    *,
    replace_activations: bool = False,
    exact_borders: bool = False,
) -> Reading:
    """The steps of ``model`` for images of ``in_shape``, in evaluation mode.

    in_shape: as the model reads it: (channels, rows, columns), (channels, length) or (size,).
    images: real ones (batch, *in_shape) in [0, 1], on which the steps are compared with the model,
    beside random ones, and whose values the offsets are for. replace_activations: ReLU in the place
    of those that there are not. exact_borders: what a folded mean makes of the zeros around a map
    is a channel of ones, not a padding value, which is rounded. Raises :class:`BitrainError` naming
    the first operation that the accelerator cannot run, or that does not give what the model gives.
    """
    with evaluating(model):
        graph = capture(model, in_shape, images, replace_activations=replace_activations)
    graph.exact_borders = exact_borders
    with telling(graph.origins):
        return Reading(steps_of(graph), graph.image.shape, graph.origins)


def read_chain(
    model: nn.Module, in_shape: Sequence[int], images: Tensor | None = None
) -> list[FloatLayer]:
    """The steps alone, as :func:`read_model`."""
    return read_model(model, in_shape, images).chain


def steps_of(graph: Graph) -> list[FloatLayer]:
    """The steps of a captured graph, compared with what its nodes gave."""
    simplify(graph)
    steps = _split(graph)
    lows = _lows(graph, steps)
    chain = _Builder(graph, steps, lows).build()
    check_agreement(chain, _ends(steps), lows, graph)
    _tell(graph, steps)
    return chain


def _tell(graph: Graph, steps: list[Step]) -> None:
    """What became of the operations that passes have not told about."""
    kinds = {Add: "its sum", Clip: "its activation", Pool: "its pooling"}
    for index, step in enumerate(steps):
        for node in step.nodes:
            what = kinds.get(type(node.operation))
            fate = f"layer {index}, {step.conv.name}" + (f": {what}" if what else "")
            for origin in node.origins:
                origin.fate = origin.fate or fate
    for node in graph.nodes:
        for origin in node.origins:
            if isinstance(node.operation, Concatenate):
                origin.fate = origin.fate or "side by side in memory"
    for origin in graph.origins:
        origin.fate = origin.fate or "no hardware: the order of weights or addresses"


def _split(graph: Graph) -> list[Step]:
    """The steps of a simplified graph, in the order in which they run."""
    _complete(graph)
    users, order = graph.users, {node: i for i, node in enumerate(graph.nodes)}
    steps = []
    for node in graph.nodes:
        if not isinstance(node.operation, Convolution):
            continue
        step = Step(node, node, nodes=[node])
        for kind in (Add, Clip, Pool):
            following = users[step.end]
            if step.end is graph.output or len(following) != 1:
                break
            after = following[0]
            if not isinstance(after.operation, kind) or after.inputs[0] is not step.end:
                continue
            match after.operation:
                case Add():
                    step.added = after.inputs[1]
                case Clip():
                    step.clip = after.operation
                case Pool():
                    step.pool = after.operation
            step.end = after
            step.nodes.append(after)
        steps.append(step)
    steps.sort(key=lambda step: order[step.end])
    if not steps:
        raise BitrainError("the model has no convolution or linear layer; there is nothing to do")
    return steps


def _complete(graph: Graph) -> None:
    """Copies where an operation follows none that it could be in one step with."""
    for node in graph.nodes:
        if not isinstance(node.operation, Gather):
            continue
        reads, last = graph.users[node], node is graph.output
        if takes(node) and not last and all(isinstance(x.operation, Add) for x in reads):
            continue
        if is_reshape(node):
            if last or not all(isinstance(x.operation, Convolution) for x in reads):
                graph.replace(node, graph.copied(node, node.name))
        else:
            graph.replace(node, carried(graph, node))
    users = graph.users
    for node in graph.nodes:
        if isinstance(node.operation, Clip | Pool):
            source = node.source
            before = (
                (Convolution, Add) if isinstance(node.operation, Clip) else (Convolution, Add, Clip)
            )
            if not isinstance(source.operation, before) or len(users[source]) > 1:
                node.inputs = [graph.copied(source, f"{node.name}.copy")]
    output = graph.output
    if not isinstance(output.operation, Convolution) and not (
        isinstance(output.operation, Add) and isinstance(output.inputs[0].operation, Convolution)
    ):
        graph.output = graph.copied(output, f"{output.name}.scores")


@torch.no_grad()
def _lows(graph: Graph, steps: list[Step]) -> dict[Node, Tensor]:
    """The least value of each channel of what a step stores, (channels,); zero without a sign."""
    lows = {node: torch.zeros(node.shape.channels) for node in (graph.image, *_ends(steps))}
    signed = [step.end for step in steps if not is_nonnegative(step.end)]
    signed = [node for node in signed if node is not graph.output]
    images = graph.image.value
    assert images is not None
    for batch in images[graph.first_real :].split(IMAGES_AT_ONCE) if signed else ():
        values = graph.run(batch)
        for node in signed:
            lows[node] = torch.minimum(lows[node], values[node].amin((0, 2, 3)))
    users = graph.users
    for node in signed:
        if any(isinstance(user.operation, Gather) and is_reshape(user) for user in users[node]):
            lows[node] = lows[node].min().expand(len(lows[node]))  # channels are read as one
    return lows


def _ends(steps: list[Step]) -> list[Node]:
    return [step.end for step in steps]


class _Builder:
    """Makes the layers of steps."""

    def __init__(self, graph: Graph, steps: list[Step], lows: dict[Node, Tensor]):
        self.graph = graph
        self.steps = steps
        self.lows = lows
        self.index = {graph.image: -1, **{step.end: i for i, step in enumerate(steps)}}
        self.behind: dict[Node, Node] = {}
        for node in graph.nodes:
            if isinstance(node.operation, Concatenate):
                for before, part in zip(node.inputs, node.inputs[1:], strict=False):
                    self.behind[part] = before

    def build(self) -> list[FloatLayer]:
        """In order."""
        return [self.layer(i, step) for i, step in enumerate(self.steps)]

    def layer(self, index: int, step: Step) -> FloatLayer:
        """The layer of one step."""
        conv, source = step.operation, step.conv.source
        shape = Shape(*source.shape)
        if isinstance(source.operation, Gather):  # in another shape
            source = source.source
        parts = source.inputs if isinstance(source.operation, Concatenate) else [source]
        offsets = torch.cat([-self.lows[part] for part in parts])
        bias, value = conv.bias.clone(), conv.value
        if conv.linear:
            shape = Shape(shape.size, 1, 1)
        if shape != source.shape:
            area = source.shape.height * source.shape.width
            offsets = offsets.repeat_interleave(area).unflatten(0, (shape.channels, -1))[:, 0]
        if offsets.any():
            bias = bias - (conv.columns.sum((2, 3)) * offsets).sum(1)
            value = offsets if value is None else value + offsets
        own = -self.lows[step.end]
        shortcut = None
        if step.added is not None:
            take = takes(step.added)
            stored = step.added.source if take else step.added
            take = take or FloatShortcut(0)
            shortcut = take._replace(source=self.index[stored])
            reach = slice(take.before, len(bias) - take.after)
            bias[reach] = bias[reach] + self.lows[stored]
        bias = bias + own
        last = step.end is self.graph.output
        free = None if step.clip is None else step.clip.free
        if step.clip is None and not last and not is_nonnegative(step.end):
            free = torch.ones(len(bias), dtype=torch.bool)
        after = None if conv.after == conv.before else conv.after
        reads = self.index[parts[-1]]
        behind = self.behind.get(step.end)
        high = inf if step.clip is None else step.clip.high
        return FloatLayer(
            name=step.conv.name,
            kind="linear" if conv.linear else "conv2d",
            in_shape=shape,
            weight=conv.weight,
            bias=bias,
            groups=conv.groups,
            stride=conv.stride,
            padding=conv.before,
            padding_after=after,
            padding_value=value if conv.is_padded and value is not None and value.any() else None,
            dilation=conv.dilation,
            relu=not last,
            signed=free,
            ceiling=None if high == inf else high,
            pool=step.pool.window if step.pool else None,
            shortcut=shortcut,
            source=None if reads == index - 1 else reads,
            concat_after=None if behind is None else self.index[behind],
            trained=conv.trained,
        )
