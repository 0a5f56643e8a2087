"""Modules that a chain is read from, and what to use in the place of others."""

from torch import nn

from bitrain.spec import BitrainError

SUPPORTED = (
    "Conv2d, Linear, BatchNorm2d, ReLU, MaxPool2d, AvgPool2d, AdaptiveAvgPool2d(1), Flatten, "
    "Dropout, Identity, bitrain.models.Block, bitrain.models.Residual, bitrain.models.Concatenate, "
    "nested Sequential"
)
IGNORED = (nn.Identity, nn.Dropout, nn.Dropout2d)
_ACTIVATIONS = (
    *(nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.RReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU),
    *(nn.Mish, nn.Hardswish, nn.Sigmoid, nn.Hardsigmoid, nn.Tanh, nn.Hardtanh, nn.Softplus),
)
_NORMS = (nn.BatchNorm1d, nn.LayerNorm, nn.GroupNorm, nn.InstanceNorm2d, nn.LocalResponseNorm)
_POOLS = (nn.AdaptiveMaxPool2d, nn.LPPool2d)
_INSTEAD: dict[type[nn.Module], str] = {
    **dict.fromkeys(_ACTIVATIONS, "use ReLU"),
    **dict.fromkeys(_NORMS, "use BatchNorm2d right after a Conv2d"),
    **dict.fromkeys(_POOLS, "use MaxPool2d, AvgPool2d or AdaptiveAvgPool2d(1)"),
    **dict.fromkeys((nn.Softmax, nn.LogSoftmax), "leave it out, the largest score is the class"),
}


def refusal(path: str, module: nn.Module) -> BitrainError:
    """Why the module at ``path`` cannot be read, and what to use instead."""
    instead = _INSTEAD.get(type(module), f"use {SUPPORTED}")
    return BitrainError(f"{path}: {type(module).__name__} is not supported; {instead}")
