"""A pooling window of neurons by itself in counter mode, to compare with one that fires."""

from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out


class PooledCounts(Component):
    """maximum = max_i clip(floor(A_i / 2^shift), 0, 2^n), with A_i the sum of the increments.

    Latency: combinational from the counters.

    Parameters
    ----------
    members
        Neurons in the window.
    increment_bits, sum_bits
        Widths.
    shift
        Right shift of the requantisation.
    bits
        Precision n.

    Members
    -------
    restart : In(1)
        Begin a new neuron.
    step : In(1)
        This cycle counts.
    increments : In(ArrayLayout(signed(increment_bits), members))
        P_t - N_t of each neuron.
    maximum : Out(n + 1)
        Of the steps before.
    """

    def __init__(self, *, members: int, increment_bits: int, sum_bits: int, shift: int, bits: int):
        self.sum_bits = sum_bits
        self.shift = shift
        self.bits = bits
        super().__init__(
            {
                "restart": In(1),
                "step": In(1),
                "increments": In(data.ArrayLayout(signed(increment_bits), members)),
                "maximum": Out(bits + 1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        activations = []
        for i in range(len(self.increments)):
            total = Signal(signed(self.sum_bits), name=f"sum_{i}")
            with m.If(self.step):
                m.d.sync += total.eq(total + self.increments[i])
            with m.If(self.restart):
                m.d.sync += total.eq(0)
            activations.append(self._activation(total))
        while len(activations) > 1:
            first, second, *rest = activations
            larger = Signal(self.bits + 1, name=f"larger_{len(activations)}")
            m.d.comb += larger.eq(Mux(first > second, first, second))
            activations = [*rest, larger]
        m.d.comb += self.maximum.eq(activations[0])
        return m

    def _activation(self, total: Value) -> Value:
        shifted = total >> self.shift
        full = shifted[self.bits : -1].any() if len(shifted) > self.bits + 1 else 0
        return Mux(shifted[-1], 0, Mux(full, 1 << self.bits, shifted[: self.bits]))
