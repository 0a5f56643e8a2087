"""Data-parallel training: torchrun starts processes, and each takes a share of every batch.

``DistributedDataParallel`` averages the gradients (S. Li et al., arXiv:2006.15704), over NCCL where
there are GPUs and over Gloo elsewhere. Outside torchrun there is one process, and nothing here
does anything.
"""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from bitrain.nn import best_device
from bitrain.spec import BitrainError

_VARIABLES = {"RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR"}
"""What torchrun sets in the environment."""
_BATCH_NORMS = nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d


def world_size() -> int:
    """How many processes train together."""
    return int(os.environ["WORLD_SIZE"]) if os.environ.keys() >= _VARIABLES else 1


def rank() -> int:
    """Which of them this is."""
    return int(os.environ["RANK"]) if world_size() > 1 else 0


def is_main() -> bool:
    """Whether this process writes files and talks to the user."""
    return rank() == 0


def start() -> None:
    """Join the other processes, once; :class:`BitrainError` if there are more of them than GPUs."""
    if world_size() == 1 or distributed.is_initialized():
        return
    device = best_device()
    if device.type == "cpu":
        distributed.init_process_group("gloo")
        return
    here, gpus = int(os.environ.get("LOCAL_WORLD_SIZE", "1")), torch.cuda.device_count()
    if here > gpus:
        raise BitrainError(
            f"torchrun starts {here} processes on a machine of {gpus} GPUs; use "
            f"--nproc-per-node {gpus}"
        )
    torch.cuda.set_device(device)
    distributed.init_process_group("nccl", device_id=device)


def barrier() -> None:
    """Wait until all processes are here."""
    if world_size() > 1:
        distributed.barrier()


def total(value: Tensor) -> Tensor:
    """Sum over the processes, without a gradient, the same in all of them."""
    value = value.detach()
    if world_size() > 1:
        value = value.clone()
        distributed.all_reduce(value)
    return value


def shard(count: int) -> tuple[slice, float]:
    """Which of the ``count`` images of a batch are this process's, and their share of the batch.

    A process that is left without computes one image with a share of 0, because the others wait
    for its gradients.
    """
    mine = range(count)[rank() :: world_size()]
    return slice(rank() if mine else 0, None if mine else 1, world_size()), len(mine) / count


@contextmanager
def own_draws(*position: int) -> Iterator[None]:
    """Give the process a random generator of its own, for dropout and noise on its images.

    The common generator stays where it is, so that the next batch is the same in all processes.
    position: a seed and where in the training this is.
    """
    if world_size() == 1:
        yield
        return
    with torch.random.fork_rng(devices=[]):
        words = np.random.SeedSequence((*position, rank())).generate_state(1)
        torch.manual_seed(int(words[0]))
        yield


@contextmanager
def parallel(model: nn.Module) -> Iterator[nn.Module]:
    """What to call for the scores: the model, wrapped if there are processes to share it with.

    Weights and buffers start as those of process 0. Which parameters have gradients must not
    change meanwhile; some may be without. On GPUs batch norm takes its statistics over all
    processes; elsewhere each process normalises with its own, and those of process 0 are kept.
    """
    if world_size() == 1:
        yield model
        return
    with warnings.catch_warnings(), global_batch_norm(model, enabled=best_device().type == "cuda"):
        # Strides of kernels with one input channel are ambiguous, and those of gradients differ.
        warnings.filterwarnings("ignore", "Grad strides do not match bucket view strides")
        wrapped = DistributedDataParallel(model, static_graph=True)
        try:
            yield wrapped
        finally:
            # Else a later backward pass of the bare model waits for other processes.
            wrapped._remove_autograd_hooks()


@contextmanager
def global_batch_norm(model: nn.Module, *, enabled: bool) -> Iterator[None]:
    """Let batch norm take its statistics over all processes; afterwards the modules are back."""
    modules = model.named_modules(remove_duplicate=False) if enabled else ()
    norms = [(name, norm) for name, norm in modules if name and isinstance(norm, _BATCH_NORMS)]
    if norms:
        nn.SyncBatchNorm.convert_sync_batchnorm(model)  # in place; the tensors stay the same
    try:
        yield
    finally:
        for name, norm in norms:
            model.set_submodule(name, norm)


def share_buffers(model: nn.Module) -> None:
    """Give all processes the buffers of process 0."""
    if world_size() > 1:
        for buffer in model.buffers():
            distributed.broadcast(buffer, 0)
