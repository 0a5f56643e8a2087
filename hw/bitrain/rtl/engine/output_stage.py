"""Write-back: from a tile's counts to stored activations or scores."""

from typing import Any

from amaranth.hdl import Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from bitrain.program import Program

from .layouts import activation_shape, descriptor_layout, negatives_layout
from .max_pool import MaxPool
from .precision_bias import PrecisionBias
from .prefix_bias import PrefixBias
from .requantise import Requantise
from .shortcut import Shortcut


class OutputStage(Component):
    """Takes P Q counts at once and finishes one per cycle: bias, ReLU, requantise, pool, store.

    ::

        counts ─►│shift│─►│ │─► + bias ─►│A│─► requantise ─► max pool ─►│store│
        cycle 0     1      2       3       4         5, 6                  7
                                           └─► score

    Programs with a shortcut add it to the biased count, which takes a cycle more:

    ::

        … + bias ─►│biased│─► + shortcut · 2^upscale ─►│A│─► …
             3        4                                 5

    Programs with a run-time length scale the bias first (:class:`PrefixBias`,
    :class:`PrecisionBias`): three cycles more.

    Latency: the first result is stored 7 cycles after ``done`` (a score after 4), one later with
    shortcuts in the program, three later with a run-time length, the others one per cycle;
    ``finished`` comes with the store of the layer's last neuron.

    Members
    -------
    descriptor : In(descriptor)
        Stable from ``restart`` on.
    restart : In(1)
        Begin a layer.
    done : In(1), counts : In(ArrayLayout(count_bits, P Q))
        From the array, P Q cycles apart at the least; counts go on from tile to tile, but in
        programs with layers in stream mode.
    bias_address : Out(…), bias : In(bias_word_bits)
        Bias ROM, read in one cycle: bias, and upscale above it.
    shortcut_address : Out(address), shortcut_activation : In(n + 1)
        Activation RAM, read in one cycle; only in programs with a shortcut.
    lost : In(…)
        Bits that sums of streams lose in a shorter run, or numbers of bit-serial integers; only in
        programs with a run-time length.
    negatives : In(ArrayLayout(…, P))
        With ``done``, negative weights that the tile has met; only where zeros are skipped.
    store : Out(1), store_address : Out(address), activation : Out(n + 1)
        To the activation RAM.
    score_valid : Out(1), score_index : Out(…), score : Out(signed(score_bits))
        A score, in the order of tiles.
    finished : Out(1)
        The layer is done.
    """

    def __init__(self, program: Program):
        self.program = program
        self.descriptor_layout = descriptor_layout(program)
        score_bits = program.score_bits
        activation = activation_shape(program.network.bits)
        super().__init__(
            {
                "descriptor": In(self.descriptor_layout),
                "restart": In(1),
                "done": In(1),
                "counts": In(data.ArrayLayout(program.count_bits, program.array.neurons)),
                "bias_address": Out(range(max(2, len(program.bias_words)))),
                "bias": In(program.bias_word_bits),
                "store": Out(1),
                "store_address": Out(program.address_bits),
                "activation": Out(activation),
                "score_valid": Out(1),
                "score_index": Out(range(max(2, program.network.num_scores))),
                "score": Out(signed(score_bits)),
                "finished": Out(1),
            }
            | (
                {
                    "shortcut_address": Out(program.address_bits),
                    "shortcut_activation": In(activation),
                }
                if program.has_shortcut
                else {}
            )
            | ({"lost": In(range(program.longest.bit_length()))} if program.run_time_length else {})
            | ({"negatives": In(negatives_layout(program))} if program.skip_zeros else {})
        )

    def elaborate(self, platform):
        m = Module()
        layer, program = self.descriptor, self.program
        score_bits = program.score_bits
        num_channels, num_neurons = program.array.channels, program.array.neurons

        # Cycle 1: the results shift out, position by position.
        leaving = Signal(data.ArrayLayout(program.count_bits, num_neurons))
        remaining = Signal(range(num_neurons + 1))
        busy, tile_end = Signal(), Signal()
        m.d.comb += [busy.eq(remaining != 0), tile_end.eq(remaining == 1)]
        with m.If(busy):
            m.d.sync += remaining.eq(remaining - 1)
            m.d.sync += [leaving[i].eq(leaving[i + 1]) for i in range(num_neurons - 1)]
        with m.If(self.done):
            m.d.sync += [remaining.eq(num_neurons), leaving.eq(self.counts)]
        counted = leaving[0]
        if not program.stream_layers:
            # Counts of the tile before shift along; they return to the end as they leave.
            earlier = Signal.like(leaving)
            with m.If(busy):
                m.d.sync += [earlier[i].eq(earlier[i + 1]) for i in range(num_neurons - 1)]
                m.d.sync += earlier[num_neurons - 1].eq(leaving[0])
            counted = leaving[0] - earlier[0]
        turn = Signal(range(max(2, num_channels)))
        neuron = self._neuron(m, busy, turn, tile_end)

        # Cycle 2: the bias arrives, 3: in a register, as memories are slow, 4: the accumulator's
        # value is known. The scaling of a bias and a shortcut, which comes as the biased count
        # does, delay all that follows.
        count = Signal(program.count_bits)
        if program.skip_zeros:
            count = Signal(signed(score_bits), name="count")
            counted = counted[: program.count_bits] - self._counted_too_much(m, turn)
        scaling = 3 * program.run_time_length
        delay = scaling + program.has_shortcut
        neurons = [neuron]
        for cycle in range(2, 7 + delay):
            neurons.append(Signal.like(neuron, name=f"neuron_{cycle}"))
            m.d.sync += neurons[-1].eq(neurons[-2])
        word = later(m, self.bias, 1, name="bias_word")
        bias, upscale = bias_of(m, "prefix_bias", self, word)
        upscale = later(m, upscale, scaling)
        right_shift = Signal(range(max(2, program.largest_right_shift + 1)))
        accumulator = later(m, count, 1 + scaling) + bias
        if program.has_shortcut:
            biased = Signal.like(self.score, name="added")
            added = later(m, m.submodules.shortcut.product, scaling)
            m.d.sync += biased.eq(accumulator)
            upscale = later(m, upscale, 1, name="later_upscale")
            if program.upscale_bits:
                added <<= upscale
            accumulator = biased + added
        m.d.sync += [
            count.eq(counted),
            self.score.eq(accumulator),
            right_shift.eq(layer.right_shift + upscale),
        ]
        m.d.comb += [
            self.score_valid.eq(neurons[3 + delay].exists & layer.scores),
            self.score_index.eq(neurons[3 + delay].address),
        ]

        # Cycles 5 and 6: requantise; 6: pool; 7: store.
        m.submodules.requantise = requantise = Requantise(
            accumulator_bits=program.score_bits,
            left_shift=program.left_shift,
            right_shift_bits=len(right_shift),
            bits=program.network.bits,
        )
        m.submodules.max_pool = max_pool = MaxPool(
            num_channels=num_channels, bits=program.network.bits
        )
        neuron = neurons[5 + delay]
        m.d.comb += [
            requantise.accumulator.eq(self.score),
            requantise.right_shift.eq(right_shift),
            max_pool.valid.eq(neuron.valid),
            max_pool.first.eq(neuron.first),
            max_pool.value.eq(kept_bits(m, self, requantise.activation)),
        ]
        m.d.sync += [
            self.store.eq(neuron.exists & neuron.complete & ~layer.scores),
            self.store_address.eq(neuron.address),
            self.activation.eq(max_pool.maximum),
            self.finished.eq(neuron.layer_end),
        ]
        return m

    def _counted_too_much(self, m: Module, turn: Signal) -> Value:
        """L for each negative weight of the neuron that leaves in this cycle."""
        held = Signal.like(self.negatives, name="held_negatives")
        with m.If(self.done):
            m.d.sync += held.eq(self.negatives)
        negatives = Signal.like(held[0], name="negatives_of_channel")
        m.d.comb += negatives.eq(held[0])
        with m.Switch(turn):
            for p in range(1, len(held)):
                with m.Case(p):
                    m.d.comb += negatives.eq(held[p])
        networks = self.program.prefixes.values()
        lengths = sorted({layer.stream_length for each in networks for layer in each.layers})
        shifted = [negatives << length.bit_length() - 1 for length in lengths]
        chosen = shifted[0]
        for length, value in zip(lengths[1:], shifted[1:], strict=True):
            chosen = Mux(self.descriptor.last_cycle == length - 1, value, chosen)
        return chosen

    def _neuron(self, m: Module, busy: Signal, turn: Signal, tile_end: Signal) -> data.View:
        """Which neuron leaves in this cycle, and where it belongs; ``turn`` counts channels."""
        layer, program = self.descriptor, self.program
        num_channels = program.array.channels
        address_bits = max(program.address_bits, len(self.score_index))
        neuron = Signal(
            data.StructLayout(
                {
                    "valid": 1,
                    "exists": 1,  # not one that only completes a tile
                    "first": 1,  # of its pooling window
                    "complete": 1,  # last of its pooling window
                    "layer_end": 1,
                    "address": address_bits,
                }
            )
        )
        channel, tile_channel = (
            Signal(range(len(program.bias_words) + 1), name=name)
            for name in ("channel", "tile_channel")
        )
        plane, tile_plane = (Signal(address_bits, name=name) for name in ("plane", "tile_plane"))
        pixel = Signal.like(layer.last_plane)
        window = Signal.like(layer.last_window)
        exhausted = Signal()
        position_tile = Signal.like(layer.last_position_tile)
        channel_tile = Signal.like(layer.last_channel_tile)
        tiles_end = Signal()
        position_end = turn == num_channels - 1
        if program.has_groups:
            exists, last = self._membership(m, busy, position_end, tiles_end)
        else:
            exists, last = channel <= layer.last_out_channel, Const(0, 1)
        if program.has_shortcut:
            m.submodules.shortcut = shortcut = Shortcut(program)
            m.d.comb += [
                shortcut.descriptor.eq(layer),
                shortcut.restart.eq(self.restart),
                shortcut.step.eq(busy),
                shortcut.last.eq(last),
                shortcut.position_end.eq(position_end),
                shortcut.tiles_end.eq(tiles_end),
                shortcut.channel.eq(channel),
                self.shortcut_address.eq(shortcut.address),
                shortcut.activation.eq(kept_bits(m, self, self.shortcut_activation)),
            ]
        m.d.comb += [
            self.bias_address.eq(layer.bias_base + channel),
            tiles_end.eq(tile_end & (position_tile == layer.last_position_tile)),
            neuron.valid.eq(busy),
            neuron.exists.eq(busy & ~exhausted & exists),
            neuron.first.eq(window == 0),
            neuron.complete.eq(window == layer.last_window),
            neuron.layer_end.eq(tiles_end & (channel_tile == layer.last_channel_tile)),
            neuron.address.eq(plane + pixel),
        ]
        following_channel, following_plane = Signal.like(channel), Signal.like(plane)
        m.d.comb += [following_channel.eq(channel + 1), following_plane.eq(plane + layer.plane)]
        with m.If(busy):
            m.d.sync += turn.eq(turn + 1)
            with m.If(~last):
                m.d.sync += [channel.eq(following_channel), plane.eq(following_plane)]
            with m.If(position_end):
                # All channels of a position have left.
                m.d.sync += [
                    turn.eq(0),
                    channel.eq(tile_channel),
                    plane.eq(tile_plane),
                    window.eq(Mux(neuron.complete, 0, window + 1)),
                    pixel.eq(pixel + neuron.complete),
                    exhausted.eq(exhausted | (neuron.complete & (pixel == layer.last_plane))),
                ]
            with m.If(tile_end):
                m.d.sync += position_tile.eq(position_tile + 1)
            with m.If(tiles_end):
                # All positions of a tile of channels have left.
                m.d.sync += [
                    channel.eq(following_channel),
                    tile_channel.eq(following_channel),
                    plane.eq(following_plane),
                    tile_plane.eq(following_plane),
                    channel_tile.eq(channel_tile + 1),
                    position_tile.eq(0),
                    pixel.eq(0),
                    window.eq(0),
                    exhausted.eq(0),
                ]
        with m.If(self.restart):
            m.d.sync += [
                turn.eq(0),
                channel.eq(0),
                tile_channel.eq(0),
                plane.eq(layer.out_base),
                tile_plane.eq(layer.out_base),
                channel_tile.eq(0),
                position_tile.eq(0),
                pixel.eq(0),
                window.eq(0),
                exhausted.eq(0),
            ]
        return neuron

    def _membership(
        self, m: Module, busy: Value, position_end: Value, tiles_end: Value
    ) -> tuple[Value, Value]:
        """Whether the leaving neuron's channel exists in its group, and has none after it there."""
        layer, program = self.descriptor, self.program
        largest = max(layer.group_channels for layer in program.network.layers)
        slots = range(largest + program.array.channels)
        member, tile_member = Signal(slots, name="member"), Signal(slots, name="tile_member")
        following, last = Signal(slots), Signal()
        m.d.comb += [
            last.eq(member >= layer.last_out_channel),
            following.eq(Mux(last, 0, member + 1)),
        ]
        with m.If(busy):
            m.d.sync += member.eq(member + 1)
            with m.If(position_end):
                m.d.sync += member.eq(tile_member)
            with m.If(tiles_end):
                m.d.sync += [member.eq(following), tile_member.eq(following)]
        with m.If(self.restart):
            m.d.sync += [member.eq(0), tile_member.eq(0)]
        return member <= layer.last_out_channel, last


