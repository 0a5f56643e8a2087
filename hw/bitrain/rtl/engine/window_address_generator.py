"""Position walker: where the windows of the next Q neurons lie in the input."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from bitrain.program import Program

from .countdown import counts_down
from .layouts import descriptor_layout
from .places import nearest, place_layout


def window_layout(program: Program) -> data.StructLayout:
    """Row, column and address of a window's first element, which may lie in the padding.

    Where zeros are skipped, also whether there is such a window.
    """
    return data.StructLayout(
        {
            "row": program.coordinate_bits,
            "column": program.coordinate_bits,
            "address": program.address_bits,
        }
        | ({"exists": 1} if program.skip_zeros else {})
    )


def position_layout(program: Program) -> data.StructLayout:
    """A window, and, where groups begin inside a word, how many channels lie before it there."""
    layout = window_layout(program)
    if not program.has_group_phases:
        return layout
    return data.StructLayout(layout.members | {"phase": range(program.width)})


class WindowAddressGenerator(Component):
    """Steps through the neurons of a layer, one per cycle, and holds Q of them.

    Order: (pooled row, pooled column, window row, window column), from the start again for each
    tile of channels; in the next group's input channels after the last tile of a group. Positions
    beyond the last complete the last tile; they are never stored. Where pooling windows reach
    beyond the map, it steps through their places, and gives the nearest of the map.

    ::

        restart ─► Q cycles ─► ready ─► take ─► Q - 1 cycles ─► ready …

    Latency: ``ready`` Q + 1 cycles after ``restart``, Q after ``take``.

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
        self.has_groups = program.has_groups
        self.has_group_phases = program.has_group_phases
        self.width = program.width
        self.has_places = program.has_places
        self.skip_zeros = program.skip_zeros
        self.descriptor_layout = descriptor_layout(program)
        self.position_layout = position_layout(program)
        self.walked_layout = (place_layout if program.has_places else window_layout)(program)
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
        tiles = counts_down(m, "tiles", layer.last_position_tile)
        # The neuron to come, and the first of its pooling window.
        neuron, window = (Signal(self.walked_layout, name=name) for name in ("neuron", "window"))
        is_more = self.has_places or self.has_group_phases
        position = Signal(self.position_layout) if is_more else neuron
        window_rows = counts_down(m, "window_rows", layer.last_window_row)
        window_columns = counts_down(m, "window_columns", layer.last_window_column)
        out_columns = counts_down(m, "out_columns", layer.last_out_column)
        pixel = Signal.like(layer.last_plane)

        moves, completes, again, begins = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            begins.eq(self.restart | again),
            moves.eq(self.take | ~self.ready),
            # What is held short of one is not ready, so it moves; ``take`` comes too late to ask.
            completes.eq(moves if self.num_positions == 1 else held == self.num_positions - 1),
            again.eq(completes & tiles.last),
            tiles.restart.eq(begins),
            tiles.step.eq(completes),
        ]
        # The next window's first, added up whether it is needed or not: ``take`` comes late.
        following, end = Signal.like(window), out_columns.last
        if self.has_places:  # the address is that of the row
            first_row, first_column = layer.first_place_row, layer.first_place_column
            along_row = along_window = 0
        else:
            first_row, first_column = layer.first_row, layer.first_column
            along_row, along_window = layer.out_column_step, layer.neuron_column_step
        m.d.comb += [
            following.column.eq(Mux(end, first_column, window.column + layer.out_column_step)),
            following.row.eq(window.row + Mux(end, layer.out_row_step, 0)),
            following.address.eq(window.address + Mux(end, layer.out_row_address_step, along_row)),
        ]
        if self.skip_zeros:
            m.d.comb += following.exists.eq(window.exists & (pixel != layer.last_plane))
        row_ends = window_columns.last & window_rows.last
        m.d.comb += [
            window_columns.restart.eq(begins | (moves & window_columns.last)),
            window_columns.step.eq(moves),
            window_rows.restart.eq(begins | (moves & row_ends)),
            window_rows.step.eq(moves & window_columns.last),
            out_columns.restart.eq(begins | (moves & row_ends & end)),
            out_columns.step.eq(moves & row_ends),
        ]
        with m.If(moves):
            m.d.sync += [
                held.eq(Mux(self.take, 1, held + 1)),
                self.ready.eq(1 if self.num_positions == 1 else completes),
            ]
            m.d.sync += [
                self.positions[i].eq(self.positions[i + 1]) for i in range(self.num_positions - 1)
            ]
            m.d.sync += self.positions[self.num_positions - 1].eq(position)
            with m.If(~window_columns.last):
                m.d.sync += [
                    neuron.column.eq(neuron.column + layer.neuron_column_step),
                    neuron.address.eq(neuron.address + along_window),
                ]
            with m.Elif(~window_rows.last):
                m.d.sync += [
                    neuron.column.eq(window.column),
                    neuron.row.eq(neuron.row + layer.neuron_row_step),
                    neuron.address.eq(neuron.address + layer.neuron_row_address_step),
                ]
            with m.Else():
                m.d.sync += [neuron.eq(following), window.eq(following)]
                if self.skip_zeros:
                    m.d.sync += pixel.eq(pixel + 1)
        group_address, first_address, phase = self._first_addresses(m, again)
        if self.has_group_phases:
            m.d.comb += position.phase.eq(phase)
        if self.has_places:
            row, column, line = (
                nearest(getattr(neuron, field), getattr(layer, last))
                for field, last in (
                    ("row", "last_place_row"),
                    ("column", "last_place_column"),
                    ("address", "last_place_line"),
                )
            )
            first_address = layer.first_place_line
            m.d.comb += [
                position.row.eq(layer.first_row + row),
                position.column.eq(layer.first_column + column),
                position.address.eq(group_address + line + column),
            ]
            if self.skip_zeros:
                m.d.comb += position.exists.eq(neuron.exists)
        elif is_more:
            m.d.comb += [getattr(position, name).eq(neuron[name]) for name, _ in neuron.shape()]
        with m.If(begins):
            for start in (neuron, window):
                m.d.sync += [
                    start.row.eq(first_row),
                    start.column.eq(first_column),
                    start.address.eq(first_address),
                ]
            if self.skip_zeros:
                m.d.sync += [pixel.eq(0), neuron.exists.eq(1), window.exists.eq(1)]
        with m.If(self.restart):
            m.d.sync += [held.eq(0), self.ready.eq(0)]
        return m

    def _first_addresses(self, m: Module, again) -> tuple[Value, Value, Value | int]:
        """First address of the group at work, and that of the tile of channels to begin.

        A tile begins with the layer or ``again``. Also the first channel of the group at work,
        modulo W.
        """
        layer = self.descriptor
        if not self.has_groups:
            return layer.first_address, layer.first_address, 0
        group_tile = Signal.like(layer.last_group_tile)
        # First addresses of the group at work and of the next tile of channels.
        address, following = (Signal(self.position_layout["address"].shape) for _ in range(2))
        end = Signal()
        phase, step = 0, layer.group_step
        if self.has_group_phases:
            phase, next_phase = Signal(range(self.width)), Signal(range(2 * self.width))
            m.d.comb += next_phase.eq(phase + layer.group_phase)
            step = step + Mux(next_phase >= self.width, layer.word_step, 0)
            with m.If(self.restart):
                m.d.sync += phase.eq(0)
            with m.Elif(again & end):
                m.d.sync += phase.eq(next_phase)
        m.d.comb += [
            end.eq(group_tile == layer.last_group_tile),
            following.eq(Mux(self.restart, layer.first_address, address + Mux(end, step, 0))),
        ]
        with m.If(self.restart):
            m.d.sync += [group_tile.eq(0), address.eq(following)]
        with m.Elif(again):
            m.d.sync += [group_tile.eq(Mux(end, 0, group_tile + 1)), address.eq(following)]
        return address, following, phase
