"""Driver of the pixel stream."""

from collections.abc import Iterator
from random import Random

import numpy as np
from cocotb.triggers import ClockCycles, RisingEdge

from .checker import Checker
from .monitor import read


class PixelDriver:
    """Streams images in, with pauses; while it pauses, the payload is noise."""

    def __init__(self, dut, checker: Checker, random: Random):
        self.dut = dut
        self.checker = checker
        self.random = random
        self.idle()

    def idle(self) -> None:
        """Offer nothing."""
        self.dut.pixels__valid.value = 0
        self.dut.pixels__payload.value = 0

    async def drive(self, pixels: np.ndarray, pauses: Iterator[int]) -> None:
        """Send one image; return at the clock edge that takes its last pixel."""
        dut, clock = self.dut, RisingEdge(self.dut.clk)
        valid, payload, ready = dut.pixels__valid, dut.pixels__payload, dut.pixels__ready
        noise = 2 ** len(payload)
        for pixel in pixels:
            if pause := next(pauses):
                valid.value = 0
                payload.value = self.random.randrange(noise)
                await ClockCycles(dut.clk, pause)
            valid.value = 1
            payload.value = int(pixel)
            await clock
            while (taken := read(ready)) != 1:
                if taken is None:
                    self.checker.violate("pixels__ready is unknown")
                await clock
        valid.value = 0
        if len(pixels) > 1 and read(dut.busy) != 1:
            self.checker.violate("busy is not 1 while an image is loaded")
