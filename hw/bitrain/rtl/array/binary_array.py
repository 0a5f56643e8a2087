"""The P x Q x N array of integer multipliers: the baseline to measure streams against."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from bitrain.program import Array

from ..engine.layouts import activation_shape, weight_layout
from .multiplier import Multiplier


class BinaryArray(Component):
    """Sums exact products of P x Q neurons, N at a time, where :class:`MacArray` counts their bits.

    In every step, for output channel p and position q, with sign s of weight w::

        count[q P + p] += Σ_j ((x_qj |w_pj|) XOR s_pj)

    in two's complement, all bits with the sign: a negative product comes out one too low, which is
    a constant of the neuron (see ``Program.bias_words``). Counts go on from tile to tile, modulo
    2^count_bits, as they do there.

    ::

        numbers ─► multipliers ─►│x w│─► XOR s ─► sum ─►│sum│─► + ─►│count│
        cycle         0            1                      2           3

    Latency: ``done`` rises 3 cycles after the step with ``last``; counts hold until the next tile's
    first step arrives, at the earliest one cycle later.

    Parameters
    ----------
    array
        P, Q and N.
    bits
        Precision n.
    count_bits
        Width of a neuron's count.

    Members
    -------
    step : In(1)
        This cycle's operands count.
    last : In(1)
        With ``step``: the last of a neuron.
    activations : In(ArrayLayout(ArrayLayout(n + 1, N), Q))
        Operands of each position.
    weights : In(ArrayLayout(ArrayLayout(weight, N), P))
        Operands of each channel.
    counts : Out(ArrayLayout(count_bits, P Q))
        In the order in which results leave: position by position.
    done : Out(1)
        The counts are complete.
    """

    def __init__(self, array: Array, *, bits: int, count_bits: int):
        self.array = array
        self.bits = bits
        numbers = data.ArrayLayout(activation_shape(bits), array.lanes)
        weights = data.ArrayLayout(weight_layout(bits), array.lanes)
        super().__init__(
            {
                "step": In(1),
                "last": In(1),
                "activations": In(data.ArrayLayout(numbers, array.positions)),
                "weights": In(data.ArrayLayout(weights, array.channels)),
                "counts": Out(data.ArrayLayout(count_bits, array.neurons)),
                "done": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        num_channels, num_lanes = self.array.channels, self.array.lanes
        steps, lasts = Signal(2), Signal(2)
        m.d.sync += [
            steps.eq(Cat(self.step, steps)),
            lasts.eq(Cat(self.last, lasts)),
            self.done.eq(steps[1] & lasts[1]),
        ]
        signs = Signal(data.ArrayLayout(num_lanes, num_channels))
        m.d.sync += [
            signs[p][j].eq(self.weights[p][j].sign)
            for p in range(num_channels)
            for j in range(num_lanes)
        ]
        for i in range(self.array.neurons):
            q, p = divmod(i, num_channels)
            terms = []
            for j in range(num_lanes):
                m.submodules[f"multiplier_{i}_{j}"] = multiplier = Multiplier(
                    self.bits, dsp=self.array.dsp
                )
                m.d.comb += [
                    multiplier.a.eq(self.activations[q][j]),
                    multiplier.b.eq(self.weights[p][j].magnitude),
                ]
                sign, product = signs[p][j], multiplier.product
                terms.append(Cat(product ^ sign.replicate(len(product)), sign).as_signed())
            total = sum(terms[1:], terms[0])
            summed = Signal(total.shape(), name=f"sum_{i}")
            m.d.sync += summed.eq(total)
            with m.If(steps[1]):
                m.d.sync += self.counts[i].eq(self.counts[i] + summed)
        return m
