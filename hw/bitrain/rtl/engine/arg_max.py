"""Index of the largest score."""

from amaranth.hdl import Module, Shape, Signal
from amaranth.lib.wiring import Component, In, Out


class ArgMax(Component):
    """Index of the largest value since ``clear``, the lowest index among equals.

    Latency: ``best`` one cycle after the value.

    Members
    -------
    clear : In(1)
    valid : In(1)
    value : In(value_shape)
    index : In(index_bits)
    best : Out(index_bits)
    """

    def __init__(self, *, value_shape: Shape, index_bits: int):
        super().__init__(
            {
                "clear": In(1),
                "valid": In(1),
                "value": In(value_shape),
                "index": In(index_bits),
                "best": Out(index_bits),
            }
        )

    def elaborate(self, platform):
        m = Module()
        largest = Signal.like(self.value)
        empty = Signal(init=1)
        tie = (self.value == largest) & (self.index < self.best)
        with m.If(self.valid & (empty | (self.value > largest) | tie)):
            m.d.sync += [largest.eq(self.value), self.best.eq(self.index), empty.eq(0)]
        with m.If(self.clear):
            m.d.sync += empty.eq(1)
        return m
