"""Copies of models that hold tensors which are computed before each pass."""

import copy
from typing import TypeVar

from torch import Tensor, nn
from torch.nn.utils import parametrize, prune, remove_spectral_norm, remove_weight_norm
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from bitrain.spec import BitrainError

Model = TypeVar("Model", bound=nn.Module)


def copy_model(model: Model) -> Model:
    """A deep copy, in which weights that are computed (pruning, weight norm) are parameters.

    What such a weight is in a pass of ``model``, in evaluation mode, it is in the copy. Raises
    :class:`BitrainError` where the model holds what cannot be copied.
    """
    computed = {
        id(value): value.detach().clone()
        for module in model.modules()
        for value in vars(module).values()
        if isinstance(value, Tensor) and not value.is_leaf
    }
    try:
        copied = copy.deepcopy(model, computed)
    except Exception as error:  # it may be the user's class
        reason = str(error).partition("\n")[0]
        raise BitrainError(
            f"{type(model).__name__} cannot be copied ({reason}); keep what cannot be copied "
            "(locks, files, generators) outside the module"
        ) from error
    for module in copied.modules():
        for hook in list(module._forward_pre_hooks.values()):
            if isinstance(hook, prune.BasePruningMethod):
                prune.remove(module, hook._tensor_name)
            elif isinstance(hook, WeightNorm):
                remove_weight_norm(module, hook.name)
            elif isinstance(hook, SpectralNorm):
                remove_spectral_norm(module, hook.name)
        if parametrize.is_parametrized(module):
            _settle(module)
    return copied


def _settle(module: nn.Module) -> None:
    """Give a copy the class before it was parametrised, which it shares with its original."""
    assert isinstance(module.parametrizations, nn.ModuleDict)
    module.parametrizations.eval()
    names = list(module.parametrizations)
    values = {name: getattr(module, name).detach().clone() for name in names}
    module.__class__ = parametrize.type_before_parametrizations(module)
    del module.parametrizations
    for name, value in values.items():
        module.register_parameter(name, nn.Parameter(value))
