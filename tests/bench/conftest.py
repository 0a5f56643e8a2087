"""What the benchmarks share: a clock, the machine's own AND + popcount rate, tables at the end."""

import time
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import pytest
from numba import njit, prange, types
from numba.extending import intrinsic
from rich.console import Console
from rich.table import Table

from bitrain.data import Dataset

WORDS = 1024
"""Of each array of a thread: two of 8 KiB lie well inside any first-level cache."""
REPEATS = 10_000

_ROWS = pytest.StashKey[dict[str, list[dict[str, str]]]]()


def _emit_popcount(_context, builder, _signature, arguments):
    return builder.ctpop(arguments[0])


_popcount: Any = intrinsic(lambda _context, _word: (types.uint64(types.uint64), _emit_popcount))


@njit(parallel=True)
def _stream(first, second):
    totals = np.zeros(len(first), np.uint64)
    for thread in prange(len(first)):
        total = np.uint64(0)
        for repeat in range(REPEATS):
            one, other = first[thread, repeat % 2], second[thread]
            for i in range(WORDS):
                total += _popcount(one[i] & other[i])
        totals[thread] = total
    return totals


class Clock:
    """Times taken by the wall, as medians."""

    def seconds(self, function: Callable[[], Any], rounds: int = 7) -> float:
        """Of a call, after one that does not count."""
        function()
        times = []
        for _ in range(rounds):
            start = time.perf_counter()
            function()
            times.append(time.perf_counter() - start)
        return float(np.median(times))

    def streaming_rate(self) -> float:
        """Bits per second of AND + population count over flat arrays in cache, on all cores."""
        threads, rng = numba.get_num_threads(), np.random.default_rng(0)
        first = rng.integers(0, 1 << 63, (threads, 2, WORDS), dtype=np.uint64)
        second = rng.integers(0, 1 << 63, (threads, WORDS), dtype=np.uint64)
        return threads * REPEATS * WORDS * 64 / self.seconds(lambda: _stream(first, second))


@pytest.fixture
def clock() -> Clock:
    """For what a benchmark is compared with."""
    return Clock()


@pytest.fixture
def random_images() -> Callable[[int], Dataset]:
    """So many images as large as those of CIFAR-10; what they show does not matter."""

    def draw(count: int) -> Dataset:
        rng = np.random.default_rng(0)
        images = rng.random((count, 3, 32, 32), np.float32)
        labels = rng.integers(0, 10, count)
        return Dataset(
            name="random",
            note="random numbers",
            classes=tuple(map(str, range(10))),
            train_images=images,
            train_labels=labels,
            test_images=images[:1],
            test_labels=labels[:1],
        )

    return draw


@pytest.fixture
def record(request, benchmark) -> Callable[..., None]:
    """Keep numbers of a benchmark with its result and as a row of the table of that name."""

    def keep(table: str, **numbers: str | float) -> None:
        row = {name: x if isinstance(x, str) else f"{x:.3g}" for name, x in numbers.items()}
        benchmark.extra_info.update(row)
        request.config.stash.setdefault(_ROWS, {}).setdefault(table, []).append(row)

    return keep


def pytest_terminal_summary(terminalreporter, config) -> None:
    """Print the tables: times are medians, ratios are of times taken in the same run."""
    for title, rows in config.stash.get(_ROWS, {}).items():
        table = Table(*rows[0], title=title)
        for row in rows:
            table.add_row(*row.values())
        console = Console(width=120)
        with console.capture() as capture:
            console.print(table)
        terminalreporter.write(f"\n{capture.get()}")