def later(m: Module, value: Value, cycles: int, name: str = "later") -> Value:
    """``value`` after some cycles."""
    for _ in range(cycles if len(value) else 0):  # Verilog has no signals of no bits
        register = Signal(value.shape(), name=name)
        m.d.sync += register.eq(value)
        value = register
    return value


def bias_of(m: Module, name: str, stage: Any, word: Value) -> tuple[Value, Value]:
    """Bias and upscale in a channel's word of the bias ROM, scaled for the run at work.

    stage: an output stage, of either kind.
    """
    program = stage.program
    start = program.score_bits + program.upscale_bits
    bias, upscale = word[: program.score_bits].as_signed(), word[program.score_bits : start]
    if not program.run_time_length:
        return bias, upscale
    scale = PrefixBias(program) if program.array.rules.has_streams else PrecisionBias(program)
    m.submodules[name] = scale
    m.d.comb += [
        scale.descriptor.eq(stage.descriptor),
        scale.lost.eq(stage.lost),
        scale.word.eq(bias),
        scale.upscale.eq(upscale),
    ]
    if isinstance(scale, PrecisionBias):
        m.d.comb += scale.negatives.eq(word[start:])
    return scale.scaled, upscale


def kept_bits(m: Module, stage: Any, activation: Value) -> Value:
    """The bits of an activation that the run at work has, all of them with streams."""
    if not stage.program.negative_bits:
        return activation
    kept = Signal(len(activation), name="kept")
    m.d.sync += kept.eq(~0 << stage.lost)
    return activation & kept
