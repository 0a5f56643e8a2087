"""Element buffer: so that the loader need not know in the same cycle that the operands wait."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from bitrain.program import Array

from .layouts import activation_shape, weight_word, wide


def element_layout(
    array: Array, *, bits: int, padding_values: bool = False, skip_zeros: bool = False
) -> data.StructLayout:
    """W inputs of Q positions, whether they exist, and their weights of P channels.

    With padding values, also what they are where they do not exist, and, where zeros are skipped,
    whether a neuron is at the position: else they are zero.
    """
    inputs = wide(activation_shape(bits), array.width)
    return data.StructLayout(
        {
            "inside": data.ArrayLayout(array.width, array.positions)
            if array.width > 1
            else array.positions,
            "activation": data.ArrayLayout(inputs, array.positions),
            "weight": weight_word(array, bits),
        }
        | ({"padding": inputs} if padding_values else {})
        | ({"occupied": array.positions} if padding_values and skip_zeros else {})
    )


class SkidBuffer(Component):
    """Passes elements on in the cycle in which they come, and keeps one that nobody takes.

    ``ready`` is a register, which parts the long way from the array, which frees the operands, from
    that into the loader, which may then go on. Elements still follow each other without a gap.

    ::

        loader, memories ─┬────────────► │ │
                          └► │element│ ─► │ │─► operands

    Members
    -------
    valid : In(1), ready : Out(1), element : In(element)
        From the memories.
    offered : Out(1), taken : In(1), first : Out(element)
        To the operands; ``taken`` only counts while ``offered``.
    """

    def __init__(
        self, array: Array, *, bits: int, padding_values: bool = False, skip_zeros: bool = False
    ):
        layout = element_layout(
            array, bits=bits, padding_values=padding_values, skip_zeros=skip_zeros
        )
        super().__init__(
            {
                "valid": In(1),
                "ready": Out(1),
                "element": In(layout),
                "offered": Out(1),
                "taken": In(1),
                "first": Out(layout),
            }
        )

    def elaborate(self, platform):
        m = Module()
        waits = Signal()
        kept = Signal.like(self.element)
        m.d.comb += [
            self.ready.eq(~waits),
            self.offered.eq(self.valid | waits),
            self.first.eq(Mux(waits, kept, self.element)),
        ]
        m.d.sync += waits.eq(self.offered & ~self.taken)
        with m.If(~waits):
            m.d.sync += kept.eq(self.element)
        return m
