"""Activations that are written as a product with a function of themselves, under their own names.

ONNX files and older programs have x · sigmoid(x) or x / (1 + exp(-x)) for SiLU, x · (1 + erf(x /
√2)) / 2 for GELU, x · tanh(softplus(x)) for Mish and x · hardsigmoid(x) for Hardswish. To an
accelerator they are what the functions of these names are.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, fx
from torch.fx.node import map_arg

from .recorder import operation_name

_ELEMENTWISE = frozenset(
    [
        "add",
        "clamp",
        "div",
        "erf",
        "exp",
        "gt",
        "hardsigmoid",
        "hardtanh",
        "log",
        "log1p",
        "mul",
        "neg",
        "pow",
        "relu6",
        "rsub",
        "sigmoid",
        "softplus",
        "sub",
        "tanh",
        "where",
    ]
)
_NAMES = (
    ({"softplus", "tanh"}, torch.ops.aten.mish.default),
    ({"log", "tanh"}, torch.ops.aten.mish.default),
    ({"log1p", "tanh"}, torch.ops.aten.mish.default),
    ({"erf"}, torch.ops.aten.gelu.default),
    ({"tanh"}, torch.ops.aten.gelu.default),
    ({"hardsigmoid"}, torch.ops.aten.hardswish.default),
    ({"clamp"}, torch.ops.aten.hardswish.default),
    ({"hardtanh"}, torch.ops.aten.hardswish.default),
    ({"relu6"}, torch.ops.aten.hardswish.default),
    ({"sigmoid"}, torch.ops.aten.silu.default),
    ({"exp"}, torch.ops.aten.silu.default),
)
"""Operations of a gate, and which activation it makes."""
_FAR = 30.0
"""Where a gate has reached its last values."""
_ROUNDING = 1e-5
"""Of the constants of a gate."""


def name_gates(program: torch.export.ExportedProgram) -> None:
    """Put the activation, times its slope far out, in the place of each such product."""
    changed = False
    for node in list(program.graph.nodes):
        if found := next(_readings(node, program), None):
            _replace(node, *found)
            changed = True
    if changed:
        program.graph.eliminate_dead_code()


def _readings(
    node: fx.Node, program: torch.export.ExportedProgram
) -> Iterator[tuple[Any, fx.Node, float]]:
    """The activation that a product is, of which x, and times what."""
    first, second = node.args[:2] if _name(node) in ("mul", "div") else (None, None)
    if not isinstance(first, fx.Node) or not isinstance(second, fx.Node):
        return
    turns = ((first, second), (second, first)) if _name(node) == "mul" else ((first, second),)
    for factor, gate in turns:
        for x in _up(factor):
            within = _between(x, gate)
            names = set(map(_name, within))
            made = next((made for key, made in _NAMES if key <= names), None)
            slope = _slope(x, [*_between(x, factor), *within, node], program) if made else None
            if slope is not None:
                yield made, x, slope


def _replace(node: fx.Node, activation: Any, x: fx.Node, slope: float) -> None:
    graph, meta = node.graph, dict(node.meta)
    if stack := meta.get("nn_module_stack"):
        last = next(reversed(stack))
        path, kind = stack[last]
        if str(kind).startswith("onnx."):  # the node of the file is called Mul
            meta["nn_module_stack"] = {**stack, last: (path, f"onnx.{operation_name(activation)}")}
    with graph.inserting_before(node):
        made = graph.call_function(activation, (x,))
        made.meta = meta
        if abs(slope - 1) > _ROUNDING:
            made = graph.call_function(torch.ops.aten.mul.Tensor, (made, slope))
            made.meta = dict(node.meta)
    node.replace_all_uses_with(made)


def _up(factor: fx.Node) -> Iterator[fx.Node]:
    """A factor, and what it is a multiple of."""
    yield factor
    while _name(factor) in ("mul", "div"):
        first, other = factor.args
        if not isinstance(first, fx.Node) or (isinstance(other, fx.Node) and not _is_number(other)):
            return
        factor = first
        yield factor


def _name(node: fx.Node) -> str:
    return operation_name(node.target) if node.op == "call_function" else ""


def _between(x: fx.Node, gate: fx.Node) -> list[fx.Node]:
    """Operations from x to the gate, in order, if they are of each element of x alone."""
    found, waiting = set[fx.Node](), [gate]
    while waiting:
        node = waiting.pop()
        number = _is_number(node)
        if node is x or node in found or (number and node.op == "placeholder"):
            continue
        if not number and _name(node) not in _ELEMENTWISE:
            return []
        found.add(node)
        waiting += node.all_input_nodes
    reads = {source for node in found for source in node.all_input_nodes}
    return [node for node in gate.graph.nodes if node in found] if x in reads else []


def _is_number(node: fx.Node) -> bool:
    """Whether it is a constant; what images give is larger, if only by their batch."""
    value = node.meta.get("val")
    return isinstance(value, Tensor) and value.numel() == 1


def _slope(
    x: fx.Node, within: list[fx.Node], program: torch.export.ExportedProgram
) -> float | None:
    """Of ReLU, which the last of the operations is like: 0 far below, and linear far above."""
    below, above, beyond = _values(x, within, program).tolist()
    slope = above / _FAR
    like = abs(below) < _ROUNDING and abs(beyond / (2 * _FAR) - slope) < _ROUNDING
    return slope if like and slope > 0 else None


def _values(x: fx.Node, within: list[fx.Node], program: torch.export.ExportedProgram) -> Tensor:
    """What the last operation gives for an x far below 0, far above, and twice as far."""
    signature = program.graph_signature
    targets: Mapping[str, str] = {
        **signature.inputs_to_parameters,
        **signature.inputs_to_buffers,
        **signature.inputs_to_lifted_tensor_constants,
    }
    stored = {**program.state_dict, **program.constants}
    env = {x: torch.tensor([-_FAR, _FAR, 2 * _FAR], dtype=torch.float64)}

    def known(node: fx.Node) -> Tensor:
        return env[node] if node in env else stored[targets[node.name]].detach().double()

    for node in within:
        assert callable(node.target)
        args: Any = map_arg(node.args, known)
        options: Any = map_arg(node.kwargs, known)
        env[node] = torch.as_tensor(node.target(*args, **options))
    return env[within[-1]]
