"""The accelerator's ports by what they are for, whatever they are called."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cocotb.handle import HierarchyObject, LogicObject

from .feed import Feed


def read(handle) -> int | None:
    """Value of a signal as an unsigned number, None where it has unknown bits."""
    try:
        return int(handle.value)
    except ValueError:
        return None


def parts(handle, count: int) -> list[int | None]:
    """Values of so many parts of a signal, the lowest first, None where they have unknown bits."""
    if count == 1:
        return [read(handle)]
    bits, size = str(handle.value)[::-1], width_of(handle) // count
    found = [bits[i * size : (i + 1) * size][::-1] for i in range(count)]
    return [int(each, 2) if set(each) <= {"0", "1"} else None for each in found]


def width_of(handle) -> int:
    """Bits of a signal; a single one has no length."""
    return 1 if isinstance(handle, LogicObject) else len(handle)


@dataclass(frozen=True, kw_only=True)
class TracePins:
    """Handles of an engine's trace port."""

    valid: Any
    layer: Any
    address: Any
    data: Any


@dataclass(frozen=True, kw_only=True)
class Pins:
    """Handles of the ports that both interfaces have, and of the marks of a frame's end."""

    clock: Any
    reset: Any
    reset_level: int
    """At which the reset is active."""
    score_bits: int
    pixel_data: Any
    pixel_valid: Any
    pixel_ready: Any
    pixel_last: Any
    """None where images have no mark at their end."""
    score_data: Any
    """The score, and above it the mark of the last, or nothing but copies of its sign."""
    score_valid: Any
    score_ready: Any
    score_last: Any
    """None where the mark is in the data."""
    class_index: Any
    busy: Any
    cycles: Any
    traces: tuple["TracePins", ...]
    """Of each engine."""
    log_length: Any
    """None where the stream length is not chosen, or in a register."""
    bus_inputs: tuple[Any, ...]
    """What the manager of a bus drives, if there is one."""
    registers: tuple[tuple[Any, int], ...]
    """Those inside, and what a reset sets them to; none where the simulator shows only ports."""
    keeps_contents: bool
    """Whether a reset leaves a memory whose contents matter."""
    feed: Feed
    """What drives the weight streams."""

    @classmethod
    def of(cls, dut, manifest: dict, folder: Path) -> "Pins":
        """Ports of ``dut`` under the names in a manifest, whose files lie in ``folder``."""
        ports = manifest["ports"]
        handles = {role: getattr(dut, name) for role, name in ports["names"].items()}
        absent = {"pixel_last": None, "score_last": None, "log_length": None}
        return cls(
            reset_level=ports["reset_level"],
            score_bits=manifest["score_bits"],
            traces=tuple(
                TracePins(**{role: getattr(dut, name) for role, name in trace.items()})
                for trace in ports["traces"]
            ),
            bus_inputs=tuple(getattr(dut, name) for name in ports["bus_inputs"]),
            keeps_contents=manifest["weights"] is not None,
            registers=tuple(_registers(dut, manifest["state"])),
            feed=Feed.of(dut, manifest, folder),
            **{**absent, **handles},
        )

    def set_pixel(self, value: int, *, last: bool) -> None:
        """Offer a word."""
        self.pixel_data.value = value
        if self.pixel_last is not None:
            self.pixel_last.value = int(last)

    def score_word(self) -> int | None:
        """The score in the low bits, the mark of the last above; None with unknown bits."""
        word = read(self.score_data)
        if word is None or self.score_last is None:
            return word
        last = read(self.score_last)
        score = word & ((1 << self.score_bits) - 1)
        return None if last is None else last << self.score_bits | score

    def is_sign_extended(self) -> bool:
        """Whether the data above the score are copies of its sign; a mark is no such data."""
        word = read(self.score_data)
        if word is None or self.score_last is None:
            return True
        sign = word >> (self.score_bits - 1) & 1
        above = len(self.score_data) - self.score_bits
        return word >> self.score_bits == sign * ((1 << above) - 1)


def _registers(instance, state: dict[str, dict[str, int]]) -> Iterator[tuple[Any, int]]:
    for child in instance:
        if isinstance(child, HierarchyObject):
            yield from _registers(child, state)
    for name, value in state.get(instance._def_name, {}).items():
        if (register := instance._get(name)) is not None:
            yield register, value
