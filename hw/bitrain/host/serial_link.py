"""Frames between a host and an accelerator on a board, over a serial line (8N1).

::

    request   A5 | pixels, C order                                             | check
    reply     5A | 00 | of | class (2) | cycles (4) | scores, C order          | check
              5A | 01 | check                                   the request was not intact

Numbers take whole bytes, the lowest first; scores are signed. ``check`` is the CRC-8 of all bytes
before it (polynomial x^8 + x^2 + x + 1, from 0), ``of`` that of the request which the reply is to,
so that a late one is not taken for the next image's. The board skips bytes until the first of a
request. It gives up an image, says so and starts anew when a byte has no stop bit, when the line
rests for ``GAP_SECONDS`` inside a request, or when the check is wrong. So a host that rests for as
long gets its next request through, whatever was on the line before. Bytes sent between a request
and its reply are lost.
"""

from dataclasses import dataclass

import numpy as np

from bitrain.spec import Network

REQUEST, REPLY = 0xA5, 0x5A
"""First bytes of a request and of a reply."""
INTACT, BROKEN = 0, 1
"""Second byte of a reply."""
OF_BYTES, CLASS_BYTES, CYCLES_BYTES = 1, 2, 4
_SCORES = 2 + OF_BYTES + CLASS_BYTES + CYCLES_BYTES
"""Bytes of a reply before its scores."""
BROKEN_REPLY_BYTES = 3
BITS_PER_BYTE = 10
"""On the line: start bit, eight of data, stop bit."""
GAP_SECONDS = 0.1
"""Longest rest inside a request: longer than what USB adapters and operating systems need."""
_POLYNOMIAL = 0x07


def crc8(data: bytes) -> int:
    """CRC-8 of the System Management Bus specification, section 5.4.1: no reflection, from 0."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1) ^ (0x100 | _POLYNOMIAL if crc & 0x80 else 0)
    return crc


class LinkError(Exception):
    """A reply that is not intact, or says that the request was not."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What an accelerator answers to an image."""

    of: int
    """Check of the request."""
    class_index: int
    cycles: int
    """From the last pixel to the first score."""
    scores: np.ndarray
    """int64, flat, in C order."""


@dataclass(frozen=True, kw_only=True)
class SerialLink:
    """Sizes of the frames of one accelerator."""

    bits: int
    """n: pixels are 0 … 2^n."""
    num_pixels: int
    num_scores: int
    score_bits: int

    @classmethod
    def of(cls, network: Network, score_bits: int) -> "SerialLink":
        """Frames of an accelerator of ``network`` with scores of so many bits."""
        return cls(
            bits=network.bits,
            num_pixels=network.in_shape.size,
            num_scores=network.num_scores,
            score_bits=score_bits,
        )

    @property
    def pixel_bytes(self) -> int:
        """Bytes of a pixel."""
        return -(-(self.bits + 1) // 8)

    @property
    def score_bytes(self) -> int:
        """Bytes of a score."""
        return -(-self.score_bits // 8)

    @property
    def request_bytes(self) -> int:
        """Length of a request."""
        return 2 + self.num_pixels * self.pixel_bytes

    @property
    def reply_bytes(self) -> int:
        """Length of the reply to an intact request."""
        return _SCORES + self.num_scores * self.score_bytes + 1

    def request(self, image: np.ndarray) -> bytes:
        """The request for an image of integers 0 … 2^n, (channels, height, width)."""
        pixels = np.asarray(image).ravel()
        if len(pixels) != self.num_pixels or pixels.min() < 0 or pixels.max() > 1 << self.bits:
            raise ValueError(f"expected {self.num_pixels} pixels of 0 … {1 << self.bits}")
        body = b"".join(int(pixel).to_bytes(self.pixel_bytes, "little") for pixel in pixels)
        frame = bytes([REQUEST]) + body
        return frame + bytes([crc8(frame)])

    def reply(self, frame: bytes) -> Reply:
        """What a frame of ``BROKEN_REPLY_BYTES`` or ``reply_bytes`` says, or :class:`LinkError`."""
        short = len(frame) < BROKEN_REPLY_BYTES
        if short or frame[0] != REPLY or crc8(frame[:-1]) != frame[-1]:
            raise LinkError("the reply is not intact")
        if frame[1] == BROKEN:
            raise LinkError("the request did not arrive intact")
        if frame[1] != INTACT or len(frame) != self.reply_bytes:
            raise LinkError("the reply is not of this accelerator")
        scores = frame[_SCORES:-1]
        step = self.score_bytes
        return Reply(
            of=frame[2],
            class_index=int.from_bytes(frame[3:][:CLASS_BYTES], "little"),
            cycles=int.from_bytes(frame[3 + CLASS_BYTES :][:CYCLES_BYTES], "little"),
            scores=np.array(
                [
                    int.from_bytes(scores[i : i + step], "little", signed=True)
                    for i in range(0, len(scores), step)
                ]
            ),
        )
