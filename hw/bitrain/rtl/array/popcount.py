"""Population count from full adders in LUTs."""

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib.wiring import Component, In, Out

LEVELS = 2
"""Levels of adders before the register of a pipelined count of more than FEW bits."""
FEW = 16
"""Of so many, the register has the bits themselves: they cost no LUTs, and may come from afar."""


class PopulationCount(Component):
    """count = number of ones in bits.

    Bits of equal weight are reduced by full and half adders (C. S. Wallace, *A Suggestion for a
    Fast Multiplier*, 1964) until one is left of each weight. No carry chain is used: for the few
    bits of a count it costs more than LUTs. With 2^k - 1 bits all adders are full ones.

    Parameters
    ----------
    width
        Number of bits to count, at least 1.
    pipelined
        Whether a register parts the adders, so that they need not be fast, which costs LUTs, or is
        before those of few bits.

    Members
    -------
    bits : In(width)
        What to count.
    count : Out(width.bit_length())
        0 … width; of the cycle before, if pipelined.
    """

    def __init__(self, width: int, *, pipelined: bool = False):
        self.width = width
        self.pipelined = pipelined
        super().__init__({"bits": In(width), "count": Out(width.bit_length())})

    def elaborate(self, platform):
        m = Module()
        # Bits by weight, powers of two from 1 on.
        columns: list[list[Value]] = [[self.bits[i] for i in range(self.width)]]
        if self.pipelined:
            for _ in range(LEVELS if self.width > FEW else 0):
                columns = _reduce(m, columns)
            columns = [_registered(m, column) for column in columns]
        result, carries = [], []
        for weight in range(len(self.count)):
            column = [*(columns[weight] if weight < len(columns) else []), *carries]
            carries = []
            while len(column) > 1:
                # Oldest first, so that the tree stays balanced.
                sum_, carry = _add(m, *column[:3])
                column = [*column[3:], sum_]
                carries.append(carry)
            result += column
        m.d.comb += self.count.eq(Cat(result))
        return m


def _reduce(m: Module, columns: list[list[Value]]) -> list[list[Value]]:
    """A level of full adders: three bits of a weight become one, and one of the next."""
    reduced: list[list[Value]] = [[] for _ in range(len(columns) + 1)]
    for weight, column in enumerate(columns):
        whole = len(column) // 3 * 3
        for i in range(0, whole, 3):
            sum_, carry = _add(m, *column[i : i + 3])
            reduced[weight].append(sum_)
            reduced[weight + 1].append(carry)
        reduced[weight] += column[whole:]
    return [column for column in reduced if column]


def _add(m: Module, a: Value, b: Value, c: Value | int = 0) -> tuple[Value, Value]:
    """Sum and carry of two or three bits."""
    # Named, because an expression is written out wherever it is used.
    half, sum_, carry = Signal(), Signal(), Signal()
    m.d.comb += [half.eq(a ^ b), sum_.eq(half ^ c), carry.eq((a & b) | (half & c))]
    return sum_, carry


def _registered(m: Module, column: list[Value]) -> list[Value]:
    register = Signal(len(column))
    m.d.sync += register.eq(Cat(column))
    return [register[i] for i in range(len(column))]
