"""What one image costs in a float model, counted by forward hooks and never by running formulas.

The four measures are those by which J. Yu et al., *Network Recasting*, arXiv:1809.05262, compare a
network with what it was recast into. Counted are Conv2d, Linear, Residual and pooling modules;
what a model does outside of them (sums or products in a ``forward`` of its own) is not seen.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bitrain.models import Residual, evaluating
from bitrain.spec import BitrainError, Shape

_POOLS = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)


@dataclass(frozen=True, kw_only=True)
class ModelCost:
    """Costs of one image. Batch norm and ReLU are part of the layer before; concatenation is free.

    Batch norm folds into weights and bias and ReLU is applied to a sum before it is written;
    channels put side by side are only an address.
    """

    parameters: int = 0
    """Numbers that are trained, those of batch norm among them; a shared one counts once."""
    activations: int = 0
    """Numbers that convolutions, linear layers, the sums of residual blocks and pooling write."""
    macs: int = 0
    """Multiplications of activations by weights; padding counts as if it were pixels."""
    memory_access: int = 0
    """Words read and written, each once in a layer: inputs, weights, a bias for each output channel
    (batch norm gives one where there was none) and outputs of convolutions and linear layers; two
    reads and a write for each element of a residual block's sum; inputs and outputs of pooling."""

    def __add__(self, other: "ModelCost") -> "ModelCost":
        added = {name: count + getattr(other, name) for name, count in vars(self).items()}
        return ModelCost(**added)


def model_cost(model: nn.Module, in_shape: Shape) -> ModelCost:
    """Cost of one image of ``in_shape``; a model on torch's meta device costs no time.

    Raises :class:`BitrainError` where the model cannot read such an image.
    """
    with evaluating(model):
        return _measure(model, _image(model, in_shape))[0]


def cost_by_block(model: nn.Sequential, in_shape: Shape) -> list[ModelCost]:
    """Cost of each child of ``model``, in order; :func:`model_cost` where none are shared."""
    costs: list[ModelCost] = []
    with evaluating(model):
        activations = _image(model, in_shape)
        for block in model:
            cost, activations = _measure(block, activations)
            costs.append(cost)
    return costs


def _image(model: nn.Module, in_shape: Shape) -> Tensor:
    return next(model.parameters(), torch.empty(0)).new_zeros(1, *in_shape)


@torch.no_grad()
def _measure(module: nn.Module, inputs: Tensor) -> tuple[ModelCost, Tensor]:
    costs = [ModelCost(parameters=sum(parameter.numel() for parameter in module.parameters()))]

    def record(part: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
        costs.append(_part_cost(part, args[0], output))

    counted = (nn.Conv2d, nn.Linear, Residual, *_POOLS)
    parts = [part for part in module.modules() if isinstance(part, counted)]
    hooks = [part.register_forward_hook(record) for part in parts]
    try:
        outputs = module(inputs)
    except (RuntimeError, ValueError) as error:
        size = " x ".join(map(str, inputs.shape[1:]))
        raise BitrainError(f"{type(module).__name__} cannot read a map of {size}") from error
    finally:
        for hook in hooks:
            hook.remove()
    return sum(costs, ModelCost()), outputs


def _part_cost(part: nn.Module, inputs: Tensor, outputs: Tensor) -> ModelCost:
    written = outputs.numel()
    if isinstance(part, Residual):
        return ModelCost(activations=written, memory_access=3 * written)
    if isinstance(part, _POOLS):
        return ModelCost(activations=written, memory_access=inputs.numel() + written)
    assert isinstance(part, nn.Conv2d | nn.Linear)
    # Every output is a sum over the weights of its channel.
    channels, weights = len(part.weight), part.weight.numel()
    return ModelCost(
        activations=written,
        macs=written * (weights // channels),
        memory_access=inputs.numel() + weights + channels + written,
    )
