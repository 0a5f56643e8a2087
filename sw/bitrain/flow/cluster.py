"""Independent tasks side by side: in this process, in processes of this machine, on a cluster.

Dask distributed gives a task to another worker where one dies; a task that keeps checkpoints then
goes on from there. The same code runs on any cluster that Dask runs on.
"""

from collections.abc import Callable, Sequence
from typing import Any

from bitrain.spec import BitrainError

RETRIES = 3
"""How many workers a task may lose before the whole run is given up."""


def map_tasks(
    function: Callable[..., Any],
    tasks: Sequence[tuple[Any, ...]],
    *,
    workers: int = 1,
    scheduler: str | None = None,
) -> list[Any]:
    """What ``function`` returns for each tuple of arguments, in order.

    workers: processes to start here, none where it is 1. scheduler: address of a Dask cluster in
    their place; its workers need Bitrain, and the paths that the arguments name. Raises
    :class:`BitrainError` where the cluster does not answer.
    """
    if scheduler is None and workers == 1:
        return [function(*arguments) for arguments in tasks]
    try:
        from distributed import Client, LocalCluster
    except ModuleNotFoundError as error:
        raise BitrainError(
            "searching side by side needs Dask distributed: pip install 'bitrain[search]'"
        ) from error
    if scheduler is None:
        with (
            LocalCluster(
                n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None
            ) as local,
            Client(local) as client,
        ):
            return _gather(client, function, tasks)
    try:
        client = Client(scheduler, timeout=10)
    except (OSError, TimeoutError, ValueError) as error:
        raise BitrainError(
            f"--scheduler {scheduler}: no Dask scheduler answers there ({error}); start one with "
            "dask scheduler, and workers with dask worker"
        ) from error
    with client:
        return _gather(client, function, tasks)


def _gather(client: Any, function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]]) -> Any:
    futures = [
        client.submit(function, *arguments, retries=RETRIES, pure=False) for arguments in tasks
    ]
    return client.gather(futures)
