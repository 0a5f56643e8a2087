"""A model taken apart by torch.fx into segments, with a single tensor going from one to the next.

A segment is one operation, as a module wherever torch has one for it, or the operations between
the point where paths part and the one where they have met again.
"""

import copy
import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, fx, nn
from torch.fx.node import map_arg
from torch.nn import functional as F

from bitrain.models import Concatenate, Residual, Subsample
from bitrain.spec import BitrainError

from .tracer import agree, record

Join = Literal["residual", "dense"]
_Paths = list[list[nn.Module] | None]

_ADD = (operator.add, torch.add, "add")
_CAT = (torch.cat, torch.concat)
_MEAN = (torch.mean, "mean")
_FLATTEN = (torch.flatten, torch.reshape, torch.squeeze, "flatten", "view", "reshape", "squeeze")
_AS_MODULE: dict[Any, Callable[..., nn.Module]] = {
    **dict.fromkeys((F.relu, torch.relu, "relu"), nn.ReLU),
    **dict.fromkeys((F.max_pool2d, torch.max_pool2d), nn.MaxPool2d),
    F.avg_pool2d: nn.AvgPool2d,
    F.adaptive_avg_pool2d: nn.AdaptiveAvgPool2d,
}


@dataclass(frozen=True)
class Segment:
    """What a model does between two points where a single tensor goes on."""

    path: str
    """Path of the first module in it."""
    inputs: Tensor
    outputs: Tensor
    modules: list[nn.Module]
    """Compute ``outputs`` from ``inputs``, one after the other."""
    main: list[nn.Module]
    """The operations from end to end, but for those of a shortcut."""
    join: Join | None = None
    """How the main path meets the shortcut."""
    whole: bool = False
    """Whether several operations could not be told apart."""


def find_segments(model: nn.Module, images: Tensor) -> list[Segment]:
    """The segments of ``model`` in evaluation mode, with what each reads and gives for ``images``.

    The model is left alone. Raises :class:`BitrainError` naming what cannot be taken apart.
    """
    trace = _Trace(model, images)
    return [trace.segment(source, nodes) for source, nodes in trace.cut()]


