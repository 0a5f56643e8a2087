"""Accumulators: none can overflow for the network at hand.

In two parts. The solver shows that a count fits its bits so long as the product bits that could be
one are at most K L, for K inputs and streams of L bits, and with OR groups so long as the bits of
groups are at most those that the program counts with; exact integers, from the network and the
bias ROM's image as exported, show that bias and count together fit the accumulator.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from amaranth.hdl import Assert, Assume, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data
from amaranth.lib.wiring import Component, In

from bitrain.program import Array, Program
from bitrain.program.rom_words import bias_places
from bitrain.rtl.array.mac_array import MacArray
from bitrain.rtl.array.popcount import PopulationCount
from bitrain.rtl.engine.layouts import activation_shape, weight_layout
from bitrain.spec import Network
from bitrain.spec.or_groups import always_counted, grouped


class CountsFit(Component):
    """One neuron of the array: its count needs no more than its bits, for ever.

    ``budget`` counts lanes with a weight, cycle by cycle, and is assumed to stay within the bound.
    With OR groups it counts groups with a positive weight, and all groups, whose bit of negative
    weights is inverted.
    What the array has counted since the neuron's start must never exceed the budget, and never need
    more than ``count_bits``; here it is taken modulo one bit more than the bound needs.

    Parameters
    ----------
    network
        For its banks and OR groups.
    num_lanes
        N.
    bound
        The largest budget, over all cycles of a neuron.
    count_bits
        Width of a count in the accelerator.
    """

    def __init__(self, network: Network, *, num_lanes: int, bound: int, count_bits: int):
        self.network = network
        self.num_lanes = num_lanes
        self.bound = bound
        self.count_bits = count_bits
        super().__init__(
            {
                **{name: In(1) for name in ("restart", "step", "first")},
                "numbers": In(data.ArrayLayout(activation_shape(network.bits), num_lanes)),
                "weights": In(data.ArrayLayout(weight_layout(network.bits), num_lanes)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        banks = self.network.activation_bank, self.network.weight_bank
        one = Array(channels=1, positions=1, lanes=self.num_lanes)
        wide = max(self.count_bits, self.bound.bit_length()) + 1
        array = MacArray(*banks, one, count_bits=wide, or_lanes=self.network.or_lanes)
        m.submodules.array = array
        m.d.comb += [
            array.restart.eq(self.restart),
            array.step.eq(self.step),
            array.activations[0].eq(self.numbers),
            array.weights[0].eq(self.weights),
        ]
        # The lanes that can give a one, delayed as the array delays them.
        could = self._could_be_one()
        m.submodules.possible = possible = PopulationCount(len(could), pipelined=one.pipelined)
        weighted = Signal(len(could))
        lanes = Signal.like(possible.count)
        steps, firsts = (Signal(3 if one.pipelined else 2, name=f"{x}s") for x in ("step", "first"))
        start, budget, before = Signal(wide), Signal(wide), Signal(wide)
        m.d.sync += [
            weighted.eq(could),
            lanes.eq(possible.count),
            steps.eq(Cat(self.step, steps)),
            firsts.eq(Cat(self.first, firsts)),
        ]
        m.d.comb += [
            possible.bits.eq(weighted),
            before.eq(Mux(firsts[-1], 0, budget)),
        ]
        with m.If(steps[-1]):
            m.d.sync += budget.eq(before + lanes)
            m.d.comb += Assume(before + lanes <= self.bound, "within the bound")
            with m.If(firsts[-1]):
                m.d.sync += start.eq(array.counts[0])
        count = Signal(wide)
        m.d.comb += [
            count.eq(array.counts[0] - start),
            Assert(count <= budget, "counts more than there is"),
            Assert(count < 1 << self.count_bits, "needs more bits"),
        ]
        return m

    def _could_be_one(self) -> Value:
        """Which of the bits that a neuron counts in a cycle could be one."""
        weights = [self.weights[j] for j in range(self.num_lanes)]
        if (size := self.network.or_lanes) == 1:
            return Cat((weight.magnitude != 0) | weight.sign for weight in weights)
        positive = Cat((weight.magnitude != 0) & ~weight.sign for weight in weights)
        groups = [positive[j : j + size].any() for j in range(0, self.num_lanes, size)]
        return Cat(*groups, *(Const(1, 1) for _ in groups))


@dataclass(frozen=True, kw_only=True)
class Range:
    """What a neuron's accumulator can hold in a layer, and what its register can.

    Counts of exact products are signed and wrap, which does no harm as long as they have as many
    values as the accumulator takes: these are its ``largest_count``.
    """

    layer: str
    largest_count: int
    count_limit: int
    least: int
    greatest: int
    limit: int
    """Registers hold -limit … limit - 1."""

    @property
    def fits(self) -> bool:
        """Whether nothing can overflow."""
        counted = self.largest_count <= self.count_limit
        return counted and -self.limit <= self.least and self.greatest < self.limit


def ranges(program: Program, bias_words: list[int]) -> Iterator[Range]:
    """Extremes of each layer in counter mode, over channels; ``bias_words`` as in the ROM's image.

    A positive weight m counts at most min(L, m) ones in L cycles; a negative one counts L less at
    most as many. The weights of an OR group and one sign count at most L together. Exact
    products count up to 2^n m, and down to -2^n m - 1; bit by bit up to (2^n - 1) m, a negative
    weight (2^n - 1)² less at most that.
    """
    network, bits = program.network, program.score_bits
    exact = not program.array.rules.has_streams
    for index, layer in enumerate(network.layers):
        if layer.neuron == "stream" and not exact:
            continue
        length, matrix = layer.stream_length, layer.weight_matrix
        if exact:
            bitwise = program.array.rules.counts_bits
            largest = network.one - bitwise
            extra = largest**2 if bitwise else -1
            numbers = matrix.clip(-largest, largest)
            negatives = extra * (matrix < 0).sum(1)
            most = largest * numbers.clip(min=0).sum(1) + negatives
            fewest = largest * numbers.clip(max=0).sum(1) + negatives
        elif network.or_lanes > 1:
            extra = always_counted(layer, program.array.lanes, network.or_lanes)
            groups = grouped(matrix, network.or_lanes)
            most = extra + groups.clip(0, length).sum(2).clip(max=length).sum(1)
            fewest = extra - (-groups).clip(0, length).sum(2).clip(max=length).sum(1)
        else:
            ones = abs(matrix).clip(max=length)
            most = (ones * (matrix > 0) + length * (matrix < 0)).sum(1)
            fewest = ((length - ones) * (matrix < 0)).sum(1)
        least = greatest = 0
        for channel, place in enumerate(bias_places(layer, program.array)):
            word, lane = divmod(place, program.width)
            word = bias_words[program.bias_bases[index] + word] >> lane * program.bias_bits
            word &= (1 << program.bias_bits) - 1
            bias = word & (1 << bits) - 1
            bias -= bias >> (bits - 1) << bits
            upscale = word >> bits & (1 << program.upscale_bits) - 1
            if program.negative_bits:  # the hardware takes off what these count too much
                bias -= (network.one - 1) ** 2 * (word >> bits + program.upscale_bits)
            if program.skip_zeros:  # what negative weights count too much is no part of it
                bias -= length * int((matrix[channel] < 0).sum())
            added = 0
            if layer.shortcut:
                added = program.descriptors[index].shortcut_gain * network.one << upscale
            first = bias + int(fewest[channel])
            if exact:  # counts and biases wrap, and so does their sum
                first = (first + (1 << bits - 1)) % (1 << bits) - (1 << bits - 1)
            least = min(least, first)
            greatest = max(greatest, first + int(most[channel] - fewest[channel]) + added)
        yield Range(
            layer=layer.name,
            largest_count=greatest - least if exact else int(most.max()),
            count_limit=(1 << program.count_bits) - 1,
            least=least,
            greatest=greatest,
            limit=1 << (bits - 1),
        )
