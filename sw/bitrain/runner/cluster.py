"""Independent tasks side by side: in this process, in processes of this machine, on a cluster.

Dask distributed gives a task to another worker where one dies; a task that keeps checkpoints then
goes on from there. The same code runs on any cluster that Dask runs on.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from bitrain.spec import BitrainError

PATIENCE = 10
"""Seconds until a scheduler is said not to answer."""


Run = Callable[[Callable[..., Any], Sequence[tuple[Any, ...]]], Iterator[Any]]
"""Gives what a function returns for each tuple of arguments, in order, each once it is there."""


def map_tasks(
    function: Callable[..., Any],
    tasks: Sequence[tuple[Any, ...]],
    *,
    workers: int = 1,
    scheduler: str | None = None,
) -> list[Any]:
    """What ``function`` returns for each tuple of arguments, in order; see :func:`pool`."""
    with pool(workers, scheduler) as run:
        return list(run(function, tasks))


@contextmanager
def pool(workers: int = 1, scheduler: str | None = None) -> Iterator[Run]:
    """What runs tasks.

    workers: processes to start here, none where it is 1. scheduler: address of a Dask cluster in
    their place; its workers need Bitrain, and the paths that the arguments name. Raises
    :class:`BitrainError` where the cluster does not answer, or where a task takes one worker after
    the other with it.
    """
    if scheduler is None and workers == 1:
        yield lambda function, tasks: (function(*arguments) for arguments in tasks)
        return
    try:
        from distributed import Client, LocalCluster
    except ModuleNotFoundError as error:
        raise BitrainError(
            "searching side by side needs Dask distributed: pip install 'bitrain[search]'"
        ) from error
    if scheduler is None:
        settings: dict[str, Any] = {
            "n_workers": workers,
            "threads_per_worker": 1,
            "processes": True,
            "dashboard_address": None,
            # Its HTTP server starts all the same, and on a port that others may hold.
            "scheduler_kwargs": {"dashboard_address": "127.0.0.1:0"},
            "memory_limit": 0,  # a worker is not ended for what it needs
        }
        with _quiet(), LocalCluster(**settings) as local, Client(local) as client:
            yield partial(_gather, client)
        return
    try:
        with _quiet():
            client = Client(scheduler, timeout=PATIENCE)
    except (OSError, TimeoutError, ValueError) as error:
        raise BitrainError(
            f"--scheduler {scheduler}: no Dask scheduler answers there ({error}); start one with "
            "dask scheduler, and workers with dask worker"
        ) from error
    with client:
        yield partial(_gather, client)


def _gather(
    client: Any, function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]]
) -> Iterator[Any]:
    from distributed import KilledWorker
    from distributed.client import FutureCancelledError

    futures = [client.submit(function, *arguments, pure=False) for arguments in tasks]
    try:
        for future in futures:
            yield client.gather(future)
    except KilledWorker as error:
        raise BitrainError(
            "workers died again and again at the same task, for want of memory perhaps; the next "
            "call goes on from its checkpoints"
        ) from error
    except (FutureCancelledError, OSError) as error:
        raise BitrainError(
            f"the Dask scheduler went away ({type(error).__name__}); start it again, the next call "
            "goes on from checkpoints"
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Dask's own lines about connections: errors come as exceptions."""
    logger = logging.getLogger("distributed")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
