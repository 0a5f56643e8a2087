"""Block RAM that a program's memories take of a device, before any tool has run.

Memories of less than a sixteenth of a block go into LUTs and count nothing; all others take as few
blocks as one shape of block allows, in each part (``program.memory_map``). Synthesis may mix shapes
and has the last word (``synth.check_fit``).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from bitrain.program import Options, Program
from bitrain.program.memory_map import num_blocks

from .devices import DEVICES
from .family import Device

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
    copies: int
    """One for each read port, of each bank."""
    blocks: int
    """Block RAMs, all copies together."""


def memory_needs(program: Program, device: Device, *, fewer_bits: int = 0) -> list[MemoryNeed]:
    """The engine's memories; ``fewer_bits``: as if the network were of a lower precision n."""
    channels, banks = program.array.channels, program.width
    copies = banks * (program.array.positions + program.has_shortcut)
    weight = program.weight_bits - fewer_bits
    sizes = [
        ("activations", program.activation_depth, program.activation_bits - fewer_bits, copies),
        ("weights", program.weight_depth, banks * channels * weight, 1),
        ("biases", program.bias_depth, program.bias_word_bits, 1),
        ("program", len(program.network.layers), sum(program.field_widths.values()), 1),
        ("scores", program.output_depth, program.output_bits, banks),
    ]
    if program.stream_layers:
        words, width = len(program.stream_words), channels * program.stream_widths.channel
        sizes.append(("stream constants", words, width, 1))
    if program.has_padding_values:
        width = banks * (program.activation_bits - fewer_bits)
        sizes.append(("padding values", len(program.padding_words), width, 1))
    shapes = device.family.block_shapes
    return [
        MemoryNeed(
            name=name,
            depth=depth,
            width=width,
            copies=copies,
            blocks=copies * sum(num_blocks(words, width, shapes) for words in parts),
        )
        for name, depth, width, copies in sizes
        for parts in [program.activation_parts if name == "activations" else (depth,)]
    ]


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
