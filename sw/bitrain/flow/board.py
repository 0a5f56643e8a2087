"""A board at a serial port: images of a data set out, scores back, compared with the golden model.

The protocol is in ``bitrain.host.serial_link``. A request that was not answered intact is sent
again after a rest, which brings board and host back into step.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from bitrain import golden
from bitrain.cosim import SerialReport, Simulator, simulate_serial
from bitrain.cost import estimate
from bitrain.gen.boards.bitstream import read_board
from bitrain.host import LinkError, Reply, SerialLink
from bitrain.host.serial_link import BITS_PER_BYTE, BROKEN, BROKEN_REPLY_BYTES, GAP_SECONDS, REPLY
from bitrain.program import Program
from bitrain.spec import BitrainError, Network, load_network, to_unipolar

from .networks import dataset_of

_ATTEMPTS = 3
_SLACK_SECONDS = 1.0
"""For adapters and operating systems, on top of what line and accelerator take."""


class Port(Protocol):
    """What is used of a ``serial.Serial``."""

    def write(self, data: bytes, /) -> int | None:
        """Send."""
        ...

    def read(self, size: int = 1, /) -> bytes:
        """Receive up to ``size`` bytes, fewer after the port's time limit."""
        ...

    def reset_input_buffer(self) -> None:
        """Drop what has come."""
        ...


@dataclass(frozen=True, kw_only=True)
class BoardRun:
    """What a board answered."""

    images: int
    correct: int
    """Images whose class is the label."""
    mismatches: int
    """Images whose scores or class differ from golden's."""
    repeated: int
    """Requests that had to be sent again."""
    cycles: int
    """Cycles of the last image."""
    images_per_second: float
    """Line and host included."""


def check_build(
    directory: Path, images: np.ndarray, *, simulator: Simulator = "verilator"
) -> SerialReport:
    """Simulate the Verilog of a build at its serial pins, with images of integers 0 … 2^n."""
    config, network = read_board(directory), load_network(Path(directory) / "network.npz")
    return simulate_serial(
        directory,
        network,
        config.array,
        images,
        top=config.top,
        divisor=config.divisor,
        gap_cycles=config.gap_cycles,
        simulator=simulator,
    )


def ask(port: Port, link: SerialLink, image: np.ndarray, seconds: float) -> tuple[Reply, int]:
    """The reply to an image (integers 0 … 2^n), and how often the request was repeated.

    seconds: that a reply may take. Raises :class:`BitrainError` after some attempts.
    """
    request, problem = link.request(image), ""
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(2 * GAP_SECONDS)
        port.reset_input_buffer()
        port.write(request)
        until = time.monotonic() + seconds
        try:
            while (reply := _receive(port, link, until)).of != request[-1]:
                pass
            return reply, attempt
        except LinkError as error:
            problem = str(error)
    raise BitrainError(f"the board did not answer {_ATTEMPTS} requests: {problem}")


def _receive(port: Port, link: SerialLink, until: float) -> Reply:
    """The next reply, or :class:`LinkError`; skips what comes before its first byte.

    until: the time, as of :func:`time.monotonic`, from which it is too late.
    """
    first = port.read(1)
    while first and first[0] != REPLY and time.monotonic() < until:
        first = port.read(1)
    if not first or first[0] != REPLY or time.monotonic() >= until:
        raise LinkError("nothing came in time")
    head = first + port.read(BROKEN_REPLY_BYTES - 1)
    if len(head) < BROKEN_REPLY_BYTES:
        raise LinkError("the reply is not intact")
    rest = b"" if head[1] == BROKEN else port.read(link.reply_bytes - len(head))
    return link.reply(head + rest)


def run_board(
    directory: Path,
    port: str,
    *,
    num_images: int,
    data: str | None = None,
    data_dir: Path | None = None,
    show: Callable[[int, Reply, int], None] | None = None,
) -> BoardRun:
    """Send test images to the board that runs the build in ``directory``.

    ``port``: of the operating system, such as /dev/ttyUSB0. ``show`` is called with the number of
    the image, the reply and the label.
    """
    import serial

    config, network = read_board(directory), load_network(Path(directory) / "network.npz")
    program = Program(network, config.array)
    link = SerialLink.of(network, program.score_bits)
    dataset = dataset_of(network, data, data_dir)
    if num_images > (available := len(dataset.test_images)):
        raise BitrainError(f"{num_images} images asked for, the test split has {available}")
    pictures, labels = dataset.examples(num_images)
    bits = BITS_PER_BYTE * (link.request_bytes + link.reply_bytes)
    computing = estimate(program).latency / config.clock_hz
    seconds = _SLACK_SECONDS + bits / config.baud + computing
    try:
        with serial.Serial(port, config.baud, timeout=seconds) as line:
            return converse(line, network, link, pictures, labels, seconds=seconds, show=show)
    except serial.SerialException as error:
        raise BitrainError(f"--port {port}: {error}") from error


def converse(
    line: Port,
    network: Network,
    link: SerialLink,
    pictures: np.ndarray,
    labels: np.ndarray,
    *,
    seconds: float,
    show: Callable[[int, Reply, int], None] | None = None,
) -> BoardRun:
    """Send images (reals 0 … 1) one by one and compare the replies with golden's scores.

    seconds: that a reply may take.
    """
    images = to_unipolar(pictures, network.bits)
    expected = golden.run(network, images)[-1].reshape(len(images), -1)
    correct = mismatches = repeated = cycles = 0
    started = time.perf_counter()
    for i, (image, scores, label) in enumerate(zip(images, expected, labels, strict=True)):
        reply, again = ask(line, link, image, seconds)
        same = np.array_equal(reply.scores, scores) and reply.class_index == scores.argmax()
        correct += reply.class_index == label
        mismatches += not same
        repeated += again
        cycles = reply.cycles
        if show:
            show(i, reply, int(label))
    return BoardRun(
        images=len(images),
        correct=int(correct),
        mismatches=mismatches,
        repeated=repeated,
        cycles=cycles,
        images_per_second=len(images) / (time.perf_counter() - started),
    )
