"""Seconds that models take on this CPU, timed in turn so that noise of the machine hits all alike.

A batch is run through every model before any model sees the next one; the speed-up is the median of
the ratios inside these rounds, in which a slow moment of the machine cancels.
"""

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from bitrain.models import copy_model
from bitrain.nn import torch_threads
from bitrain.spec import Shape


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Seconds of one model at one batch size."""

    seconds: float
    """For one batch, the median over the repeats."""
    speedup: float
    """How many times as fast as the first model, the median of the ratios in each repeat."""


@torch.no_grad()
def paired_latency(
    models: dict[str, nn.Module],
    in_shape: Shape,
    batch_sizes: Sequence[int] = (1, 64),
    *,
    repeats: int = 15,
    warmups: int = 3,
    clock: Callable[[], float] = time.thread_time,
) -> dict[int, dict[str, Latency]]:
    """Time copies of ``models`` as they would be deployed; the result is by batch size and name.

    The copies are in evaluation mode, with batch norm folded and channels last. in_shape: of one
    image. warmups: rounds that are not counted. clock: gives seconds; by default those of the one
    thread on the CPU, in which other programs do not count.
    """
    if not models or repeats < 1:
        raise ValueError("expected at least one model and one repeat")
    ready = {name: _deployed(model) for name, model in models.items()}
    generator = torch.Generator().manual_seed(0)
    found: dict[int, dict[str, Latency]] = {}
    with torch_threads(1):
        for batch_size in batch_sizes:
            images = torch.rand(batch_size, *in_shape, generator=generator)
            images = images.contiguous(memory_format=torch.channels_last)
            for _ in range(warmups):
                for model in ready.values():
                    model(images)
            times: dict[str, list[float]] = {name: [] for name in ready}
            for _ in range(repeats):
                for name, model in ready.items():
                    start = clock()
                    model(images)
                    times[name].append(clock() - start)
            first, found[batch_size] = next(iter(times.values())), {}
            for name, own in times.items():
                speedup = median(a / b for a, b in zip(first, own, strict=True))
                found[batch_size][name] = Latency(seconds=median(own), speedup=speedup)
    return found


def _deployed(model: nn.Module) -> nn.Module:
    folded = fold_batch_norm(model)
    for parameter in folded.parameters():
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return folded


def fold_batch_norm(model: nn.Module) -> nn.Module:
    """A copy in evaluation mode; each BatchNorm2d right after a Conv2d is in the Conv2d's weights.

    Only inside an nn.Sequential, whose order is that of the computation.
    """
    folded = copy_model(model).eval()
    for parent in folded.modules():
        if type(parent).forward is not nn.Sequential.forward:
            continue
        parts = list(parent._modules.items())
        for (name, conv), (norm_name, norm) in itertools.pairwise(parts):
            if type(conv) is not nn.Conv2d or type(norm) is not nn.BatchNorm2d:
                continue
            if norm.running_mean is not None and norm.running_var is not None:
                parent._modules[name] = fuse_conv_bn_eval(conv, norm)
                parent._modules[norm_name] = nn.Identity()
    return folded
