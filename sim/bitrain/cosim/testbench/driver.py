"""Driver of the pixel stream."""

from collections.abc import Callable, Iterator
from random import Random

import numpy as np
from cocotb.triggers import ClockCycles, RisingEdge

from .checker import Checker
from .pins import Pins, read


class PixelDriver:
    """Streams images in, with pauses; while it pauses, the payload is noise.

    ``on_begin`` is called at the clock edge that takes an image's first pixel.
    """

    def __init__(
        self, pins: Pins, checker: Checker, random: Random, *, on_begin: Callable[[], None]
    ):
        self.pins = pins
        self.checker = checker
        self.random = random
        self.on_begin = on_begin
        self.idle()

    def idle(self) -> None:
        """Offer nothing."""
        self.pins.pixel_valid.value = 0
        self.pins.set_pixel(0, last=False)

    async def drive(self, pixels: np.ndarray, pauses: Iterator[int]) -> None:
        """Send one image; return at the clock edge that takes its last pixel."""
        pins, clock = self.pins, RisingEdge(self.pins.clock)
        valid, ready = pins.pixel_valid, pins.pixel_ready
        noise = 2 ** len(pins.pixel_data)
        for i, pixel in enumerate(pixels):
            if pause := next(pauses):
                valid.value = 0
                pins.set_pixel(self.random.randrange(noise), last=bool(self.random.getrandbits(1)))
                await ClockCycles(pins.clock, pause)
            valid.value = 1
            pins.set_pixel(int(pixel), last=i == len(pixels) - 1)
            await clock
            while (taken := read(ready)) != 1:
                if taken is None:
                    self.checker.violate("ready of the pixels is unknown")
                await clock
            if i == 0:
                self.on_begin()
        valid.value = 0
