"""Planes of bit-serial integers: each pair of bits in its cycle, for ever as the contract says."""

from collections.abc import Callable
from typing import Any

from amaranth.hdl import Array, Assert, Const, Module, Mux, Signal
from amaranth.lib.wiring import Component, In

from bitrain.rtl.array.plane_source import PlaneSource
from bitrain.spec import plane_pairs


class PlanesFollowPairs(Component):
    """At step t < n² after a restart the source shows pair t, and its significance.

    By induction over cycles: a counter of steps runs beside the source, up to n², after which
    nothing is asked of it until the next restart. Nothing is assumed about restarts and steps.
    """

    def __init__(self, bits: int, source: Callable[[int], Any] = PlaneSource):
        self.bits = bits
        self.source = source
        super().__init__({"restart": In(1), "step": In(1)})

    def elaborate(self, platform):
        m = Module()
        bits, pairs = self.bits, plane_pairs(self.bits)
        m.submodules.source = source = self.source(bits)
        step, end = Signal(range(len(pairs) + 1)), len(pairs)
        with m.If(self.restart):
            m.d.sync += step.eq(0)
        with m.Elif(self.step):
            m.d.sync += step.eq(Mux(step == end, end, step + 1))
        lines = [[1 << bits - 1 - plane for plane in pair] for pair in pairs]
        columns = (
            (source.activation_lines, bits, [first for first, _ in lines]),
            (source.weight_lines, bits, [second for _, second in lines]),
            (source.shift, len(source.shift), [2 * (bits - 1) - sum(pair) for pair in pairs]),
        )
        shown = [
            signal == Array(Const(value, width) for value in values)[step]
            for signal, width, values in columns
        ]
        m.d.comb += [
            source.restart.eq(self.restart),
            source.step.eq(self.step),
            Assert((step == end) | (shown[0] & shown[1] & shown[2]), "not the pair"),
        ]
        return m
