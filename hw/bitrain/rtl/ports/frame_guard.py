"""Frame guard: lets frames of the right length through, and drops all others."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream
from amaranth.lib.wiring import Component, In, Out

from bitrain.program.memory_map import beats
from bitrain.spec import Network

from ..engine.layouts import activation_shape, wide


class FrameGuard(Component):
    r"""Makes images of frames whose end is marked.

    A frame is as many words as an image has pixels, or beats of W, the last marked. One that ends
    before has been passed on in part, and is called back by ``rewind``; of one that goes on, the
    last pixel is held back and everything up to the marked word swallowed. Either way the next word
    begins a frame.

    ::

        words.last  ____________/‾‾\______      a frame of 8 words
        pixels      ‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾\______
        early       ____________/‾‾\______
        rewind      ____________/‾‾\______

    Latency: none; one word per cycle.

    Members
    -------
    enable : In(1)
        Frames may begin.
    words : In(stream of {pixel, last})
    pixels : Out(stream of n + 1 bits), or of beats of these
    rewind : Out(1)
        What was passed on since the last image's end is void, this cycle's pixel with it.
    early, missing : Out(1)
        For a cycle: a frame ended early, or did not end where it should.
    """

    def __init__(self, network: Network, width: int = 1):
        self.num_pixels = beats(network.in_shape, width)
        pixel = wide(activation_shape(network.bits), width)
        word = data.StructLayout({"pixel": pixel, "last": 1})
        super().__init__(
            {
                "enable": In(1),
                "words": In(stream.Signature(word)),
                "pixels": Out(stream.Signature(pixel)),
                "rewind": Out(1),
                "early": Out(1),
                "missing": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        index = Signal(range(max(2, self.num_pixels)))
        # Whether the pixel that comes is the last, and whether any has come.
        final, begun = Signal(init=self.num_pixels == 1), Signal()
        taken = Signal()
        last = self.words.payload.last
        m.d.comb += [
            taken.eq(self.words.valid & self.words.ready),
            self.pixels.payload.eq(self.words.payload.pixel),
            self.rewind.eq(self.early | self.missing),
        ]
        with m.FSM():
            with m.State("PASS"):
                m.d.comb += [
                    self.words.ready.eq(self.pixels.ready & (begun | self.enable)),
                    self.pixels.valid.eq(taken & (last | ~final)),
                    self.early.eq(taken & last & ~final),
                    self.missing.eq(taken & ~last & final),
                ]
                with m.If(taken):
                    m.d.sync += [
                        index.eq(index + 1),
                        begun.eq(1),
                        final.eq(index == max(0, self.num_pixels - 2)),
                    ]
                    with m.If(last | final):
                        m.d.sync += [index.eq(0), begun.eq(0), final.eq(final.init)]
                    with m.If(self.missing):
                        m.next = "SWALLOW"
            with m.State("SWALLOW"):
                m.d.comb += self.words.ready.eq(1)
                with m.If(taken & last):
                    m.next = "PASS"
        return m
