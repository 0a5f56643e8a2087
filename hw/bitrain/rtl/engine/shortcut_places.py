"""Where neurons find what a shortcut adds, if pooling windows reach beyond the map."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib.wiring import Component, In, Out

from bitrain.program import Program
from bitrain.program.places import shortcut_place_bits

from .layouts import descriptor_layout
from .places import nearest


class ShortcutPlaces(Component):
    """position = first address + line + column, each that of the nearest place of the map.

    Steps through the places of pooling windows in the order (pooled row, pooled column, window row,
    window column).

    Latency: ``position`` one cycle after ``restart`` and after ``step``.

    Members
    -------
    descriptor : In(descriptor)
        Stable from ``restart`` on.
    restart : In(1)
        Begin with the first place.
    step : In(1)
        Go on to the next.
    position : Out(address)
        Of what output channel 0 would get.
    column : Out(…)
        Its column, modulo W; only where W > 1.
    """

    def __init__(self, program: Program):
        self.width = program.width
        self.place_bits = shortcut_place_bits(program.network)
        super().__init__(
            {
                "descriptor": In(descriptor_layout(program)),
                "restart": In(1),
                "step": In(1),
                "position": Out(program.address_bits),
            }
            | ({"column": Out(range(self.width))} if self.width > 1 else {})
        )

    def elaborate(self, platform):
        m = Module()
        layer = self.descriptor
        window_row = Signal.like(layer.last_window_row)
        window_column = Signal.like(layer.last_window_column)
        out_column = Signal.like(layer.last_out_column)
        end = Signal()
        # Address steps to the place's row and column, and to those of its window's first.
        line, column, first_line, first_column, next_line, next_column = (
            Signal(signed(self.place_bits), name=name)
            for name in (
                "line",
                "column",
                "first_line",
                "first_column",
                "next_line",
                "next_column",
            )
        )
        m.d.comb += end.eq(out_column == layer.last_out_column)
        with m.If(self.step):
            m.d.sync += [line.eq(next_line), column.eq(next_column)]
            m.d.sync += self.position.eq(
                layer.shortcut_first_address
                + nearest(next_line, layer.shortcut_last_line)
                + nearest(next_column, layer.shortcut_last_column)
            )
            if self.width > 1:
                m.d.sync += self.column.eq(nearest(next_column, layer.shortcut_last_column))
        with m.If(window_column != layer.last_window_column):
            m.d.comb += [
                next_line.eq(line),
                next_column.eq(column + layer.shortcut_neuron_column_step),
            ]
            with m.If(self.step):
                m.d.sync += window_column.eq(window_column + 1)
        with m.Elif(window_row != layer.last_window_row):
            m.d.comb += [
                next_line.eq(line + layer.shortcut_neuron_row_step),
                next_column.eq(first_column),
            ]
            with m.If(self.step):
                m.d.sync += [window_column.eq(0), window_row.eq(window_row + 1)]
        with m.Else():
            m.d.comb += [
                next_line.eq(first_line + Mux(end, layer.shortcut_out_row_step, 0)),
                next_column.eq(
                    Mux(
                        end,
                        layer.shortcut_first_column,
                        first_column + layer.shortcut_out_column_step,
                    )
                ),
            ]
            with m.If(self.step):
                m.d.sync += [
                    window_column.eq(0),
                    window_row.eq(0),
                    out_column.eq(Mux(end, 0, out_column + 1)),
                    first_line.eq(next_line),
                    first_column.eq(next_column),
                ]
        with m.If(self.restart):
            m.d.sync += [
                window_row.eq(0),
                window_column.eq(0),
                out_column.eq(0),
                self.position.eq(layer.shortcut_first_address),  # the first place is not behind it
            ]
            if self.width > 1:
                m.d.sync += self.column.eq(0)
            for row, start in ((line, column), (first_line, first_column)):
                m.d.sync += [
                    row.eq(layer.shortcut_first_line),
                    start.eq(layer.shortcut_first_column),
                ]
        return m