class _Trace:
    def __init__(self, model: nn.Module, images: Tensor):
        self.root, self.values = record(model, images)
        self.nodes = list(self.values)

    def cut(self) -> list[tuple[fx.Node, list[fx.Node]]]:
        """The nodes of each segment and the one they read; an addition's ReLU belongs to it."""
        order = {node: index for index, node in enumerate(self.nodes)}
        source, *rest = self.nodes
        live, nodes, pieces = {source}, [], []
        for node in rest:
            nodes.append(node)
            live = {
                value
                for value in (*live, node)
                if any(
                    order.get(user, len(order)) > order[node]
                    and (_holds_tensor(self.values[value]) or self._reads_sizes(user))
                    for user in value.users
                )
            }
            if live != {node} or not isinstance(self.values[node], Tensor):
                continue
            if pieces and pieces[-1][1][-1].target in _ADD and self._is_relu(node):
                pieces[-1][1].extend(nodes)
            else:
                pieces.append((source, nodes))
            source, nodes = node, []
        return pieces

    def segment(self, source: fx.Node, nodes: list[fx.Node]) -> Segment:
        """The simplest modules that give what ``nodes`` do."""
        inputs, outputs = self.values[source], self.values[nodes[-1]]
        operations = self._tensors(nodes)
        single, path = len(operations) == 1, self._path(operations[0])
        join, main = None, []
        modules: list[nn.Module] | None = self._modules(operations[0]) if single else None
        if not single:
            *_, meeting, last = (source, *operations)
            relu = self._is_relu(last) and meeting.target in _ADD
            node = meeting if relu else last
            paths = self._paths(source, node)
            join, main = _join(node, paths)
            if join == "dense" and paths[0] == []:
                modules = [Concatenate(nn.Sequential(*main))]
            elif join == "residual" and relu:
                modules = [self._residual(source, node, paths)]
        if modules is None or not _gives(modules, inputs, outputs):
            modules = [self._extract(source, nodes)]
            if not _gives(modules, inputs, outputs):
                raise BitrainError(
                    f"{path}: changes in place what is read again; use inplace=False and x = x + y"
                )
        whole = not single and join is None
        return Segment(path, inputs, outputs, modules, main or modules, join, whole)

    def _residual(self, source: fx.Node, node: fx.Node, paths: _Paths) -> Residual:
        body, other = sorted(paths, key=_num_convs, reverse=True)
        shortcut = None
        before, after = self.values[source].shape, self.values[node].shape
        if other:
            shortcut = other[0] if len(other) == 1 else nn.Sequential(*other)
        elif other is None and len(before) == len(after) == 4:
            shortcut = Subsample(before[1], after[1], max(1, round(before[2] / after[2])))
        return Residual(nn.Sequential(*(body or [])), shortcut)

    def _paths(self, source: fx.Node, node: fx.Node) -> _Paths:
        """The modules on the two paths from ``source`` that meet in ``node``."""
        if node.target in _CAT:
            operands = node.args[0]
        else:
            operands = node.args if node.target in _ADD and not node.kwargs else ()
        if not isinstance(operands, list | tuple) or len(operands) != 2:
            return []
        return [
            self._path_from(source, operand) if isinstance(operand, fx.Node) else None
            for operand in operands
        ]

    def _path_from(self, source: fx.Node, node: fx.Node) -> list[nn.Module] | None:
        path: list[nn.Module] = []
        while node is not source:
            modules, previous = self._modules(node), self._tensors(node.all_input_nodes)
            if modules is None or len(previous) != 1:
                return None
            path[:0] = modules
            node = previous[0]
        return path

    def _modules(self, node: fx.Node) -> list[nn.Module] | None:
        """What does the same as one operation; no module at all where nothing is done."""
        read = node.args[0] if node.args else None
        if not (isinstance(read, fx.Node) and isinstance(self.values[read], Tensor)):
            return None
        before, after = self.values[read].shape, self.values[node].shape
        if node.op == "call_module":
            if len(node.all_input_nodes) != 1:
                return None
            module = copy.deepcopy(self.root.get_submodule(str(node.target)))
            return [] if isinstance(module, nn.AdaptiveAvgPool2d) and before == after else [module]
        if node.target in _FLATTEN:
            kept = len(after) - 1
            fits = kept >= 1 and after == (*before[:kept], before[kept:].numel())
            return [nn.Flatten(kept)] if fits else None
        if node.target in _MEAN:
            flat = [] if len(after) == len(before) else [nn.Flatten()]
            return [nn.AdaptiveAvgPool2d(1), *flat] if len(before) == 4 else None
        if node.target not in _AS_MODULE:
            return None
        args, kwargs = map_arg((node.args[1:], node.kwargs), self.values.__getitem__)
        return [_AS_MODULE[node.target](*args, **kwargs)]

    def _extract(self, source: fx.Node, nodes: list[fx.Node]) -> nn.Module:
        """``nodes`` as they are."""
        graph = fx.Graph()
        copies = {source: graph.placeholder("inputs")}
        for node in nodes:
            copies[node] = graph.node_copy(node, copies.__getitem__)
        graph.output(copies[nodes[-1]])
        return copy.deepcopy(fx.GraphModule(self.root, graph))

    def _reads_sizes(self, node: fx.Node) -> bool:
        """Whether numbers found earlier are needed; most often a module does without them."""
        if node not in self.values:
            return False
        if isinstance(self.values[node], Tensor):
            return self._modules(node) is None
        return any(map(self._reads_sizes, node.users))

    def _tensors(self, nodes: Iterable[fx.Node]) -> list[fx.Node]:
        return [node for node in nodes if isinstance(self.values[node], Tensor)]

    def _is_relu(self, node: fx.Node) -> bool:
        return [type(module) for module in self._modules(node) or []] == [nn.ReLU]

    def _path(self, node: fx.Node) -> str:
        scopes = [path for path, _ in node.meta.get("nn_module_stack", {}).values()]
        return (scopes[-1] if scopes else "").removeprefix("0").lstrip(".") or node.name


def _gives(modules: list[nn.Module], inputs: Tensor, outputs: Tensor) -> bool:
    try:
        return agree(nn.Sequential(*modules).eval()(inputs.clone()), outputs)
    except (RuntimeError, ValueError):
        return False


def _holds_tensor(value: Any) -> bool:
    parts = value if isinstance(value, list | tuple) else (value,)
    return any(isinstance(part, Tensor) for part in parts)


def _join(node: fx.Node, paths: _Paths) -> tuple[Join | None, list[nn.Module]]:
    """How two paths meet in ``node``, and the one with more convolutions."""
    if len(paths) == 2:
        body, other = sorted(paths, key=_num_convs, reverse=True)
        if body is not None and _num_convs(body):
            if node.target in _ADD and _num_convs(other) <= 1:
                return "residual", body
            if node.target in _CAT and other == []:
                return "dense", body
    return None, []


def _num_convs(path: list[nn.Module] | None) -> int:
    return sum(isinstance(module, nn.Conv2d) for module in path or [])
