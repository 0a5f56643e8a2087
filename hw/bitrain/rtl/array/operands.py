"""Operand registers: the next chunk shifts in while the present one is at work."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from bitrain.program import Array

from ..engine.layouts import activation_shape, weight_layout, weight_word, wide


class OperandRegisters(Component):
    """Double-buffered operands of Q positions and P channels, N lanes each.

    Elements arrive in lane order, W of every position and channel per cycle. ``take`` moves a
    full chunk to the outputs (visible in the next cycle) and frees the shift registers in the same
    cycle, so that chunks follow each other every N / W cycles.

    Members
    -------
    valid : In(1), ready : Out(1)
        Element handshake; ``ready`` falls while a full chunk waits.
    activation : In(ArrayLayout(n + 1, Q)), weight : In(ArrayLayout(weight, P))
        The element; where W > 1, ArrayLayout(ArrayLayout(n + 1, W), Q) and
        ArrayLayout(ArrayLayout(weight, P), W).
    full : Out(1), take : In(1)
        Chunk handshake: ``take`` only while ``full``.
    activations : Out(ArrayLayout(ArrayLayout(n + 1, N), Q))
    weights : Out(ArrayLayout(ArrayLayout(weight, N), P))

    With ``skip_zeros`` weights that go to work with zeros alone lose their signs, so that no
    product bit of theirs is one, and there are

    zero : Out(1)
        All activations of the full chunk are zero.
    drop : In(1)
        Free the shift registers, as ``take`` does, and leave the outputs alone.
    """

    def __init__(self, array: Array, *, bits: int, skip_zeros: bool = False):
        self.array = array
        self.skip_zeros = skip_zeros
        activation, weight = activation_shape(bits), weight_layout(bits)
        super().__init__(
            {
                "valid": In(1),
                "ready": Out(1),
                "activation": In(data.ArrayLayout(wide(activation, array.width), array.positions)),
                "weight": In(weight_word(array, bits)),
                "full": Out(1),
                "take": In(1),
                "activations": Out(
                    data.ArrayLayout(data.ArrayLayout(activation, array.lanes), array.positions)
                ),
                "weights": Out(
                    data.ArrayLayout(data.ArrayLayout(weight, array.lanes), array.channels)
                ),
            }
            | ({"zero": Out(1), "drop": In(1)} if skip_zeros else {})
        )

    def elaborate(self, platform):
        m = Module()
        lanes, width = self.array.lanes, self.array.width
        loads = self.array.loading_cycles
        # How many of the next chunk have arrived.
        arrived, arrives, completes = Signal(range(max(2, loads))), Signal(), Signal()
        free = self.take | self.drop if self.skip_zeros else self.take
        m.d.comb += [
            self.ready.eq(~self.full | free),
            arrives.eq(self.valid & self.ready),
            completes.eq(arrives & (arrived == loads - 1)),
        ]
        with m.If(arrives):
            m.d.sync += arrived.eq(Mux(completes, 0, arrived + 1))
        m.d.sync += self.full.eq((self.full & ~free) | completes)

        numbers, weights = self.activation, self.weight
        if width == 1:
            inputs = [[number] for number in numbers], [[weight] for weight in weights]
        else:
            inputs = numbers, list(zip(*weights, strict=True))
        for elements, operands in zip(inputs, (self.activations, self.weights), strict=True):
            arriving = Signal.like(operands, name="arriving")
            for i, element in enumerate(elements):
                with m.If(arrives):
                    m.d.sync += [
                        arriving[i][j].eq(arriving[i][j + width]) for j in range(lanes - width)
                    ]
                    m.d.sync += [
                        arriving[i][lanes - width + j].eq(element[j]) for j in range(width)
                    ]
            with m.If(self.take):
                m.d.sync += operands.eq(arriving)
        if self.skip_zeros:
            # Positions whose last element was not zero: memories are slow, so that the rest of the
            # way is left to the next cycle, in which the chunk may leave.
            busy, found, some = Signal(self.array.positions), Signal(), Signal()
            m.d.comb += [some.eq(found | busy.any()), self.zero.eq(~some)]
            m.d.sync += [
                busy.eq(Cat(arrives & Value.cast(number).any() for number in numbers)),
                found.eq(some & ~free),
            ]
            with m.If(self.take & self.zero):
                signs = [weight.sign for weights in self.weights for weight in weights]
                m.d.sync += [sign.eq(0) for sign in signs]
        return m
