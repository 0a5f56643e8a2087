"""A model's operations, recorded by torch.fx with what each of them gives.

J. K. Reed et al., *torch.fx: Practical Program Capture and Transformation for Deep Learning in
Python*, arXiv:2112.08429.
"""

import copy
import operator
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

from bitrain.models import Block, Subsample, copy_model
from bitrain.spec import BitrainError

_INPLACE = "inplace"  # the option of modules and functions
_NEW_TENSOR = {operator.iadd: operator.add, "add_": "add", "relu_": "relu"}


def agree(found: Tensor, expected: Tensor) -> bool:
    """Equal but for rounding."""
    if found.shape != expected.shape:
        return False
    tolerance = 1e-5 * expected.detach().abs().max().item() if expected.isfinite().all() else 0.0
    return torch.allclose(found, expected, rtol=1e-4, atol=tolerance, equal_nan=True)


def record(model: nn.Module, images: Tensor) -> tuple[nn.Module, dict[fx.Node, Any]]:
    """A copy of ``model`` in evaluation mode, its operations in order, what they give for a batch.

    Nothing in them works in place any more, and dropout is a module. Raises :class:`BitrainError`
    naming the module that cannot be traced.
    """
    # One module deeper, so that an error in the model's own forward is reported like any other.
    root = nn.Sequential(copy_model(model)).eval()
    module = fx.GraphModule(root, _Tracer().trace(root))
    module.graph.eliminate_dead_code()
    module.recompile()
    *nodes, output = module.graph.nodes
    if not isinstance(output.args[0], fx.Node):
        raise BitrainError(f"{_name('', root[0])} gives several outputs; return the scores alone")
    recorder = _Recorder(module)
    try:
        expected = copy.deepcopy(root)(images.clone())
        found = recorder.run(images.clone())
    except (RuntimeError, ValueError) as error:
        size = " x ".join(map(str, images.shape[1:]))
        reason = str(error).partition("\n")[0]
        raise BitrainError(f"the model does not fit images of {size}: {reason}") from error
    if not (isinstance(found, Tensor) and agree(found, expected)):
        raise BitrainError(
            f"{_name('', root[0])}: its operations, one after the other, do not give what the "
            "model gives; its forward must be the same at every call, and use what a method that "
            "works in place gives (x = x * 2, not x.mul_(2))"
        )
    _use_modules(root, nodes)
    return root, {node: recorder.values[node] for node in nodes}


class _Tracer(fx.Tracer):
    _LEAVES = (Block, Subsample)

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, self._LEAVES) or super().is_leaf_module(m, module_qualified_name)

    def call_module(self, m: nn.Module, forward: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        try:
            return super().call_module(m, forward, args, kwargs)
        except BitrainError:
            raise
        except Exception as error:  # it is the user's program
            reason = str(error).partition("\n")[0]
            raise BitrainError(
                f"{_name(self.path_of_module(m), m)} cannot be taken apart: {reason}; its forward "
                "must read one tensor and not depend on the values in it"
            ) from error


class _Recorder(fx.Interpreter):
    """Runs a graph and keeps what every node gives, as it was before others work on it in place."""

    def __init__(self, module: fx.GraphModule):
        super().__init__(module)
        self.values: dict[fx.Node, Any] = {}

    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        self.values[n] = value.clone() if isinstance(value, Tensor) else value
        return value


def _use_modules(root: nn.Module, nodes: Iterable[fx.Node]) -> None:
    """What a block gives must not be changed by the next one, and dropout be a module."""
    for module in root.modules():
        if getattr(module, _INPLACE, False):
            setattr(module, _INPLACE, False)
    for node in nodes:
        if node.target is F.dropout:
            # As a function it would stay as it was traced: switched off.
            probability: Any = node.kwargs["p"]
            root.add_module(node.name, nn.Dropout(probability).eval())
            node.op, node.target, node.kwargs = "call_module", node.name, {}
        node.target = _NEW_TENSOR.get(node.target, node.target)
        node.kwargs = {name: node.kwargs[name] for name in node.kwargs if name != _INPLACE}


def _name(path: str, module: nn.Module) -> str:
    path = path.removeprefix("0").lstrip(".")
    return f"{path}: {type(module).__name__}" if path else type(module).__name__
