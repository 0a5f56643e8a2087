"""Torch and numba share the OpenMP runtime, and numba leaves its own number of threads behind."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def keep_torch_threads() -> Iterator[None]:
    """Restore torch's number of threads after the golden model has run on numba's.

    Training would otherwise sum in another order than before, and crawl where cores are shared.
    """
    threads = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(threads)
