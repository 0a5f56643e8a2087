"""Weight buffer: two tiles of weights, one of which is read while the other comes in."""

from itertools import pairwise

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream
from amaranth.lib.wiring import Component, In, Out

from bitrain.program import Program

from .layouts import weight_beat, weight_reading
from .memories import ram, rom


class WeightBuffer(Component):
    r"""Takes the weights of a run as a frame of beats, tile after tile of channels.

    A frame has the weight words of all layers in their order, each in as many beats as it takes,
    the lowest bits first, and the last beat is marked. A tile can be read as soon as its last word
    has come, and its half of the buffer is filled again as soon as it has been read. So a run may
    have begun when its frame turns out to be broken::

        beats.last  ____________/‾‾\______      in the midst of a frame
        early       ____________/‾‾\______
        abort       _______________/‾‾\___      if the run has begun on it

    What has come of a broken frame is dropped, and of one that goes on too long everything up to
    its mark; a run that has begun on it is aborted, and begins again with the next frame. Tiles of
    the frame before stay.

    Latency: a tile is ready in the cycle after that in which its last beat is taken, and its half
    takes beats in the cycle after ``end``.

    Members
    -------
    beats : In(stream of {data, last})
    weights : In(signature)
        To the engine.
    abort : Out(1)
        The run at work has read a frame that is broken: the engine is reset in this cycle.
    early, missing : Out(1)
        For a cycle: a frame ended early, or did not end where it should.
    """

    def __init__(self, program: Program):
        self.program = program
        super().__init__(
            {
                "beats": In(stream.Signature(weight_beat(program))),
                "weights": In(weight_reading(program)),
                "abort": Out(1),
                "early": Out(1),
                "missing": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        program, tile_port = self.program, self.weights.tile
        half = program.weight_depth // 2
        m.submodules.memory = memory = ram(unsigned(program.weight_word_bits), program.weight_depth)
        read, write = memory.read_port(), memory.write_port()
        m.d.comb += [
            read.addr.eq(self.weights.address),
            read.en.eq(self.weights.enable),
            self.weights.word.eq(read.data),
        ]

        # The place of the beat that comes: part of a word of a tile of a layer.
        sizes = data.StructLayout(
            {
                "word": range(max(2, half)),
                "tile": range(max(2, *(tiling.channel_tiles for tiling in program.tilings))),
            }
        )
        counts = zip(program.tilings, program.weight_tiles, strict=True)
        m.submodules.sizes = size_rom = rom(
            sizes,
            [
                sizes.const({"word": words - 1, "tile": tiling.channel_tiles - 1}).as_value().value
                for tiling, words in counts
            ],
        )
        size_port = size_rom.read_port()
        last = data.View(sizes, size_port.data)
        num_layers, num_parts = len(program.tilings), program.weight_parts
        part, layer = Signal(range(max(2, num_parts))), Signal(range(max(2, num_layers)))
        word, tile = Signal.like(last.word), Signal.like(last.tile)
        next_layer = Signal.like(layer)
        m.d.comb += [next_layer.eq(layer), size_port.addr.eq(next_layer)]
        taken, ends_word, ends_tile, ends_layer, ends_frame = (
            Signal(name=name)
            for name in ("taken", "ends_word", "ends_tile", "ends_layer", "ends_frame")
        )
        beat = self.beats.payload
        m.d.comb += [
            ends_word.eq(part == num_parts - 1),
            ends_tile.eq(ends_word & (word == last.word)),
            ends_layer.eq(ends_tile & (tile == last.tile)),
            ends_frame.eq(ends_layer & (layer == num_layers - 1)),
        ]

        # Tiles that lie in the buffer, those of them that nobody has begun, and those of these that
        # are of an earlier frame than the one that comes in.
        held, waiting, earlier = (
            Signal(range(3), name=name) for name in ("held", "waiting", "earlier")
        )
        # The half that is filled, that in which the frame began, and that which is read next.
        filled, frame_filled, second = (
            Signal(name=name) for name in ("filled", "frame_filled", "second")
        )
        used, complete, dropping, goes_on = (
            Signal(name=name) for name in ("used", "complete", "dropping", "goes_on")
        )
        m.d.comb += [
            tile_port.ready.eq((waiting != 0) & ~dropping),
            tile_port.second.eq(second),
            complete.eq(taken & ends_tile & ~self.early & ~self.missing),
        ]
        begun = tile_port.begin
        m.d.sync += [
            held.eq(held + complete - tile_port.end),
            waiting.eq(waiting + complete - begun),
            earlier.eq(earlier - (begun & (earlier != 0))),
            filled.eq(filled ^ complete),
            second.eq(second ^ begun),
            used.eq(used | (begun & (earlier == 0))),
        ]

        # Words go to the memory a cycle after their last beat.
        parts = [Signal(program.weight_beat, name=f"part_{i}") for i in range(num_parts - 1)]
        m.d.sync += [
            write.en.eq(taken & ends_word),
            write.addr.eq(Mux(filled, half, 0) + word),
            write.data.eq(Cat(*parts, beat.data)),
        ]
        with m.If(taken):
            m.d.sync += [kept.eq(later) for kept, later in pairwise([*parts, beat.data])]
            m.d.sync += part.eq(part + 1)
            with m.If(ends_word):
                m.d.sync += [part.eq(0), word.eq(word + 1)]
            with m.If(ends_tile):
                m.d.sync += [word.eq(0), tile.eq(tile + 1)]
            with m.If(ends_layer):
                m.d.sync += tile.eq(0)
                m.d.comb += next_layer.eq(layer + 1)
            with m.If(ends_frame):
                m.d.comb += next_layer.eq(0)
        with m.If(complete & ends_frame):
            m.d.sync += [
                earlier.eq(waiting + 1 - begun),
                frame_filled.eq(~filled),
                used.eq(0),
            ]
        m.d.sync += layer.eq(next_layer)

        # After reset the sizes of the first layer are still to be read.
        with m.FSM(init="DROP"):
            with m.State("PASS"):
                m.d.comb += [
                    self.beats.ready.eq(held != 2),
                    taken.eq(self.beats.valid & self.beats.ready),
                    self.early.eq(taken & beat.last & ~ends_frame),
                    self.missing.eq(taken & ~beat.last & ends_frame),
                ]
                m.d.sync += goes_on.eq(self.missing)
                with m.If(self.early | self.missing):
                    m.next = "DROP"
            with m.State("DROP"):
                m.d.comb += [dropping.eq(1), self.abort.eq(used), next_layer.eq(0)]
                m.d.sync += [part.eq(0), word.eq(0), tile.eq(0), used.eq(0)]
                m.d.sync += [
                    waiting.eq(earlier),
                    held.eq(held - tile_port.end - waiting + earlier),
                    filled.eq(frame_filled),
                ]
                with m.If(used):
                    m.d.sync += [
                        number.eq(0)
                        for number in (held, waiting, earlier, filled, frame_filled, second)
                    ]
                m.next = "PASS"
                with m.If(goes_on):
                    m.next = "SWALLOW"
            with m.State("SWALLOW"):
                m.d.comb += self.beats.ready.eq(1)
                with m.If(self.beats.valid & beat.last):
                    m.next = "PASS"
        return m
