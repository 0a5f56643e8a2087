"""Stream prefix: the descriptor of a layer that stops early."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib.wiring import Component, In, Out

from bitrain.program import Program

from .layouts import descriptor_layout


class StreamPrefix(Component):
    """Turns a layer of length L into its prefix of min(L, 2^chosen) cycles.

    chosen is ``log_length`` at ``start``, or the nearest that the program has. With ``lost`` the
    bits that sums lose, log2(L) less that of the prefix (``spec.with_prefix``)::

        last_cycle = min(L, 2^chosen) - 1
        right_shift = right_shift - lost
        shortcut_gain = floor(shortcut_gain / 2^lost + 1/2)

    and all other fields as they are. Biases are scaled as they are read, by :class:`PrefixBias`.

    Latency: one cycle from ``restart`` for these three and ``lost``, which nobody needs earlier;
    none for the others.

    Members
    -------
    start : In(1), log_length : In(…)
        Begin a network, and log2 of its stream length.
    descriptor : In(descriptor)
        Of the full length, stable from ``restart`` on.
    restart : In(1)
        Begin a layer.
    scaled : Out(descriptor)
        Of the prefix.
    lost : Out(…)
        In bits.
    """

    def __init__(self, program: Program):
        self.program = program
        self.descriptor_layout = descriptor_layout(program)
        log_length = range(program.longest.bit_length())
        super().__init__(
            {
                "start": In(1),
                "log_length": In(log_length),
                "descriptor": In(self.descriptor_layout),
                "restart": In(1),
                "scaled": Out(self.descriptor_layout),
                "lost": Out(log_length),
            }
        )

    def elaborate(self, platform):
        m = Module()
        layer = self.descriptor
        chosen = chosen_length(m, self.program, self.start, self.log_length)
        lost = Signal.like(self.lost, name="next_lost")
        scaled = {
            "last_cycle": layer.last_cycle & ((1 << chosen) - 1),
            "right_shift": Mux(layer.scores, 0, layer.right_shift - lost),
        }
        if self.program.has_shortcut:
            scaled["shortcut_gain"] = (layer.shortcut_gain + ((1 << lost) >> 1)) >> lost
        m.d.comb += lost.eq(Mux(layer.log_length > chosen, layer.log_length - chosen, 0))
        m.d.comb += self.scaled.eq(layer)
        with m.If(self.restart):
            m.d.sync += self.lost.eq(lost)
        for name, value in scaled.items():
            field = Signal.like(getattr(layer, name), name=name)
            m.d.comb += getattr(self.scaled, name).eq(field)
            with m.If(self.restart):
                m.d.sync += field.eq(value)
        return m


def chosen_length(m: Module, program: Program, start: Value, log_length: Value) -> Signal:
    """``log_length`` at ``start``, or the nearest that the program has, until the next."""
    chosen = Signal(len(log_length), name="chosen")
    lengths = [length.bit_length() - 1 for length in program.prefixes]
    with m.If(start):
        m.d.sync += chosen.eq(log_length)
        if max(lengths) < (1 << len(chosen)) - 1:  # linters dislike comparisons that are constant
            with m.If(log_length > max(lengths)):
                m.d.sync += chosen.eq(max(lengths))
        if min(lengths) > 0:
            with m.If(log_length < min(lengths)):
                m.d.sync += chosen.eq(min(lengths))
    return chosen
