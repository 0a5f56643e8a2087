"""The accelerator behind a serial line: what goes onto a board as it is."""

from amaranth.hdl import ClockDomain, ClockSignal, Module, ResetInserter
from amaranth.lib import wiring
from amaranth.lib.wiring import Component, In, Out

from bitrain.host import SerialLink
from bitrain.program import Program

from ..wide.packer import PixelPacker
from .accelerator import Accelerator
from .serial_frames import SerialFrames
from .uart_receiver import UartReceiver
from .uart_transmitter import UartTransmitter


class SerialAccelerator(Component):
    """Images in and scores out in frames of the serial link (``bitrain.host.serial_link``).

    ::

        rx ─► receiver ─► frames ─► pixels ─► accelerator
                            │ ▲                  │
        tx ◄─ transmitter ◄─┘ └───── scores ◄────┘

    There is no reset: everything starts from the values that the configuration loads.

    Latency: none worth naming beside the line's; a reply begins when the first score is there.

    Parameters
    ----------
    program
        The network compiled for an array.
    divisor
        Clock cycles of a bit on the line.
    gap_cycles
        Longest rest inside a request.
    busy_low
        ``busy`` is active low, for lights that shine at 0.

    Members
    -------
    clk : In(1)
        The clock.
    rx : In(1), tx : Out(1)
        The line; 1 where it rests.
    busy : Out(1)
        An image is being loaded, computed or sent.
    """

    def __init__(self, program: Program, *, divisor: int, gap_cycles: int, busy_low: bool = False):
        self.program = program
        self.divisor = divisor
        self.gap_cycles = gap_cycles
        self.busy_low = busy_low
        super().__init__({"clk": In(1), "rx": In(1), "tx": Out(1), "busy": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.domains.sync = ClockDomain(reset_less=True)
        m.d.comb += ClockSignal().eq(self.clk)

        accelerator = Accelerator(self.program)
        m.submodules.receiver = receiver = UartReceiver(divisor=self.divisor)
        m.submodules.transmitter = transmitter = UartTransmitter(divisor=self.divisor)
        m.submodules.frames = frames = SerialFrames(
            SerialLink.of(self.program.network, self.program.score_bits),
            gap_cycles=self.gap_cycles,
        )
        m.submodules.accelerator = ResetInserter(frames.abort)(accelerator)
        m.d.comb += [
            receiver.rx.eq(self.rx),
            frames.byte.eq(receiver.byte),
            frames.byte_valid.eq(receiver.valid),
            frames.byte_error.eq(receiver.error),
            frames.class_index.eq(accelerator.class_index),
            frames.cycles.eq(accelerator.cycles),
            self.tx.eq(transmitter.tx),
            self.busy.eq(accelerator.busy ^ self.busy_low),
        ]
        wiring.connect(m, frames.bytes, transmitter.bytes)
        if self.program.width == 1:
            wiring.connect(m, frames.pixels, accelerator.pixels)
        else:
            packer = PixelPacker(self.program)
            m.submodules.packer = ResetInserter(frames.abort)(packer)
            wiring.connect(m, frames.pixels, packer.pixels)
            wiring.connect(m, packer.beats, accelerator.pixels)
        wiring.connect(m, accelerator.scores, frames.scores)
        return m
