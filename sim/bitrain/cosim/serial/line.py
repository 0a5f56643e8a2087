"""The host's end of a serial line in simulation: 8N1, with a clock of its own."""

from contextlib import suppress

from cocotb import start_soon
from cocotb.queue import Queue
from cocotb.triggers import FallingEdge, SimTimeoutError, Timer, with_timeout


class SerialLine:
    """Drives ``rx`` and watches ``tx`` of a device; ``bit_ps`` is the length of a bit.

    ``problems`` gets a line for each byte from the device that has no stop bit.
    """

    def __init__(self, rx, tx, bit_ps: int):
        self.rx = rx
        self.tx = tx
        self.bit_ps = bit_ps
        self.problems: list[str] = []
        self._received: Queue[int] = Queue()
        rx.value = 1
        start_soon(self._watch())

    async def send(self, data: bytes, *, stop: int = 1) -> None:
        """Send bytes without a pause; ``stop`` 0 leaves the line low where stop bits belong."""
        for byte in data:
            for bit in (0, *(byte >> i & 1 for i in range(8)), stop):
                self.rx.value = bit
                await self.rest(1)
        self.rx.value = 1

    async def rest(self, bits: float) -> None:
        """Wait that many bits."""
        await Timer(round(bits * self.bit_ps), "ps")

    async def receive(self, count: int, bits: float) -> bytes:
        """The next bytes, fewer if they have not come after ``bits``."""
        data = bytearray()

        async def collect() -> None:
            while len(data) < count:
                data.append(await self._received.get())

        with suppress(SimTimeoutError):
            await with_timeout(collect(), round(bits * self.bit_ps), "ps")
        return bytes(data)

    def flush(self) -> bytes:
        """What has come and was not asked for."""
        data = bytearray()
        while not self._received.empty():
            data.append(self._received.get_nowait())
        return bytes(data)

    async def _watch(self) -> None:
        while True:
            await FallingEdge(self.tx)
            await self.rest(1.5)
            byte = 0
            for i in range(8):
                byte |= int(self.tx.value) << i
                await self.rest(1)
            if int(self.tx.value) != 1:
                self.problems.append(f"byte {byte:#04x} has no stop bit")
            self._received.put_nowait(byte)
