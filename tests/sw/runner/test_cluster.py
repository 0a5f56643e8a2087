"""Stages on a real cluster: the same result, also where a worker is killed."""

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from rich.console import Console
from tiny_search import SPACE

from bitrain.nas.flow.config import load_search
from bitrain.nas.flow.search import run_search
from bitrain.runner import cluster
from bitrain.spec import BitrainError, load_network

pytestmark = pytest.mark.slow

CONFIG = f"""\
{SPACE}teacher: {{epochs: 1, images: 64, batch_size: 32}}
search: {{epochs: 8, images: 512, batch_size: 32, alpha_learning_rate: 0.05}}
"""


@pytest.fixture(autouse=True)
def few():
    """All images: nothing is patched here that other processes would not have."""


@pytest.fixture(autouse=True)
def drawn():
    """As many networks as there are elsewhere."""


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "search.yaml"
    path.write_text(CONFIG)
    return load_search(path)


def fine(config, directory, **options):
    """Cells, losses and weights of the stages."""
    result = run_search(config, directory, Console(quiet=True), until="fine", **options)
    files = [(directory / stage["weights"]).read_bytes() for stage in result["fine"]]
    return result["fine"], files


@pytest.fixture
def killer(tmp_path) -> Iterator[list[int]]:
    """Kills the process that searches a stage when its first epoch is over; gives whom it hit."""
    killed: list[int] = []
    stop = threading.Event()

    def watch() -> None:
        import psutil

        while not stop.is_set() and not killed:
            begun = list((tmp_path / "cluster" / "stages").glob("*/stage0-search.pt"))
            if begun and begun[0].stat().st_mtime_ns != first(begun[0]):
                for process in psutil.Process().children(recursive=True):
                    with suppress(psutil.Error):
                        if "spawn_main" in " ".join(process.cmdline()):
                            os.kill(process.pid, signal.SIGKILL)
                            killed.append(process.pid)
            time.sleep(0.02)

    seen: dict[str, int] = {}

    def first(path) -> int:
        """When it was written before the first epoch."""
        return seen.setdefault(path.name, path.stat().st_mtime_ns)

    thread = threading.Thread(target=watch)
    thread.start()
    yield killed
    stop.set()
    thread.join()


def test_a_killed_worker_loses_nothing(config, tmp_path, killer):
    alone = fine(config, tmp_path / "alone")
    found = fine(config, tmp_path / "cluster", workers=2)
    assert killer, "no worker was killed"
    assert found == alone


def test_tasks_run_in_other_processes_and_in_order():
    found = cluster.map_tasks(divmod, [(i, 3) for i in range(6)], workers=2)
    assert found == [divmod(i, 3) for i in range(6)]
    assert os.getpid() not in cluster.map_tasks(os.getpid, [(), ()], workers=2)
    assert cluster.map_tasks(os.getpid, [()]) == [os.getpid()]


def test_another_program_on_the_port_of_dask():
    with socket.socket() as other:
        with suppress(OSError):  # held by another already
            other.bind(("0.0.0.0", 8787))
            other.listen()
        assert cluster.map_tasks(divmod, [(5, 3)], workers=2) == [(1, 2)]


def test_an_error_of_a_task_is_the_users(tmp_path):
    with pytest.raises(BitrainError, match=r"nothing\.npz"):
        cluster.map_tasks(load_network, [(tmp_path / "nothing.npz",)], workers=2)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nonsense://x"])
def test_a_wrong_address(address, monkeypatch):
    monkeypatch.setattr(cluster, "PATIENCE", 1)
    with pytest.raises(BitrainError, match=f"--scheduler {address}: no Dask scheduler answers"):
        cluster.map_tasks(divmod, [(5, 3)], scheduler=address)


def test_a_scheduler_that_is_killed(monkeypatch):
    """While a task runs: one line, and no traceback of Dask's."""
    from distributed import Client
    from distributed.client import FutureCancelledError

    def gone(*_arguments, **_options):
        raise FutureCancelledError("task", "scheduler-connection-lost")

    monkeypatch.setattr(Client, "gather", gone)
    with pytest.raises(BitrainError, match="the Dask scheduler went away"):
        cluster.map_tasks(divmod, [(1, 3)], workers=2)
