"""Bit layouts that several components share, taken from the contract's program."""

from amaranth.hdl import Shape, signed, unsigned
from amaranth.lib import data

from bitrain.spec import Program
from bitrain.spec.descriptor import SIGNED_FIELDS


def activation_shape(bits: int) -> Shape:
    """A unipolar number 0 … 2^n."""
    return unsigned(bits + 1)


def weight_layout(bits: int) -> data.StructLayout:
    """Magnitude 0 … 2^n and sign."""
    return data.StructLayout({"magnitude": bits + 1, "sign": 1})


def neuron_constants(program: Program) -> data.StructLayout:
    """Of a channel in stream mode: what S - θ starts with, and what it loses in each cycle."""
    widths = program.stream_widths
    return data.StructLayout(
        {"start": widths.state, "negatives": widths.negatives, "fired": widths.state}
    )


def stream_word_layout(program: Program) -> data.ArrayLayout:
    """A word of the ROM of stream constants."""
    widths = program.stream_widths
    channel = data.StructLayout(
        {"start": widths.state, "negatives": widths.negatives, "exponent": widths.exponent}
    )
    return data.ArrayLayout(channel, program.array.channels)


def descriptor_layout(program: Program) -> data.StructLayout:
    """A word of the program ROM."""
    return data.StructLayout(
        {
            name: signed(width) if name in SIGNED_FIELDS else unsigned(width)
            for name, width in program.field_widths.items()
        }
    )
