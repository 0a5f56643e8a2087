"""Bit layouts that several components share, taken from the contract's program."""

from amaranth.hdl import Shape, ShapeLike, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from bitrain.program import Array, Program
from bitrain.program.descriptor import SIGNED_FIELDS


def activation_shape(bits: int) -> Shape:
    """A unipolar number 0 … 2^n."""
    return unsigned(bits + 1)


def wide(shape: ShapeLike, width: int) -> ShapeLike:
    """So many of a shape that come at once; itself, if one does."""
    return shape if width == 1 else data.ArrayLayout(shape, width)


def weight_layout(bits: int) -> data.StructLayout:
    """Magnitude 0 … 2^n and sign."""
    return data.StructLayout({"magnitude": bits + 1, "sign": 1})


def weight_word(array: Array, bits: int) -> ShapeLike:
    """A word of the weight ROM: weights of P channels, of W slots."""
    return wide(data.ArrayLayout(weight_layout(bits), array.channels), array.width)


def neuron_constants(program: Program) -> data.StructLayout:
    """Constants of a channel in stream mode: the start of S - θ, and its loss in each cycle."""
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


def negatives_layout(program: Program) -> data.ArrayLayout:
    """The number of negative weights of a neuron, for each channel."""
    bits = max(1, program.largest_negatives.bit_length())
    return data.ArrayLayout(unsigned(bits), program.array.channels)


def descriptor_layout(program: Program) -> data.StructLayout:
    """A word of the program ROM."""
    return data.StructLayout(
        {
            name: signed(width) if name in SIGNED_FIELDS else unsigned(width)
            for name, width in program.field_widths.items()
        }
    )


def rungs_layout(program: Program) -> data.ArrayLayout:
    """Margins that suffice to stop, and whether images run at the length.

    For all lengths but the longest, shortest first.
    """
    rung = data.StructLayout({"threshold": program.score_bits, "run": 1})
    return data.ArrayLayout(rung, len(program.prefixes) - 1)


def rungs_after_reset(program: Program) -> list[dict[str, int]]:
    """The exits of the network, as :func:`rungs_layout` has them."""
    lengths = sorted(program.prefixes)[:-1]
    most = (1 << program.score_bits) - 1
    return [
        {"threshold": min(program.exits.get(length, 0), most), "run": length in program.exits}
        for length in lengths
    ]


def weight_write(program: Program) -> wiring.Signature:
    """An entry for the weight memory or the bias memory, in the low bits of ``word``."""
    weight_bits = program.weight_word_bits
    return wiring.Signature(
        {
            "weight": Out(1),
            "weight_address": Out(range(max(2, program.weight_depth))),
            "bias": Out(1),
            "bias_address": Out(range(max(2, program.bias_depth))),
            "word": Out(max(weight_bits, program.bias_word_bits)),
        }
    )


def weight_tile() -> wiring.Signature:
    """Tiles of weights in turn, as the loader takes them.

    ``ready``: the next tile is there, in the second half of the buffer if ``second``. ``begin``:
    its words are read from now on. ``end``: the last word of the oldest tile has been read.
    """
    return wiring.Signature({"ready": In(1), "second": In(1), "begin": Out(1), "end": Out(1)})


def weight_reading(program: Program) -> wiring.Signature:
    """How an engine reads weights that lie outside of it; ``word`` as of a memory."""
    return wiring.Signature(
        {
            "tile": Out(weight_tile()),
            "address": Out(range(max(2, program.weight_depth))),
            "enable": Out(1),
            "word": In(weight_word(program.array, program.network.bits)),
        }
    )


def weight_beat(program: Program) -> data.StructLayout:
    """A beat of the weight stream, and whether it is the last of a run."""
    return data.StructLayout({"data": program.weight_beat, "last": 1})
