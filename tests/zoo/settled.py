"""Foreign models whose activations live though nothing trained them."""

import torch
from torch import nn

from .foreign import FOREIGN


@torch.no_grad()
def settled(name: str) -> tuple[nn.Module, torch.Tensor]:
    """A model with statistics of its own activations, and images."""
    build, shape = FOREIGN[name]
    torch.manual_seed(0)
    model, images = build(), torch.rand(48, *shape)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None
    for batch in images[:32].split(16):
        model.train()(batch)
    return model.eval(), images[32:]
