"""Precision prefix: the descriptor of a layer whose integers have fewer bits."""

from amaranth.hdl import Module, Signal
from amaranth.lib.wiring import Component, In, Out

from bitrain.program import Program

from .layouts import descriptor_layout
from .stream_prefix import chosen_length


class PrecisionPrefix(Component):
    """Turns a layer of bit-serial integers into that of the p most significant bits.

    With d the bits that are lost, log2(the longest L) less ``log_length`` at ``start``, or the
    nearest that the program has, p = n - d::

        last_cycle = p² - 1

    and all other fields as they are, for numbers stand where they stood. Biases are scaled as they
    are read, by :class:`PrecisionBias`.

    Latency: one cycle from ``restart``.

    Members
    -------
    start : In(1), log_length : In(…)
        Begin a network, and log2 of the length that stands for its bits.
    descriptor : In(descriptor)
        Of all bits, stable from ``restart`` on.
    restart : In(1)
        Begin a layer.
    scaled : Out(descriptor)
        Of the bits at work.
    lost : Out(…)
        d.
    """

    def __init__(self, program: Program):
        self.program = program
        log_length = range(program.longest.bit_length())
        super().__init__(
            {
                "start": In(1),
                "log_length": In(log_length),
                "descriptor": In(descriptor_layout(program)),
                "restart": In(1),
                "scaled": Out(descriptor_layout(program)),
                "lost": Out(log_length),
            }
        )

    def elaborate(self, platform):
        m = Module()
        program = self.program
        chosen = chosen_length(m, program, self.start, self.log_length)
        last_cycle = Signal.like(self.descriptor.last_cycle)
        m.d.comb += [self.scaled.eq(self.descriptor), self.scaled.last_cycle.eq(last_cycle)]
        with m.If(self.restart), m.Switch(chosen):
            for length, lost in program.bits_lost.items():
                with m.Case(length.bit_length() - 1):
                    bits = program.network.bits - lost
                    m.d.sync += [last_cycle.eq(bits**2 - 1), self.lost.eq(lost)]
        return m
