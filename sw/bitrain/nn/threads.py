"""Torch's number of threads: part of a recipe, because sums depend on it in their last bits.

Small layers gain nothing from a second thread, and where other programs use the cores the threads
of OpenMP wait for each other in busy loops: ten times as long was measured, and more. Numba shares
the OpenMP runtime and leaves its own number of threads behind.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def torch_threads(count: int | None = None) -> Iterator[None]:
    """Run with ``count`` threads (as many as before, if None) and restore the number afterwards."""
    before = torch.get_num_threads()
    if count is not None:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
