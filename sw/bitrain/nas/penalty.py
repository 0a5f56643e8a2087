"""What operations cost, and the expected cost of a super-network as a term of its loss.

Expected cost of mixed operations: H. Cai et al., *ProxylessNAS*, arXiv:1812.00332. Beside
multiplications it weighs memory access, and the cycles of the SC accelerator.
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn

from bitrain.models import evaluating
from bitrain.nn import ScConfig
from bitrain.profile.cost import model_cost
from bitrain.program import Array
from bitrain.recast.cycles import sc_cycles
from bitrain.runner.config import Section
from bitrain.spec import Shape

from .network import Edge, edges_of


class Cost(NamedTuple):
    """What one image costs."""

    macs: float
    memory_access: float
    """Words read and written."""
    cycles: float
    """Estimated cycles of the accelerator; 0 for what it does not run or what costs nothing."""


class PenaltyConfig(Section):
    """Weights of the expected costs, each relative to the teacher's."""

    calibration: Path | None = None
    """File of ``bitrain search calibrate``; see ``rates``."""
    rates: tuple[float, float] | None = None
    """Seconds for a multiplication and for a word of memory access. Where they are known, the sum
    of the weights ``macs`` and ``memory_access`` is for the expected share of the time, so that the
    two count as they do in the time of what is searched."""

    macs: float = Field(default=0.1, ge=0)
    memory_access: float = Field(default=0.1, ge=0)
    cycles: float = Field(default=0.0, ge=0)

    def weights(self, reference: Cost) -> Tensor:
        """In the order of :class:`Cost`, for shares of the reference's costs."""
        macs, memory_access = self.macs, self.memory_access
        if self.rates is not None:
            seconds = self.rates[0] * reference.macs, self.rates[1] * reference.memory_access
            both = sum(seconds) or 1.0
            macs, memory_access = ((macs + memory_access) * part / both for part in seconds)
        return torch.tensor([macs, memory_access, self.cycles])


class CostModel:
    """Costs of all operations of a module, by path of the edge and name of the operation."""

    def __init__(self, module: nn.Module, in_shape: Shape, array: Array | None = None):
        self.operations: dict[str, dict[str, Cost]] = {}
        paths = {edge: path for path, edge in edges_of(module)}

        def record(edge: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
            assert isinstance(edge, Edge)
            shape = Shape(*args[0].shape[1:])
            self.operations[paths[edge]] = {
                name: operation_cost(operation, shape, array)
                for name, operation in edge.operations.items()
            }

        hooks = [edge.register_forward_hook(record) for edge in paths]
        with torch.no_grad(), evaluating(module):
            module(next(module.parameters(), torch.zeros(())).new_zeros(1, *in_shape))
        for hook in hooks:
            hook.remove()

    def expected(self, module: nn.Module) -> Tensor:
        """Expected costs under the present strengths, in the order of :class:`Cost`; in float32."""
        total = torch.zeros(len(Cost._fields))
        for path, edge in edges_of(module):
            table = torch.tensor([self.operations[path][name] for name in edge.names])
            strengths = edge.strengths()
            with torch.autocast(strengths.device.type, enabled=False):
                total = total.to(strengths) + strengths @ table.to(strengths)
        return total

    def total(self, module: nn.Module) -> Cost:
        """Costs of all operations that are left."""
        return self.of({path: edge.names for path, edge in edges_of(module)})

    def of(self, network: Mapping[str, Collection[str]]) -> Cost:
        """Costs of operations, whose names are given by path of their edge."""
        found = [self.operations[path][name] for path, names in network.items() for name in names]
        return Cost(*(sum(values) for values in zip(*found, strict=True)))


def operation_cost(operation: nn.Module, shape: Shape, array: Array | None) -> Cost:
    """Cost of one operation for an activation of ``shape``."""
    cost = model_cost(operation, shape)
    cycles = 0
    if array is not None and cost.macs:
        chain = operation if isinstance(operation, nn.Sequential) else nn.Sequential(operation)
        cycles = sc_cycles(chain, shape, ScConfig(), array) or 0
    return Cost(cost.macs, cost.memory_access, cycles)


def penalty(expected: Tensor, reference: Cost, config: PenaltyConfig) -> Tensor:
    """Weighted sum of expected costs, each as a share of the reference's."""
    shares = expected / torch.tensor(reference).clamp(min=1).to(expected)
    return (config.weights(reference).to(expected) * shares).sum()
