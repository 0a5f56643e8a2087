"""Where torch computes."""

import torch


def best_device() -> torch.device:
    """The first GPU where torch can use one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
