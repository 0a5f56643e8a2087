"""How long the command line takes before it does anything."""

import resource
import subprocess
import sys


def test_help(benchmark, record) -> None:
    """Processor seconds of `bitrain --help`, the median of nine processes."""

    def call() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "bitrain", "--help"], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    seconds = sorted(call() for _ in range(9))[4]
    benchmark.pedantic(call, rounds=3)
    record("bitrain --help", **{"CPU s": f"{seconds:.2f}"})
