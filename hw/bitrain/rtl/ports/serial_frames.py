"""The frames of the serial link: bytes to pixels, scores to bytes."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, stream
from amaranth.lib.crc import catalog
from amaranth.lib.wiring import Component, In, Out

from bitrain.host.serial_link import (
    BROKEN,
    BROKEN_REPLY_BYTES,
    CLASS_BYTES,
    CYCLES_BYTES,
    INTACT,
    OF_BYTES,
    REPLY,
    REQUEST,
    SerialLink,
)

from ..engine.layouts import activation_shape


class SerialFrames(Component):
    """Takes requests and sends replies, as ``bitrain.host.serial_link`` defines them.

    ::

        HUNT ─► PIXELS ─► CHECK ─► WAIT ─► HEAD ─► BYTES ◄─► SCORE
         ▲         │        │               ▲        └─► SUM ─┐
         │         └────────┴── broken ─────┘                 │
         └────────────────────────────────────────────────────┘

    The pixels go to the accelerator as they come in; a request that turns out broken is undone by
    a reset.

    Parameters
    ----------
    link
        Sizes of the frames.
    gap_cycles
        Longest rest between two bytes of a request, in cycles.

    Members
    -------
    byte : In(8), byte_valid : In(1), byte_error : In(1)
        From the receiver.
    bytes : Out(stream of 8 bits)
        To the transmitter.
    pixels : Out(stream of n + 1 bits), scores : In(stream of {score, last})
        To and from the accelerator, which takes pixels at any time until it has an image.
    class_index : In(16), cycles : In(32)
        From the accelerator, valid with its first score.
    abort : Out(1)
        Reset of the accelerator, for one cycle.
    """

    def __init__(self, link: SerialLink, *, gap_cycles: int):
        self.link = link
        self.gap_cycles = gap_cycles
        score = data.StructLayout({"score": signed(link.score_bits), "last": 1})
        super().__init__(
            {
                "byte": In(8),
                "byte_valid": In(1),
                "byte_error": In(1),
                "bytes": Out(stream.Signature(8)),
                "pixels": Out(stream.Signature(activation_shape(link.bits))),
                "scores": In(stream.Signature(score)),
                "class_index": In(8 * CLASS_BYTES),
                "cycles": In(unsigned(8 * CYCLES_BYTES)),
                "abort": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        link = self.link
        of = Signal(8 * OF_BYTES)
        head = Cat(Const(REPLY, 8), Const(INTACT, 8), of, self.class_index, self.cycles)
        refusal = Cat(Const(REPLY, 8), Const(BROKEN, 8))
        head_bytes = len(head) // 8

        m.submodules.check = check = catalog.CRC8_SMBUS().create()
        gap = Signal(range(self.gap_cycles + 1))
        failed = Signal()
        m.d.comb += [
            check.data.eq(self.byte),
            failed.eq(self.byte_error | (gap == self.gap_cycles)),
        ]
        m.d.sync += gap.eq(Mux(self.byte_valid, 0, gap + 1))

        # Pixels: the bytes before the last wait in ``low``.
        low = Signal(8 * (link.pixel_bytes - 1))
        part = Signal(range(max(2, link.pixel_bytes)))
        pixel = Signal(range(max(2, link.num_pixels)))
        whole = Cat(low, self.byte)
        m.d.comb += self.pixels.payload.eq(whole)

        # Replies: the next bytes are in ``shift``, the first of them the lowest.
        shift = Signal(8 * max(head_bytes, link.score_bytes))
        left = Signal(range(len(shift) // 8 + 1))
        over = Signal()
        m.d.comb += self.bytes.payload.eq(shift[:8])

        with m.FSM():
            with m.State("HUNT"):
                m.d.comb += check.start.eq(1)
                m.d.sync += [part.eq(0), pixel.eq(0), gap.eq(0), over.eq(0)]
                with m.If(self.byte_valid & (self.byte == REQUEST)):
                    m.d.comb += check.valid.eq(1)
                    m.next = "PIXELS"
            with m.State("PIXELS"):
                m.d.comb += check.valid.eq(self.byte_valid)
                with m.If(self.byte_valid):
                    m.d.sync += [part.eq(part + 1), low.eq(whole[8:])]
                    with m.If(part == link.pixel_bytes - 1):
                        m.d.comb += self.pixels.valid.eq(1)
                        m.d.sync += [part.eq(0), pixel.eq(pixel + 1)]
                        with m.If(pixel == link.num_pixels - 1):
                            m.next = "CHECK"
                with m.If(failed):
                    m.next = "BROKEN"
            with m.State("CHECK"):
                with m.If(self.byte_valid):
                    m.d.sync += of.eq(self.byte)
                    m.next = "WAIT"
                    with m.If(self.byte != check.crc):
                        m.next = "BROKEN"
                with m.If(failed):
                    m.next = "BROKEN"
            with m.State("BROKEN"):
                m.d.comb += [self.abort.eq(1), check.start.eq(1)]
                m.d.sync += [shift.eq(refusal), left.eq(BROKEN_REPLY_BYTES - 1), over.eq(1)]
                m.next = "BYTES"
            with m.State("WAIT"):
                m.d.comb += check.start.eq(1)
                m.d.sync += [shift.eq(head), left.eq(head_bytes)]
                with m.If(self.scores.valid):
                    m.next = "BYTES"
            with m.State("BYTES"):
                m.d.comb += [self.bytes.valid.eq(1), check.data.eq(shift[:8])]
                with m.If(self.bytes.ready):
                    m.d.comb += check.valid.eq(1)
                    m.d.sync += [shift.eq(shift >> 8), left.eq(left - 1)]
                    with m.If(left == 1):
                        m.next = "SCORE"
                        with m.If(over):
                            m.next = "SUM"
            with m.State("SCORE"):
                m.d.comb += self.scores.ready.eq(1)
                m.d.sync += [
                    shift.eq(self.scores.payload.score),
                    left.eq(link.score_bytes),
                    over.eq(self.scores.payload.last),
                ]
                with m.If(self.scores.valid):
                    m.next = "BYTES"
            with m.State("SUM"):
                m.d.comb += [self.bytes.valid.eq(1), self.bytes.payload.eq(check.crc)]
                with m.If(self.bytes.ready):
                    m.next = "HUNT"
        return m
