"""Position walker: where the windows of the next Q neurons lie in the input."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from bitrain.spec import Program

from .layouts import descriptor_layout


def position_layout(program: Program) -> data.StructLayout:
    """Row and column of a window's first element (they may lie in the padding) and its address."""
    return data.StructLayout(
        {
            "row": program.coordinate_bits,
            "column": program.coordinate_bits,
            "address": program.address_bits,
        }
    )


class PositionWalker(Component):
    """Steps through the neurons of a layer, one per cycle, and holds Q of them.

    Order: (pooled row, pooled column, window row, window column), from the start again for each
    tile of channels. Positions beyond the last complete the last tile; they are never stored.

    ::

        restart ─► Q cycles ─► ready ─► take ─► Q cycles ─► ready …

    Latency: ``ready`` Q + 1 cycles after ``restart``, Q + 1 after ``take``.

    Members
    -------
    descriptor : In(descriptor)
        Stable from ``restart`` on.
    restart : In(1)
        Begin a layer.
    positions : Out(ArrayLayout(position, Q))
        The next tile's, while ``ready``.
    ready : Out(1), take : In(1)
        ``take`` only while ``ready``.
    """

    def __init__(self, program: Program):
        self.num_positions = program.array.positions
        self.descriptor_layout = descriptor_layout(program)
        self.position_layout = position_layout(program)
        super().__init__(
            {
                "descriptor": In(self.descriptor_layout),
                "restart": In(1),
                "positions": Out(data.ArrayLayout(self.position_layout, self.num_positions)),
                "ready": Out(1),
                "take": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        layer = self.descriptor
        held = Signal(range(self.num_positions + 1))
        tile = Signal.like(layer.last_position_tile)
        # The neuron to come, and the first of its pooling window.
        neuron, window = (Signal(self.position_layout, name=name) for name in ("neuron", "window"))
        window_row = Signal.like(layer.last_window_row)
        window_column = Signal.like(layer.last_window_column)
        out_column = Signal.like(layer.last_out_column)

        m.d.comb += self.ready.eq(held == self.num_positions)
        with m.If(self.take):
            m.d.sync += [held.eq(0), tile.eq(tile + 1)]
        with m.Elif(~self.ready):
            m.d.sync += held.eq(held + 1)
            m.d.sync += [
                self.positions[i].eq(self.positions[i + 1]) for i in range(self.num_positions - 1)
            ]
            m.d.sync += self.positions[self.num_positions - 1].eq(neuron)
            with m.If(window_column != layer.last_window_column):
                m.d.sync += [
                    window_column.eq(window_column + 1),
                    neuron.column.eq(neuron.column + layer.neuron_column_step),
                    neuron.address.eq(neuron.address + layer.neuron_column_step),
                ]
            with m.Elif(window_row != layer.last_window_row):
                m.d.sync += [
                    window_column.eq(0),
                    window_row.eq(window_row + 1),
                    neuron.column.eq(window.column),
                    neuron.row.eq(neuron.row + layer.neuron_row_step),
                    neuron.address.eq(neuron.address + layer.neuron_row_address_step),
                ]
            with m.Else():
                following = Signal.like(window)
                end = Signal()
                m.d.comb += [
                    end.eq(out_column == layer.last_out_column),
                    following.column.eq(
                        Mux(end, layer.first_column, window.column + layer.out_column_step)
                    ),
                    following.row.eq(window.row + Mux(end, layer.out_row_step, 0)),
                    following.address.eq(
                        window.address + Mux(end, layer.out_row_address_step, layer.out_column_step)
                    ),
                ]
                m.d.sync += [
                    window_column.eq(0),
                    window_row.eq(0),
                    out_column.eq(Mux(end, 0, out_column + 1)),
                    neuron.eq(following),
                    window.eq(following),
                ]
        with m.If(self.restart | (self.take & (tile == layer.last_position_tile))):
            m.d.sync += [
                held.eq(0),
                tile.eq(0),
                window_row.eq(0),
                window_column.eq(0),
                out_column.eq(0),
            ]
            for start in (neuron, window):
                m.d.sync += [
                    start.row.eq(layer.first_row),
                    start.column.eq(layer.first_column),
                    start.address.eq(layer.first_address),
                ]
        return m
