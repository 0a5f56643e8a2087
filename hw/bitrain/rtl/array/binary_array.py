"""The P x Q x N array of integer multipliers: the baseline to measure streams against."""

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from bitrain.program import Array

from ..engine.layouts import activation_shape, weight_layout
from .dsp_multiplier import DspMultiplier, factors_of_block
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
        multiply = self._in_blocks if self.array.dsp else self._in_luts
        products = {
            (q, j): multiply(m, q, j) for q in range(self.array.positions) for j in range(num_lanes)
        }
        for i in range(self.array.neurons):
            q, p = divmod(i, num_channels)
            terms = []
            for j in range(num_lanes):
                sign, product = signs[p][j], products[q, j][p]
                terms.append(Cat(product ^ sign.replicate(len(product)), sign).as_signed())
            total = sum(terms[1:], terms[0])
            summed = Signal(total.shape(), name=f"sum_{i}")
            m.d.sync += summed.eq(total)
            with m.If(steps[1]):
                m.d.sync += self.counts[i].eq(self.counts[i] + summed)
        return m

    def _in_luts(self, m: Module, q: int, j: int) -> list[Value]:
        """Products of a position's activation in a lane with every channel's weight."""
        products = []
        for p in range(self.array.channels):
            i = q * self.array.channels + p
            m.submodules[f"multiplier_{i}_{j}"] = multiplier = Multiplier(self.bits)
            m.d.comb += [
                multiplier.a.eq(self.activations[q][j]),
                multiplier.b.eq(self.weights[p][j].magnitude),
            ]
            products.append(multiplier.product)
        return products

    def _in_blocks(self, m: Module, q: int, j: int) -> list[Value]:
        """The same, of as many channels in a DSP block as have room there."""
        products, size = [], factors_of_block(self.bits)
        for first in range(0, self.array.channels, size):
            channels = range(first, min(first + size, self.array.channels))
            i = q * self.array.channels + first
            m.submodules[f"multiplier_{i}_{j}"] = block = DspMultiplier(self.bits, len(channels))
            m.d.comb += block.a.eq(self.activations[q][j])
            m.d.comb += [
                block.b[k].eq(self.weights[p][j].magnitude) for k, p in enumerate(channels)
            ]
            products += [block.products[k] for k in range(len(channels))]
        return products
