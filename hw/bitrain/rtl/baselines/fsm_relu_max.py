"""A pooling window as the literature builds it: a ReLU in each neuron, then a max of streams."""

from amaranth.hdl import Module, signed
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from .fsm_max import FsmMax
from .pooled_fire import PooledFire


class FsmReluMax(Component):
    """count = Σ over cycles of FsmMax(ReLU_0, …), ReLU_i a saturating counter that fires.

    ::

        increments_i ─► counter, floor 0 ─► stream i ─► FSM max ─► │count│

    Latency: a step's fire is in ``count`` two cycles later.

    Parameters
    ----------
    members
        Neurons in the window.
    increment_bits, state_bits, fsm_bits, count_bits
        Widths; states are those of :class:`PooledFire`, fsm_bits those of :class:`FsmMax`.
    threshold_bits
        log2 θ.

    Members
    -------
    restart : In(1)
        Begin a new neuron.
    step : In(1)
        This cycle counts.
    increments : In(ArrayLayout(signed(increment_bits), members))
        P_t - N_t of each neuron.
    count : Out(count_bits)
        Fires since ``restart``.
    """

    def __init__(
        self,
        *,
        members: int,
        increment_bits: int,
        state_bits: int,
        fsm_bits: int,
        threshold_bits: int,
        count_bits: int,
    ):
        self.neurons = [
            PooledFire(
                members=1,
                increment_bits=increment_bits,
                state_bits=state_bits,
                threshold_bits=threshold_bits,
                count_bits=1,
                saturating=True,
                floor=0,
            )
            for _ in range(members)
        ]
        self.largest = FsmMax(width=members, state_bits=fsm_bits)
        super().__init__(
            {
                "restart": In(1),
                "step": In(1),
                "increments": In(data.ArrayLayout(signed(increment_bits), members)),
                "count": Out(count_bits),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.largest = largest = self.largest
        m.d.comb += [largest.restart.eq(self.restart), largest.step.eq(1)]
        for i, neuron in enumerate(self.neurons):
            m.submodules[f"relu_{i}"] = neuron
            m.d.comb += [
                neuron.restart.eq(self.restart),
                neuron.step.eq(self.step),
                neuron.increments[0].eq(self.increments[i]),
                largest.bits[i].eq(neuron.fire),
            ]
        m.d.sync += self.count.eq(self.count + largest.maximum)
        with m.If(self.restart):
            m.d.sync += self.count.eq(0)
        return m
