"""Signals and clock edges without a simulator, for parts of the cocotb test bench."""

from collections.abc import Callable, Coroutine, Generator
from typing import Any


class Handle:
    """A signal; ``value`` may be ``"x"``."""

    def __init__(self, value: int | str = 0, width: int = 8, name: str = "signal"):
        self.value = value
        self.width = width
        self._name = name

    def __len__(self) -> int:
        return self.width


class Edge:
    """Stands in for cocotb's triggers of a clock: over after as many edges."""

    def __init__(self, _clock: object = None, cycles: int = 1):
        self.cycles = cycles

    def __await__(self) -> Generator[None, None, None]:
        for _ in range(self.cycles):
            yield


class Change:
    """Stands in for cocotb's ValueChange."""

    def __init__(self, handle: Handle):
        self.handle = handle

    def __await__(self) -> Generator[Handle, None, None]:
        yield self.handle


def run(testbench: Coroutine[Any, Any, Any], device: Callable[[int], None], limit: int = 1000):
    """What the coroutine returns; ``device`` sets what is there at the clock edge of a number."""
    cycle, is_set = 0, False
    while cycle < limit:
        try:
            changing = testbench.send(None)
        except StopIteration as end:
            return end.value
        if changing is None:
            if not is_set:
                device(cycle)
            cycle, is_set = cycle + 1, False
            continue
        before = changing.value
        while changing.value == before and cycle < limit:
            cycle += is_set
            device(cycle)
            is_set = True
    raise TimeoutError(f"no end after {limit} clock edges")
