"""Shortcut: what an earlier layer stored, on its way to the neurons of this one."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib.wiring import Component, In, Out

from bitrain.program import Program

from .layouts import activation_shape, descriptor_layout
from .shortcut_places import ShortcutPlaces


class Shortcut(Component):
    """product = gain · a, with a the activation that the leaving neuron gets; 0 if there is none.

    Follows the neurons as they leave the array: channel by channel within a position, positions in
    the order (pooled row, pooled column, window row, window column), from the start again for each
    tile of channels. :class:`ShortcutPlaces` walks windows that reach beyond the map.

    ::

        neuron ─► address ─► │RAM│ ─► │ │ ─► × gain ─► │product│
        cycle        0              1     2               3

    Latency: 3 cycles from ``step`` to ``product``, one product per cycle.

    Members
    -------
    descriptor : In(descriptor)
        Stable from ``restart`` on.
    restart : In(1)
        Begin a layer.
    step : In(1)
        A neuron leaves.
    last : In(1)
        With it, the channel is the last of its group: what leaves next at the position is none.
    position_end : In(1), tiles_end : In(1)
        With it, the tile has no further channel of its position, or no further position.
    channel : In(…)
        The neuron's.
    address : Out(address), activation : In(n + 1)
        Activation RAM, read in one cycle.
    product : Out(…)
        In product bits, before the channel's upscale.
    """

    def __init__(self, program: Program):
        self.program = program
        self.descriptor_layout = descriptor_layout(program)
        gain_bits = program.field_widths["shortcut_gain"]
        super().__init__(
            {
                "descriptor": In(self.descriptor_layout),
                "restart": In(1),
                "step": In(1),
                "last": In(1),
                "position_end": In(1),
                "tiles_end": In(1),
                "channel": In(range(len(program.bias_words) + 1)),
                "address": Out(program.address_bits),
                "activation": In(activation_shape(program.network.bits)),
                "product": Out(program.activation_bits + gain_bits),
            }
        )

    def elaborate(self, platform):
        m = Module()
        layer, bits = self.descriptor, self.program.address_bits
        # Address of the neuron's position in the tile's channels, and of its pooling window's
        # first; and the distance of the neuron's channel and of the tile's first from channel 0.
        position, window = Signal(bits), Signal(bits)
        plane, tile_plane = Signal(bits), Signal(bits)
        following_plane = Signal(bits)
        exists, exist, got = Signal(), Signal(), Signal.like(self.activation)
        m.d.comb += [
            self.address.eq(position + plane),
            following_plane.eq(plane + layer.shortcut_channel_step),
        ]
        m.d.sync += [
            exists.eq(
                (self.channel >= layer.shortcut_first_channel)
                & (self.channel <= layer.shortcut_last_channel)
            ),
            exist.eq(exists),
            got.eq(self.activation),
            self.product.eq(Mux(exist, got, 0) * layer.shortcut_gain),
        ]

        window_row = Signal.like(layer.last_window_row)
        window_column = Signal.like(layer.last_window_column)
        out_column = Signal.like(layer.last_out_column)
        with m.If(self.step):
            with m.If(~self.last):
                m.d.sync += plane.eq(following_plane)
            with m.If(self.position_end):
                m.d.sync += plane.eq(tile_plane)
                if not self.program.has_shortcut_places:
                    self._walk(m, position, window, (window_row, window_column, out_column))
            with m.If(self.tiles_end):
                m.d.sync += [plane.eq(following_plane), tile_plane.eq(following_plane)]
        with m.If(self.restart):
            m.d.sync += [plane.eq(0), tile_plane.eq(0)]
        begins = self.restart | (self.step & self.tiles_end)
        if self.program.has_shortcut_places:
            m.submodules.places = places = ShortcutPlaces(self.program)
            m.d.comb += [
                places.descriptor.eq(layer),
                places.restart.eq(begins),
                places.step.eq(self.step & self.position_end),
                position.eq(places.position),
            ]
            return m
        with m.If(begins):
            m.d.sync += [
                window_row.eq(0),
                window_column.eq(0),
                out_column.eq(0),
                position.eq(layer.shortcut_first_address),
                window.eq(layer.shortcut_first_address),
            ]
        return m

    def _walk(self, m: Module, position: Signal, window: Signal, counters: tuple[Signal, ...]):
        """To the next position, and its window, as the counters of windows say."""
        layer = self.descriptor
        window_row, window_column, out_column = counters
        with m.If(window_column != layer.last_window_column):
            m.d.sync += [
                window_column.eq(window_column + 1),
                position.eq(position + layer.shortcut_neuron_column_step),
            ]
        with m.Elif(window_row != layer.last_window_row):
            m.d.sync += [
                window_column.eq(0),
                window_row.eq(window_row + 1),
                position.eq(position + layer.shortcut_neuron_row_step),
            ]
        with m.Else():
            following, end = Signal(len(position)), Signal()
            m.d.comb += [
                end.eq(out_column == layer.last_out_column),
                following.eq(
                    window + Mux(end, layer.shortcut_out_row_step, layer.shortcut_out_column_step)
                ),
            ]
            m.d.sync += [
                window_column.eq(0),
                window_row.eq(0),
                out_column.eq(Mux(end, 0, out_column + 1)),
                position.eq(following),
                window.eq(following),
            ]
