"""Write-back of W results in a cycle: from a tile's counts to stored activations or scores."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from bitrain.program import Program

from ..engine.layouts import activation_shape, descriptor_layout, negatives_layout
from ..engine.max_pool import MaxPool
from ..engine.output_stage import bias_of, kept_bits, later
from ..engine.requantise import Requantise
from .banks import lane_of, rotated, write_layout
from .channel_words import ChannelWords
from .shortcut import WideShortcut, channel_range


class WideOutputStage(Component):
    """Takes P Q counts at once and finishes W per cycle: bias, ReLU, requantise, pool, store.

    The W are channels of one position, those of a tile P / W after each other. They go the way of
    ``engine.output_stage.OutputStage`` beside each other, and are rotated before they are stored,
    so that each gets to its bank::

        counts ─►│shift│─►│ │─► + bias ─►│A│─► requantise ─► max pool, rotate ─►│store│
        cycle 0     1      2       3       4         5, 6                          7
                                           └─► scores

    Latency: as there.

    Members
    -------
    descriptor : In(descriptor)
        Stable from ``restart`` on.
    restart : In(1)
        Begin a layer.
    done : In(1), counts : In(ArrayLayout(count_bits, P Q))
        From the array, P Q / W cycles apart at the least; counts go on from tile to tile.
    bias_address : Out(…), bias : In(bias_word_bits)
        Bias ROM, read in one cycle: W times bias, and upscale above it.
    shortcut_addresses : Out(ArrayLayout(address, W))
    shortcut_activations : In(ArrayLayout(n + 1, W))
        Banks, read in one cycle; only in programs with a shortcut.
    lost : In(…)
        As of ``engine.output_stage.OutputStage``.
    negatives : In(ArrayLayout(…, P))
        With ``done``, negative weights that the tile has met; only where zeros are skipped.
    store : Out(write)
        To the banks.
    scores : Out(write)
        To those of the scores, channel c to bank c mod W.
    finished : Out(1)
        The layer is done.
    """

    def __init__(self, program: Program):
        self.program = program
        width, bits = program.width, program.address_bits
        activation = activation_shape(program.network.bits)
        super().__init__(
            {
                "descriptor": In(descriptor_layout(program)),
                "restart": In(1),
                "done": In(1),
                "counts": In(data.ArrayLayout(program.count_bits, program.array.neurons)),
                "bias_address": Out(range(max(2, program.bias_depth))),
                "bias": In(data.ArrayLayout(program.bias_bits, width)),
                "store": Out(write_layout(activation, bits, width)),
                "scores": Out(
                    write_layout(signed(program.score_bits), program.result_address_bits, width)
                ),
                "finished": Out(1),
            }
            | (
                {
                    "shortcut_addresses": Out(data.ArrayLayout(bits, width)),
                    "shortcut_activations": In(data.ArrayLayout(activation, width)),
                }
                if program.has_shortcut
                else {}
            )
            | ({"lost": In(range(program.longest.bit_length()))} if program.run_time_length else {})
            | ({"negatives": In(negatives_layout(program))} if program.skip_zeros else {})
        )

    def elaborate(self, platform):
        m = Module()
        layer, program, width = self.descriptor, self.program, self.program.width
        num_neurons, turns = program.array.neurons, program.array.channels // width

        # Cycle 1: the results shift out, position by position.
        leaving = Signal(data.ArrayLayout(program.count_bits, num_neurons))
        earlier = Signal.like(leaving)
        remaining = Signal(range(program.array.leaving_cycles + 1))
        busy, tile_end = Signal(), Signal()
        m.d.comb += [busy.eq(remaining != 0), tile_end.eq(remaining == 1)]
        with m.If(busy):
            m.d.sync += remaining.eq(remaining - 1)
            for numbers in (leaving, earlier):  # counts of the tile before return to the end
                m.d.sync += [numbers[i].eq(numbers[i + width]) for i in range(num_neurons - width)]
            m.d.sync += [earlier[num_neurons - width + i].eq(leaving[i]) for i in range(width)]
        with m.If(self.done):
            m.d.sync += [remaining.eq(program.array.leaving_cycles), leaving.eq(self.counts)]
        turn = Signal(range(max(2, turns)))
        word = self._word(m, busy, turn, tile_end, turns)

        # Cycle 2: the biases arrive, 3: in a register, 4: the accumulators' values are known. The
        # scaling of a bias and a shortcut, which comes as the biased count does, delay all that
        # follows.
        scaling = 3 * program.run_time_length
        delay = scaling + program.has_shortcut
        words = [word]
        for cycle in range(2, 7 + delay):
            words.append(Signal.like(word, name=f"word_{cycle}"))
            m.d.sync += words[-1].eq(words[-2])
        right_shift_bits = range(max(2, program.largest_right_shift + 1))
        sums = Signal(data.ArrayLayout(signed(program.score_bits), width))
        shifts = Signal(data.ArrayLayout(right_shift_bits, width))
        for i in range(width):
            counted = (leaving[i] - earlier[i])[: program.count_bits]
            count = Signal(program.count_bits, name=f"count_{i}")
            if program.skip_zeros:
                count = Signal(signed(program.score_bits), name=f"count_{i}")
                counted = counted - self._counted_too_much(m, i, turn, turns)
            held = later(m, self.bias[i], 1, name="bias_word")
            bias, upscale = bias_of(m, f"prefix_bias_{i}", self, held)
            upscale = later(m, upscale, scaling)
            total = later(m, count, 1 + scaling) + bias
            if program.has_shortcut:
                biased = Signal(signed(program.score_bits), name=f"biased_{i}")
                m.d.sync += biased.eq(total)
                upscale = later(m, upscale, 1, name="later_upscale")
                added = later(m, m.submodules.shortcut.products[i], scaling)
                if program.upscale_bits:
                    added <<= upscale
                total = biased + added
            m.d.sync += [
                count.eq(counted),
                sums[i].eq(total),
                shifts[i].eq(layer.right_shift + upscale),
            ]
        self._put_scores(m, words[3 + delay], sums)

        # Cycles 5 and 6: requantise; 6: pool; 7: store.
        word, maxima = words[5 + delay], []
        for i in range(width):
            m.submodules[f"requantise_{i}"] = requantise = Requantise(
                accumulator_bits=program.score_bits,
                left_shift=program.left_shift,
                right_shift_bits=len(shifts[i]),
                bits=program.network.bits,
            )
            m.submodules[f"max_pool_{i}"] = max_pool = MaxPool(
                num_channels=turns, bits=program.network.bits
            )
            m.d.comb += [
                requantise.accumulator.eq(sums[i]),
                requantise.right_shift.eq(shifts[i]),
                max_pool.valid.eq(word.valid),
                max_pool.first.eq(word.first),
                max_pool.value.eq(kept_bits(m, self, requantise.activation)),
            ]
            maxima.append(max_pool.maximum)
        stored = word.complete & ~layer.scores
        enables = rotated([exists & stored for exists in word.exists], -word.rotation)
        numbers = rotated(maxima, -word.rotation)
        for bank in range(width):
            address = self._beyond(word, bank, word.rotation)
            m.d.sync += [
                self.store.enable[bank].eq(enables[bank]),
                self.store.number[bank].eq(numbers[bank]),
                self.store.address[bank].eq(address),
            ]
        m.d.sync += self.finished.eq(word.layer_end)
        return m

    def _put_scores(self, m: Module, word: data.View, sums: data.View) -> None:
        """Scores to their banks, which need no rotation but for the phase of their channels."""
        width, scores = self.program.width, self.scores
        phase = word.phase if self.program.has_store_phases else None
        enables = [exists & self.descriptor.scores for exists in word.exists]
        numbers = [sums[i] for i in range(width)]
        if phase is not None:
            enables, numbers = (rotated(values, -phase) for values in (enables, numbers))
        for bank in range(width):
            address = word.address if phase is None else self._beyond(word, bank, phase)
            m.d.comb += [
                scores.enable[bank].eq(enables[bank]),
                scores.number[bank].eq(numbers[bank]),
                scores.address[bank].eq(address),
            ]

    def _beyond(self, word: data.View, bank: int, rotation: Value) -> Value:
        """Address of a bank: channels that lie beyond a word are in the next plane."""
        if not self.program.has_store_phases:
            return word.address
        beyond = lane_of(bank, rotation) + word.phase >= self.program.width
        return word.address + Mux(beyond, self.descriptor.plane, 0)

    def _counted_too_much(self, m: Module, lane: int, turn: Signal, turns: int) -> Value:
        """L for each negative weight of the neuron that leaves in this cycle."""
        width = self.program.width
        held = Signal.like(self.negatives, name="held_negatives")
        with m.If(self.done):
            m.d.sync += held.eq(self.negatives)
        negatives = Signal.like(held[0], name="negatives_of_channel")
        m.d.comb += negatives.eq(held[lane])
        with m.Switch(turn):
            for t in range(1, turns):
                with m.Case(t):
                    m.d.comb += negatives.eq(held[t * width + lane])
        networks = self.program.prefixes.values()
        lengths = sorted({layer.stream_length for each in networks for layer in each.layers})
        shifted = [negatives << length.bit_length() - 1 for length in lengths]
        chosen = shifted[0]
        for length, value in zip(lengths[1:], shifted[1:], strict=True):
            chosen = Mux(self.descriptor.last_cycle == length - 1, value, chosen)
        return chosen

    def _word(
        self, m: Module, busy: Signal, turn: Signal, tile_end: Signal, turns: int
    ) -> data.View:
        """Which neurons leave in this cycle, and where they belong; ``turn`` counts in P / W."""
        layer, program, width = self.descriptor, self.program, self.program.width
        word = Signal(
            data.StructLayout(
                {
                    "valid": 1,
                    "exists": data.ArrayLayout(1, width),  # not what only completes a tile
                    "first": 1,  # of their pooling window
                    "complete": 1,  # last of their pooling window
                    "layer_end": 1,
                    "address": program.result_address_bits,
                    "rotation": range(width),
                    "phase": range(width),
                }
            )
        )
        pixel = Signal.like(layer.last_plane)
        column = Signal.like(layer.last_out_column)
        window = Signal.like(layer.last_window)
        exhausted, tiles_end, position_end, group_end = (
            Signal(name=name) for name in ("exhausted", "tiles_end", "position_end", "group_end")
        )
        position_tile = Signal.like(layer.last_position_tile)
        channel_tile = Signal.like(layer.last_channel_tile)
        # Of the group's channels, and of all; of all slots of biases, in words.
        largest = max(each.group_channels for each in program.network.layers)
        members = range(largest + program.array.channels + width)
        member, tile_member = Signal(members), Signal(members)
        biases, tile_biases = (
            Signal.like(self.bias_address, name=name) for name in ("biases", "tile_biases")
        )
        m.submodules.words = words = ChannelWords(
            address_bits=program.result_address_bits,
            width=width,
            groups=program.has_groups,
            phases=program.has_store_phases,
        )
        m.d.comb += [
            words.restart.eq(self.restart),
            words.step.eq(busy),
            words.position_end.eq(position_end),
            words.tiles_end.eq(tiles_end),
            words.group_end.eq(group_end),
            words.plane.eq(layer.plane),
            words.base.eq(layer.out_base),
        ]
        if program.has_groups:
            m.d.comb += [
                words.group_step.eq(layer.store_group_step),
                group_end.eq(member + width > layer.last_out_channel),
            ]
        if program.has_store_phases:
            m.d.comb += [
                words.first_phase.eq(layer.store_phase),
                words.group_phase.eq(layer.store_group_phase),
            ]
        there = [member + lane <= layer.last_out_channel for lane in range(width)]
        m.d.comb += [
            self.bias_address.eq(biases),
            position_end.eq(turn == turns - 1),
            tiles_end.eq(tile_end & (position_tile == layer.last_position_tile)),
            word.valid.eq(busy),
            word.exists.eq(Mux(busy & ~exhausted, Cat(there), 0)),
            word.first.eq(window == 0),
            word.complete.eq(window == layer.last_window),
            word.layer_end.eq(tiles_end & (channel_tile == layer.last_channel_tile)),
            word.address.eq(words.address + pixel),
            word.rotation.eq(column + words.phase),
            word.phase.eq(words.phase),
        ]
        following_biases, following_member = Signal.like(biases), Signal.like(member)
        m.d.comb += [
            following_biases.eq(biases + 1),
            following_member.eq(Mux(group_end, 0, member + width)),
        ]
        with m.If(busy):
            m.d.sync += [turn.eq(turn + 1), biases.eq(following_biases), member.eq(member + width)]
            with m.If(position_end):
                # All channels of a position have left.
                m.d.sync += [
                    turn.eq(0),
                    biases.eq(tile_biases),
                    member.eq(tile_member),
                    window.eq(Mux(word.complete, 0, window + 1)),
                    exhausted.eq(exhausted | (word.complete & (pixel == layer.last_plane))),
                ]
                with m.If(word.complete):
                    last = column == layer.last_out_column
                    m.d.sync += [pixel.eq(pixel + 1), column.eq(Mux(last, 0, column + 1))]
            with m.If(tile_end):
                m.d.sync += position_tile.eq(position_tile + 1)
            with m.If(tiles_end):
                # All positions of a tile of channels have left.
                m.d.sync += [
                    biases.eq(following_biases),
                    tile_biases.eq(following_biases),
                    member.eq(following_member),
                    tile_member.eq(following_member),
                    channel_tile.eq(channel_tile + 1),
                    position_tile.eq(0),
                    pixel.eq(0),
                    column.eq(0),
                    window.eq(0),
                    exhausted.eq(0),
                ]
        with m.If(self.restart):
            m.d.sync += [
                turn.eq(0),
                biases.eq(layer.bias_base),
                tile_biases.eq(layer.bias_base),
                member.eq(0),
                tile_member.eq(0),
                channel_tile.eq(0),
                position_tile.eq(0),
                pixel.eq(0),
                column.eq(0),
                window.eq(0),
                exhausted.eq(0),
            ]
        if program.has_shortcut:
            channel = self._channel(m, busy, position_end, tiles_end, group_end)
            m.submodules.shortcut = shortcut = WideShortcut(program)
            m.d.comb += [
                shortcut.descriptor.eq(layer),
                shortcut.restart.eq(self.restart),
                shortcut.step.eq(busy),
                shortcut.position_end.eq(position_end),
                shortcut.tiles_end.eq(tiles_end),
                shortcut.group_end.eq(group_end),
                shortcut.channel.eq(channel),
                self.shortcut_addresses.eq(shortcut.addresses),
                *(
                    own.eq(kept_bits(m, self, number))
                    for own, number in zip(
                        shortcut.activations, self.shortcut_activations, strict=True
                    )
                ),
            ]
        return word

    def _channel(
        self, m: Module, busy: Value, position_end: Value, tiles_end: Value, group_end: Value
    ) -> Value:
        """The first channel of those that leave."""
        channels = channel_range(self.program)
        channel, tile, group, following, next_group = (
            Signal(channels, name=name)
            for name in ("channel", "tile_channel", "group_channel", "following", "next_group")
        )
        m.d.comb += [
            next_group.eq(group + self.descriptor.last_out_channel + 1),
            following.eq(Mux(group_end, next_group, channel + self.program.width)),
        ]
        with m.If(busy):
            m.d.sync += channel.eq(channel + self.program.width)
            with m.If(position_end):
                m.d.sync += channel.eq(tile)
            with m.If(tiles_end):
                m.d.sync += [channel.eq(following), tile.eq(following)]
                with m.If(group_end):
                    m.d.sync += group.eq(next_group)
        with m.If(self.restart):
            m.d.sync += [channel.eq(0), tile.eq(0), group.eq(0)]
        return channel
