"""The scenarios at the serial pins: images one by one, and a line that is disturbed.

``SERIAL_JOB`` names the folder with ``job.json``; what is found goes into ``findings.json`` there.
"""

import json
import os
from pathlib import Path
from random import Random

import cocotb
import numpy as np
from cocotb.clock import Clock

from bitrain.host import LinkError, SerialLink
from bitrain.host.serial_link import BITS_PER_BYTE, BROKEN_REPLY_BYTES, REQUEST

from .line import SerialLine

PERIOD_PS = 10_000
CLOCK_ERROR = 0.02
"""Share by which the host's clock may be too fast or too slow."""


class Host:
    """Sends requests and checks replies."""

    def __init__(self, dut, job: dict, random: Random):
        self.link = SerialLink(**job["link"])
        self.job = job
        self.random = random
        bit_ps = job["divisor"] * PERIOD_PS * random.uniform(1 - CLOCK_ERROR, 1 + CLOCK_ERROR)
        self.line = SerialLine(dut.rx, dut.tx, round(bit_ps))
        self.gap_bits = 1.1 * job["gap_cycles"] / job["divisor"]
        self.images = self.values_compared = 0
        self.problems: list[str] = []
        Clock(dut.clk, PERIOD_PS, "ps").start()

    def request(self, image: int) -> bytes:
        """The request for one of the job's images."""
        return self.link.request(np.array(self.job["images"][image]))

    async def ask(self, image: int, when: str) -> None:
        """Send an image and compare the reply with what golden and cost model say."""
        unasked = self.line.flush()
        if unasked:
            self.problems.append(f"{when}: {unasked.hex()} came unasked")
        request = self.request(image)
        await self.line.send(request)
        frame = await self.line.receive(self.link.reply_bytes, self._patience())
        try:
            reply = self.link.reply(frame)
        except LinkError as error:
            self.problems.append(f"{when}: {error} ({frame.hex()})")
            return
        scores = self.job["scores"][image]
        for what, got, expected in (
            ("check of the request", reply.of, request[-1]),
            ("scores", reply.scores.tolist(), scores),
            ("class", reply.class_index, int(np.argmax(scores))),
            ("cycles", reply.cycles, self.job["cycles"]),
        ):
            if got != expected:
                self.problems.append(f"{when}: image {image}: {what} {got}, expected {expected}")
        self.images += 1
        self.values_compared += len(scores) + 2

    async def expect_refusal(self, when: str) -> None:
        """The device must say that the request was broken, and nothing else."""
        frame = await self.line.receive(BROKEN_REPLY_BYTES, self.gap_bits + self._patience())
        try:
            self.link.reply(frame)
        except LinkError as error:
            if "did not arrive" in str(error):
                return
        self.problems.append(f"{when}: answered with {frame.hex() or 'nothing'}, not a refusal")

    def _patience(self) -> float:
        """Twice the bits of the longest answer and its computation."""
        bits = BITS_PER_BYTE * self.link.reply_bytes + self.job["cycles"] / self.job["divisor"]
        return 2 * bits + 100


@cocotb.test()
async def serial(dut):
    """All images one by one; then each disturbance, and an image after it."""
    folder = Path(os.environ["SERIAL_JOB"])
    job = json.loads((folder / "job.json").read_text())
    random = Random(job["seed"])
    host = Host(dut, job, random)
    line, num_images = host.line, len(job["images"])
    await line.rest(20)
    for image in range(num_images):
        await host.ask(image, "undisturbed")

    def some_image() -> int:
        return random.randrange(num_images)

    noise = bytes(random.choice([x for x in range(256) if x != REQUEST]) for _ in range(20))
    await line.send(noise)
    await host.ask(some_image(), "after noise without the first byte of a request")

    request = host.request(some_image())
    flipped = bytearray(request)
    flipped[random.randrange(1, len(request))] ^= 1 << random.randrange(8)
    await line.send(bytes(flipped))
    await host.expect_refusal("a flipped bit")
    await host.ask(some_image(), "after a flipped bit")

    await line.send(request[: random.randrange(1, len(request))])
    await host.expect_refusal("a request cut short")
    await host.ask(some_image(), "after a request cut short")

    await line.send(request[:2])
    await line.send(b"\x00", stop=0)
    await host.expect_refusal("a byte without stop bit")
    await line.rest(2)
    await host.ask(some_image(), "after a byte without stop bit")

    await line.send(bytes([REQUEST]) + random.randbytes(len(request) // 2))
    await line.rest(host.gap_bits + BITS_PER_BYTE * (BROKEN_REPLY_BYTES + 1))
    line.flush()
    await host.ask(some_image(), "after noise and a rest")

    problems = [*host.problems, *line.problems]
    findings = {
        "images": host.images,
        "values_compared": host.values_compared,
        "problems": problems,
    }
    (folder / "findings.json").write_text(json.dumps(findings))
