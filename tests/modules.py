"""Parts of torch models, typed, and batch norm as training leaves it."""

from typing import TypeVar

from torch import nn

from bitrain.models import create_model
from bitrain.spec import Shape

Part = TypeVar("Part", bound=nn.Module)


def part(model: nn.Module, path: str, kind: type[Part]) -> Part:
    """The module at this path, which is of this kind."""
    found = model.get_submodule(path)
    assert isinstance(found, kind)
    return found


def named_model(name: str, in_shape: Shape, num_classes: int, **options) -> nn.Sequential:
    """A model of the registry; all of them are sequential."""
    return part(create_model(name, in_shape, num_classes, **options), "", nn.Sequential)


def draw_statistics(
    model: nn.Module, mean: float = 0.2, variance: tuple[float, float] = (0.5, 2)
) -> None:
    """Means in ±mean and variances in this range, for every batch norm."""
    for norm in model.modules():
        if isinstance(norm, nn.BatchNorm2d):
            assert norm.running_mean is not None and norm.running_var is not None
            norm.running_mean.uniform_(-mean, mean)
            norm.running_var.uniform_(*variance)
