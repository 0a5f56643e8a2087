"""How far the best two scores lie apart."""

from amaranth.hdl import Module, Shape, Signal
from amaranth.lib.wiring import Component, In, Out


class ScoreMargin(Component):
    """Largest value since ``clear`` less the second largest; of equal largest ones, zero.

    Latency: ``margin`` two cycles after the value.

    Members
    -------
    clear : In(1)
    valid : In(1)
    value : In(value_shape)
    margin : Out(…)
        As many bits as a value.
    single : Out(1)
        There were fewer than two values: nothing to compare.
    """

    def __init__(self, *, value_shape: Shape):
        super().__init__(
            {
                "clear": In(1),
                "valid": In(1),
                "value": In(value_shape),
                "margin": Out(value_shape.width),
                "single": Out(1, init=1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        largest, second = (Signal.like(self.value, name=name) for name in ("largest", "second"))
        empty = Signal(init=1)
        m.d.sync += self.margin.eq(largest - second)
        with m.If(self.valid):
            m.d.sync += [empty.eq(0), self.single.eq(empty)]
            with m.If(empty | (self.value > largest)):
                m.d.sync += [largest.eq(self.value), second.eq(largest)]
            with m.Elif(self.single | (self.value > second)):
                m.d.sync += second.eq(self.value)
        with m.If(self.clear):
            m.d.sync += [empty.eq(1), self.single.eq(1)]
        return m
