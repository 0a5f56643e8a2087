"""A pooling window of neurons by itself that accumulate and fire as one, to compare with others."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out


class PooledFire(Component):
    """fire = OR_i (S_i >= θ);  S_i = clip(S_i + increment_i - θ · fire), θ = 2^threshold_bits.

    The registers hold S - θ, so that S lies in θ - 2^(state_bits - 1) … θ - 1 + 2^(state_bits - 1)
    and θ is at the most 2^(state_bits - 1). States that are wide enough never saturate, and the
    window emits ReLU and max exactly as in ``bitrain.spec.stream``. ``floor`` = 0 saturates at zero
    from below, which is the counter of in-stream ReLUs in the literature (Z. Li et al., *HEIF*,
    IEEE TCAD 38 (2019)).

    Latency: a step's fire shows in the next cycle, and is in ``count`` there.

    Parameters
    ----------
    members
        M, neurons in the window.
    increment_bits, state_bits, count_bits
        Widths.
    threshold_bits
        log2 θ.
    saturating
        Whether states may reach the ends of their range.
    floor
        Least S, of saturating states; the range's end by default.

    Members
    -------
    restart : In(1)
        Begin a new neuron: S = 0.
    step : In(1)
        This cycle counts.
    increments : In(ArrayLayout(signed(increment_bits), M))
        P_t - N_t of each neuron.
    fire : Out(1)
        The stream.
    count : Out(count_bits)
        Fires since ``restart``.
    """

    def __init__(
        self,
        *,
        members: int,
        increment_bits: int,
        state_bits: int,
        threshold_bits: int,
        count_bits: int,
        saturating: bool = False,
        floor: int | None = None,
    ):
        self.threshold = 1 << threshold_bits
        self.state_bits = state_bits
        self.saturating = saturating
        half = 1 << state_bits - 1
        self.low, self.high = -half if floor is None else floor - self.threshold, half - 1
        if self.low < -half or self.threshold > half:
            raise ValueError(f"states of {state_bits} bits cannot hold {self.low} … {self.high}")
        super().__init__(
            {
                "restart": In(1),
                "step": In(1),
                "increments": In(data.ArrayLayout(signed(increment_bits), members)),
                "fire": Out(1),
                "count": Out(count_bits),
            }
        )

    def elaborate(self, platform):
        m = Module()
        shape, below = signed(self.state_bits), -self.threshold
        states = [Signal(shape, name=f"state_{i}", init=below) for i in range(len(self.increments))]
        above, fresh, fires = Signal(), Signal(), Signal.like(self.count)
        m.d.comb += [
            above.eq(Cat(~state[-1] for state in states).any()),
            self.fire.eq(fresh & above),
            self.count.eq(fires + self.fire),
        ]
        m.d.sync += [fresh.eq(self.step), fires.eq(self.count)]
        # A fire is taken off where the next step adds.
        with m.If(self.step):
            for state, increment in zip(states, self.increments, strict=True):
                m.d.sync += state.eq(self._clipped(state + self._addend(increment, above)))
        with m.If(self.restart):
            m.d.sync += [fresh.eq(0), fires.eq(0), *(s.eq(below) for s in states)]
        return m

    def _addend(self, increment: Value, fire: Value) -> Value:
        """Increment - θ · fire; no adder where increments are below θ: two LUTs join the signs."""
        bits = self.threshold.bit_length() - 1
        if len(increment) > bits + 1:
            return increment - Mux(fire, self.threshold, 0)
        sign = increment[-1]
        low = Cat(increment[:-1], sign.replicate(bits + 1 - len(increment)))
        return Cat(low, sign ^ fire, sign | fire).as_signed()

    def _clipped(self, value: Value) -> Value:
        if not self.saturating:
            return value
        low, high = value < self.low, value > self.high
        return Mux(low, self.low, Mux(high, self.high, value))
