"""Where W channels of a pixel lie, tile after tile and group after group."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib.wiring import Component, In, Out


class ChannelWords(Component):
    """Address and phase of the channels that leave, from the map's first pixel on.

    W channels leave in a cycle, those of a tile position by position. Channels go on from tile to
    tile, but from group to group as the number of a group's channels says: their ``phase``, how
    many channels lie before the first in its word, changes there alone::

        address += plane                                  from W channels to the next
        phase, carry = (phase + group_phase) mod, div W   from a group's first to the next's
        address += group_step + carry · plane

    Latency: none.

    Parameters
    ----------
    address_bits, width
        Of addresses; W.
    groups, phases
        Whether there are groups, and words that begin elsewhere than at a multiple of W.

    Members
    -------
    restart : In(1)
        Begin a layer, with ``base`` and ``first_phase``.
    step : In(1)
        W channels leave.
    position_end : In(1), tiles_end : In(1), group_end : In(1)
        With it: they are the last of a position, of all positions of a tile, of a group.
    plane, base, group_step : In(address), first_phase, group_phase : In(…)
        Stable from ``restart`` on.
    address : Out(address), phase : Out(…)
    """

    def __init__(self, *, address_bits: int, width: int, groups: bool, phases: bool):
        self.width, self.groups, self.phases = width, groups, phases
        super().__init__(
            {
                "restart": In(1),
                "step": In(1),
                "position_end": In(1),
                "tiles_end": In(1),
                "group_end": In(1),
                "plane": In(address_bits),
                "base": In(address_bits),
                "group_step": In(address_bits),
                "first_phase": In(range(width)),
                "group_phase": In(range(width)),
                "address": Out(address_bits),
                "phase": Out(range(width)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        tile, following = (Signal.like(self.address, name=name) for name in ("tile", "following"))
        m.d.comb += following.eq(self.address + self.plane)
        if self.groups:
            group, next_group = (
                Signal.like(self.address, name=name) for name in ("group", "next_group")
            )
            step = self.group_step
            if self.phases:
                phase = Signal(range(2 * self.width))
                m.d.comb += phase.eq(self.phase + self.group_phase)
                step = step + Mux(phase >= self.width, self.plane, 0)
                with m.If(self.step & self.tiles_end & self.group_end):
                    m.d.sync += self.phase.eq(phase)
            m.d.comb += next_group.eq(group + step)
            with m.If(self.group_end):
                m.d.comb += following.eq(next_group)
            with m.If(self.step & self.tiles_end & self.group_end):
                m.d.sync += group.eq(next_group)
            with m.If(self.restart):
                m.d.sync += group.eq(self.base)
        with m.If(self.step):
            m.d.sync += self.address.eq(self.address + self.plane)
            with m.If(self.position_end):
                m.d.sync += self.address.eq(tile)
            with m.If(self.tiles_end):
                m.d.sync += [self.address.eq(following), tile.eq(following)]
        with m.If(self.restart):
            m.d.sync += [self.address.eq(self.base), tile.eq(self.base)]
            if self.phases:
                m.d.sync += self.phase.eq(self.first_phase)
        return m
