"""Places of pooling windows that reach beyond the map (see ``bitrain.program.places``)."""

from amaranth.hdl import Mux, Value, signed
from amaranth.lib import data

from bitrain.program import Program
from bitrain.program.places import line_bits, place_bits


def place_layout(program: Program) -> data.StructLayout:
    """Row and column of a place, and the address step to its row; two's complement.

    All from the map's first neuron on. Where zeros are skipped, also whether there is a window.
    """
    layers = program.network.layers
    return data.StructLayout(
        {
            "row": signed(place_bits(layers)),
            "column": signed(place_bits(layers)),
            "address": signed(line_bits(layers)),
        }
        | ({"exists": 1} if program.skip_zeros else {})
    )


def nearest(place: Value, last: Value) -> Value:
    """The nearest to ``place`` of 0 … ``last``."""
    return Mux(place < 0, 0, Mux(place > last, last, place.as_unsigned()))
