"""Operand loader: reads the window elements of Q positions and the weights of P channels."""

from contextlib import nullcontext

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from bitrain.program import Program

from .countdown import counts_down
from .layouts import descriptor_layout, weight_tile, wide
from .window_address_generator import WindowAddressGenerator


class Loader(Component):
    """Walks a layer's loop nest and emits one operand element per cycle, of W inputs.

    For each tile of channels, each tile of positions and k = 0 … K' / W - 1 it addresses weight
    word k of the channels, and for each position inputs W k and on of its window; inputs in the
    padding or beyond K are marked to read as zero, or, in programs with padding values, as what
    their ROM shows. The whole pipeline stands still while the element that the memories show waits
    for ``ready``.

    ::

        walker ─► k, positions ─► │addresses│ ─► memories ─► │shown│ ─► element
        cycle          0               1             2           3

    Where W > 1 the RAM has W banks with an address each (``program.memory_map``), whose words must
    be rotated.

    Latency: the first element Q + 5 cycles after ``restart``, then one per cycle.

    Members
    -------
    descriptor : In(descriptor)
        Stable from ``restart`` on.
    restart : In(1)
        Begin a layer.
    enable : Out(1)
        Read enable of both memories, and of the register behind them.
    addresses : Out(ArrayLayout(address, Q))
        Into the activation RAM; where W > 1, ArrayLayout(ArrayLayout(address, W), Q).
    rotations : Out(ArrayLayout(…, Q))
        Bank of the element's first input; only where W > 1.
    weight_address : Out(…)
        Into the weight ROM.
    valid : Out(1), ready : In(1)
        Handshake of the element that the memories show.
    inside : Out(Q)
        The element exists; else it is zero. Of W inputs where W > 1, ArrayLayout(W, Q).
    padding_address : Out(…)
        Into the ROM of padding values: what elements are that do not exist; only in programs with
        such values.
    occupied : Out(Q)
        A neuron is at the position: what only completes a tile is zero. Only in these programs,
        where zeros are skipped.
    tile : Out(signature)
        Tiles of weights, for each of which it waits; only where weights are streamed.
    """

    def __init__(self, program: Program):
        self.program = program
        self.descriptor_layout = descriptor_layout(program)
        positions, width = program.array.positions, program.width
        addresses = wide(unsigned(program.address_bits), width)
        super().__init__(
            {
                "descriptor": In(self.descriptor_layout),
                "restart": In(1),
                "enable": Out(1),
                "addresses": Out(data.ArrayLayout(addresses, positions)),
                "weight_address": Out(range(max(2, program.weight_depth))),
                "valid": Out(1),
                "ready": In(1),
                "inside": Out(data.ArrayLayout(width, positions) if width > 1 else positions),
            }
            | ({"rotations": Out(data.ArrayLayout(range(width), positions))} if width > 1 else {})
            | (
                {"padding_address": Out(range(len(program.padding_words)))}
                if program.has_padding_values
                else {}
            )
            | (
                {"occupied": Out(positions)}
                if program.has_padding_values and program.skip_zeros
                else {}
            )
            | ({"tile": Out(weight_tile())} if program.weights_streamed else {})
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.walker = walker = WindowAddressGenerator(self.program)
        layer = self.descriptor
        num_positions = self.program.array.positions
        m.d.comb += [
            walker.descriptor.eq(layer),
            walker.restart.eq(self.restart),
            self.enable.eq(self.ready | ~self.valid),
        ]

        active = Signal()
        positions = Signal.like(walker.positions)
        # The element of the window: its row and column there, its address from the window's first.
        slots = counts_down(m, "slots", layer.last_slot)
        row, column = Signal.like(layer.last_kernel_row), Signal.like(layer.last_kernel_column)
        offset = Signal(self.program.address_bits)
        # Its weight word, the first of the tile of channels, and the one after it.
        weight, tile_weight = Signal.like(self.weight_address), Signal.like(self.weight_address)
        following_weight = Signal.like(weight)
        # The next tile to take; it may begin a tile of channels.
        position_tiles = counts_down(m, "position_tiles", layer.last_position_tile)
        channel_tiles = counts_down(m, "channel_tiles", layer.last_channel_tile)
        begins, remaining = Signal(), Signal()
        # The padding value of its channel.
        padding, first_padding = Signal(range(len(self.program.padding_words))), None
        if self.program.has_padding_values:
            first_padding = self._first_padding(m, walker.take, begins)
        # Its place in a word along channels, and its channel, which may be a hole's.
        layers, has_words = self.program.network.layers, self.program.has_words
        most = max((each.flattened or each.in_shape).channels for each in layers)
        in_word, channel = Signal(range(8)), Signal(range(most + 8))
        # Its first channel, modulo W.
        phase, channel_step = Signal(range(self.program.width)), layer.channel_step
        if self.program.has_columns:
            ends = phase == self.program.width - 1
            channel_step = Mux(ends, layer.next_channel_step, layer.channel_step)
        row_step, column_step = 1, 1
        if self.program.has_dilation:
            row_step, column_step = layer.dilation_rows, layer.dilation_columns

        # Weights of the tile of channels are there.
        supplied: Value = Const(1)
        read = Signal()  # the tile's last word is addressed
        if self.program.weights_streamed:
            supplied = ~begins | self.tile.ready
            m.d.comb += [
                self.tile.begin.eq(walker.take & begins),
                self.tile.end.eq(self.enable & read),
            ]
        # Sums stand outside of ``enable``: they need not wait for it.
        m.d.comb += following_weight.eq(weight + active)
        rows, columns = (
            [Signal.like(getattr(position, name)) for position in positions]
            for name in ("row", "column")
        )
        for position, y, x in zip(positions, rows, columns, strict=True):
            m.d.comb += [y.eq(position.row + row), x.eq(position.column + column)]
        words: list[list[Value]] = []
        with m.If(self.enable):
            m.d.comb += [
                walker.take.eq(walker.ready & remaining & (~active | slots.last) & supplied),
                slots.step.eq(1),
            ]
            # Cycle 0: the next element, or the first of the next tile.
            word_ends, address_step = nullcontext(), column_step
            if has_words:
                m.d.sync += [
                    weight.eq(following_weight),
                    in_word.eq(in_word + 1),
                    channel.eq(channel + 1),
                    offset.eq(offset + layer.word_step),
                ]
                word_ends = m.If(in_word == layer.last_in_word)
                address_step = layer.column_address_step
            with word_ends:
                m.d.sync += [
                    column.eq(column + column_step),
                    offset.eq(offset + address_step),
                    weight.eq(following_weight),
                ]
                if has_words:
                    m.d.sync += [in_word.eq(0), channel.eq(channel - layer.last_in_word)]
                with m.If(column == layer.last_kernel_column):
                    m.d.sync += [
                        column.eq(0),
                        row.eq(row + row_step),
                        offset.eq(offset + layer.row_step),
                    ]
                    with m.If(row == layer.last_kernel_row):
                        m.d.sync += [row.eq(0), offset.eq(offset + channel_step)]
                        if self.program.has_columns:
                            m.d.sync += phase.eq(phase + layer.along_columns)
                        if has_words:
                            m.d.sync += channel.eq(channel + 1)
                        elif self.program.has_padding_values:
                            m.d.sync += padding.eq(padding + layer.padded)
            with m.If(slots.last):
                m.d.sync += active.eq(0)
            with m.If(walker.take):
                m.d.sync += [
                    active.eq(1),
                    begins.eq(position_tiles.last),
                    positions.eq(walker.positions),
                    row.eq(0),
                    column.eq(0),
                    offset.eq(0),
                ]
                if has_words:
                    m.d.sync += [in_word.eq(0), channel.eq(0)]
                if self.program.has_group_phases:
                    m.d.sync += phase.eq(walker.positions[0].phase)
                elif self.program.has_columns:
                    m.d.sync += phase.eq(0)
                self._first_weight(m, begins, weight, following_weight, tile_weight)
                with m.If(position_tiles.last & channel_tiles.last):
                    m.d.sync += remaining.eq(0)
                if first_padding is not None:
                    m.d.sync += padding.eq(first_padding)
            # Cycle 1: addresses, 2: which elements exist, 3: as the memories' registers.
            element, is_input = Signal(), slots.left >= layer.holes
            m.d.sync += [
                element.eq(active),
                self.valid.eq(_later(m, element)),
                self.weight_address.eq(weight),
            ]
            if self.program.weights_streamed:
                m.d.sync += read.eq(active & slots.last & begins)
            wanted = self._wanted(is_input, column, channel)
            wanted_later = _later(m, wanted)
            for q in range(num_positions):
                position, y, x = positions[q], rows[q], columns[q]
                if self.program.width > 1:
                    words.append(self._word(m, q, position.address + offset, x, phase))
                else:
                    m.d.sync += self.addresses[q].eq(position.address + offset)
                in_row, exists = _later(m, y) < layer.height, wanted_later
                if self.program.skip_zeros:  # else it does not matter what others read
                    in_row &= _later(m, position.exists)
                x = _later(m, x)
                exists &= Cat(self._inside(x, lane) for lane in range(self.program.width))
                m.d.sync += self.inside[q].eq(_later(m, Mux(in_row, exists, 0)))
            if self.program.has_padding_values:
                own = padding + Mux(layer.padded, channel, 0) if has_words else padding
                m.d.sync += self.padding_address.eq(Mux(active & wanted.any(), own, 0))
                if self.program.skip_zeros:
                    occupied = Signal(num_positions)
                    m.d.sync += [
                        occupied.eq(Cat(position.exists for position in positions)),
                        self.occupied.eq(_later(m, occupied)),
                    ]
        # Banks need not wait for ``enable`` either.
        for addresses, found in zip(self.addresses, words, strict=False):
            m.d.comb += [own.eq(address) for own, address in zip(addresses, found, strict=True)]
        m.d.comb += [
            slots.restart.eq(walker.take),
            position_tiles.restart.eq(self.restart | (walker.take & position_tiles.last)),
            position_tiles.step.eq(walker.take),
            channel_tiles.restart.eq(self.restart),
            channel_tiles.step.eq(walker.take & position_tiles.last),
        ]
        with m.If(self.restart):
            m.d.sync += [begins.eq(1), remaining.eq(1)]
            if not self.program.weights_streamed:
                m.d.sync += weight.eq(layer.weight_base)
        return m

    def _first_weight(
        self, m: Module, begins: Value, weight: Signal, following: Signal, first: Signal
    ) -> None:
        """The first weight word of a tile of positions, and ``first`` of the tile of channels."""
        if not self.program.weights_streamed:
            with m.If(begins):
                m.d.sync += first.eq(following)
            with m.Else():
                m.d.sync += weight.eq(first)
            return
        base = Mux(self.tile.second, self.program.weight_depth // 2, 0)
        m.d.sync += weight.eq(Mux(begins, base, first))
        with m.If(begins):
            m.d.sync += first.eq(base)

    def _word(self, m: Module, q: int, address: Value, column: Value, phase: Value) -> list[Value]:
        """Addresses of the W inputs that lie from ``address`` on, a cycle later, by banks.

        They are columns of a row, or channels of a pixel, of which those beyond a word lie in the
        next plane.
        """
        program, layer, width = self.program, self.descriptor, self.program.width
        first, rotation = Signal(program.address_bits), Signal(range(width))
        shown = Signal(range(width))
        m.d.sync += [
            first.eq(address),
            rotation.eq(column + phase),
            shown.eq(rotation),
            self.rotations[q].eq(shown),
        ]
        held_phase = Signal.like(phase)
        if program.has_read_phases:
            m.d.sync += held_phase.eq(phase)
        found = []
        for bank in range(width):
            lane, step = (bank - rotation)[: len(rotation)], Const(0, 1)
            if program.has_columns:
                step = Mux(layer.along_columns, lane, 0)
            if program.has_read_phases:
                beyond = ~layer.along_columns if program.has_columns else 1
                beyond &= lane + held_phase >= width
                step = Mux(beyond, layer.word_step, step)
            found.append(first + step)
        return found

    def _inside(self, x: Value, lane: int) -> Value:
        """Whether input ``lane`` of W from column ``x`` on lies in a row of the map."""
        layer = self.descriptor
        along = Mux(layer.along_columns, lane, 0) if self.program.has_columns else 0
        return (x + along)[: len(x)] < layer.width

    def _wanted(self, is_input: Value, column: Value, channel: Value) -> Value:
        """Which of W slots are inputs, and no holes if these may not be anything."""
        program, layer = self.program, self.descriptor
        if not (program.has_words and program.skip_zeros):
            return is_input.replicate(program.width)
        found = []
        for lane in range(program.width):
            is_column = column + lane <= layer.last_input_column
            is_channel = channel * program.width + lane <= layer.last_input_channel
            if program.width == 1:
                found.append(is_input & is_channel & is_column)
            elif program.has_columns:
                along = layer.along_columns
                found.append(is_input & (~along | is_column) & (along | is_channel))
            else:
                found.append(is_input & is_channel)
        return Cat(found)

    def _first_padding(self, m: Module, take: Value, begins: Value) -> Value:
        """First padding value of the tile to take, which may begin a tile of channels."""
        layer = self.descriptor
        if not self.program.has_groups:
            return layer.padding_base
        group_tile = Signal.like(layer.last_group_tile)
        # First values of the group at work, of the next one and of the tile.
        group, next_group, first = (
            Signal.like(self.padding_address, name=name)
            for name in ("group_padding", "next_padding", "first_padding")
        )
        of_group = Signal()
        m.d.comb += [
            of_group.eq(begins & (group_tile == 0)),
            first.eq(Mux(of_group, next_group, group)),
        ]
        with m.If(take):
            m.d.sync += [
                group.eq(first),
                next_group.eq(next_group + Mux(of_group, layer.padding_group_step, 0)),
            ]
            with m.If(begins):
                end = group_tile == layer.last_group_tile
                m.d.sync += group_tile.eq(Mux(end, 0, group_tile + 1))
        with m.If(self.restart):
            m.d.sync += [group_tile.eq(0), next_group.eq(layer.padding_base)]
        return first


def _later(m: Module, value: Value) -> Signal:
    """``value`` a cycle later."""
    later = Signal(value.shape(), name="later")
    m.d.sync += later.eq(value)
    return later
