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
                "single": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        largest, second = (Signal.like(self.value, name=name) for name in ("largest", "second"))
        empty, several = Signal(init=1), Signal()
        m.d.comb += self.single.eq(~several)
        m.d.sync += self.margin.eq(largest - second)
        with m.If(self.valid):
            m.d.sync += [empty.eq(0), several.eq(~empty)]
            with m.If(empty | (self.value > largest)):
                m.d.sync += [largest.eq(self.value), second.eq(largest)]
            with m.Elif(~several | (self.value > second)):
                m.d.sync += second.eq(self.value)
        with m.If(self.clear):
            m.d.sync += [empty.eq(1), several.eq(0)]
        return m
