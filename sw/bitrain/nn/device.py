"""Where torch computes."""

import os

import torch


def best_device() -> torch.device:
    """The first GPU where torch can use one, else the CPU; under torchrun the process's own GPU."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    local_rank = os.environ.get("LOCAL_RANK")
    return torch.device("cuda" if local_rank is None else f"cuda:{local_rank}")
