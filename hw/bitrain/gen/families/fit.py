"""Block RAM that a program's memories take of a device, before any tool has run.

As synthesis puts them into blocks, distributed RAM or logic (``memory_mapping``); it has the last
word (``synth.check_fit``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bitrain.program import Options, Program

from .devices import DEVICES
from .family import Device
from .memory_mapping import MappedMemory, map_memory, varying_columns

_FEWEST_BITS = 2
"""Least precision n of a network."""


@dataclass(frozen=True, kw_only=True)
class MemoryNeed:
    """One of the engine's memories on a device."""

    name: str
    depth: int
    """Words."""
    width: int
    """Bits of a word."""
    varying: int
    """Those of them that are not the same in all words."""
    reads: int
    """Read ports of each bank."""
    banks: int
    written: bool
    """No ROM."""
    mapped: tuple[MappedMemory, ...]
    """How a bank is built: its first part, and a copy of its second one for each reader."""

    @property
    def copies(self) -> int:
        """One for each read port, of each bank."""
        return self.reads * self.banks

    @property
    def blocks(self) -> int:
        """Block RAMs, all copies together."""
        return self.banks * sum(part.cells for part in self.mapped if part.use == "bram")


def memory_needs(program: Program, device: Device, *, fewer_bits: int = 0) -> list[MemoryNeed]:
    """The engine's memories; ``fewer_bits``: as if the network were of a lower precision n."""
    channels, banks = program.array.channels, program.width
    ports = program.array.positions + program.has_shortcut
    weight, activation = program.weight_bits - fewer_bits, program.activation_bits - fewer_bits
    loaded = program.weights_writable
    written = loaded or program.weights_streamed
    cells, found = device.family.memory_cells, list[MemoryNeed]()

    def add(
        name: str,
        parts: Sequence[int],
        width: int,
        *,
        reads: int = 1,
        banks: int = 1,
        written: bool = False,
        varying: int | None = None,
    ) -> None:
        first, *rest = parts
        bits = width if varying is None else varying
        mapped = [map_memory(cells, max(2, first), bits, reads=reads, written=written)]
        mapped += [map_memory(cells, max(2, part), bits) for part in rest for _ in range(reads)]
        found.append(
            MemoryNeed(
                name=name,
                depth=sum(parts),
                width=width,
                varying=bits,
                reads=reads,
                banks=banks,
                written=written,
                mapped=tuple(mapped),
            )
        )

    add("activations", program.activation_parts, activation, reads=ports, banks=banks, written=True)
    constant = 0 if written else program.weight_word_bits - program.varying_weight_bits
    width = banks * channels * weight
    varying = max(0, width - constant)
    add("weights", (program.weight_depth,), width, written=written, varying=varying)
    width = program.bias_word_bits
    varying = width if loaded else varying_columns(program.bias_words, width)
    add("biases", (program.bias_depth,), width, written=loaded, varying=varying)
    descriptor = sum(program.field_widths.values())
    varying = varying_columns(program.descriptor_words, descriptor)
    add("program", (len(program.network.layers),), descriptor, varying=varying)
    add("scores", (program.output_depth,), program.output_bits, banks=banks, written=True)
    if program.stream_layers:
        width = channels * program.stream_widths.channel
        add("stream constants", (len(program.stream_words),), width)
    if program.has_padding_values:
        add("padding values", (len(program.padding_words),), banks * activation)
    return found


def memory_problem(program: Program, device: Device) -> str | None:
    """One line on memories that exceed a device: which, by how much, and what would fit."""
    needs = memory_needs(program, device)
    total, available = sum(need.blocks for need in needs), device.capacity.bram
    if total <= available:
        return None
    largest = max(needs, key=lambda need: need.blocks)
    copies = f"{largest.copies} x " if largest.copies > 1 else ""
    advice = list(_what_fits(program, device))
    return (
        f"memories do not fit {device.name}: about {total} block RAMs of {available}, "
        f"{total - available} too many; {largest.name} take {largest.blocks} ({copies}"
        f"{largest.depth} words of {largest.width} bits); "
        + (f"{' or '.join(advice)} would fit" if advice else "choose a smaller network")
    )


def _what_fits(program: Program, device: Device) -> Iterator[str]:
    """Single changes with which the memories fit, the smallest of each kind."""
    network, array = program.network, program.array

    def fits(changed: Program, on: Device = device, fewer_bits: int = 0) -> bool:
        needs = memory_needs(changed, on, fewer_bits=fewer_bits)
        return sum(need.blocks for need in needs) <= on.capacity.bram

    streamed: Options = {**program.options, "weights": "stream"}
    if not program.weights_writable and fits(Program(network, array, **streamed)):
        yield "weights = stream"
    for name, field in ("W", "width"), ("P", "channels"), ("Q", "positions"), ("N", "lanes"):
        for value in range(getattr(array, field) - 1, 0, -1):
            if field == "lanes" and value % network.num_lanes:
                continue
            if (field != "positions" and value % array.width) and field != "width":
                continue
            if field == "width" and value & (value - 1):
                continue
            other = array.model_copy(update={field: value})
            if fits(Program(network, other, **program.options)):
                yield f"{name} = {value}"
                break
    for fewer in range(1, network.bits - _FEWEST_BITS + 1):
        if fits(program, fewer_bits=fewer):
            yield f"n = {network.bits - fewer}"
            break
    for other in DEVICES.values():
        if other.capacity.bram > 0 and other is not device and fits(program, other):
            yield f"device {other.name}"
            break
