"""Frames of the serial link: what is sent, and what is taken for an answer."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from networks import random_network

from bitrain.host import LinkError, SerialLink
from bitrain.host.serial_link import BROKEN, INTACT, REPLY, REQUEST, crc8
from bitrain.program import Array, Program

LINK = SerialLink(bits=4, num_pixels=6, num_scores=3, score_bits=11)


def reply_of(class_index: int, cycles: int, scores: list[int], width: int = 2) -> bytes:
    frame = bytes([REPLY, INTACT, 77]) + class_index.to_bytes(2, "little")
    frame += cycles.to_bytes(4, "little")
    frame += b"".join(score.to_bytes(width, "little", signed=True) for score in scores)
    return frame + bytes([crc8(frame)])


def test_check_value_of_the_standard():
    assert crc8(b"123456789") == 0xF4


@given(st.binary(max_size=20), st.integers(0, 159))
def test_check_finds_every_flipped_bit(data, position):
    if position < 8 * len(data):
        changed = bytearray(data)
        changed[position // 8] ^= 1 << position % 8
        assert crc8(bytes(changed)) != crc8(data)


def test_sizes_of_a_program():
    network = random_network(1, bits=3, lanes=2)
    program = Program(network, Array(channels=1, positions=1, lanes=2))
    link = SerialLink.of(program.network, program.score_bits)
    assert link.num_pixels == network.in_shape.size
    assert link.num_scores == network.num_scores
    assert 8 * link.score_bytes >= program.score_bits > 8 * (link.score_bytes - 1)


def test_request():
    image = np.arange(6).reshape(1, 2, 3)
    request = LINK.request(image)
    assert request == bytes([REQUEST, 0, 1, 2, 3, 4, 5, crc8(request[:-1])])
    assert len(request) == LINK.request_bytes


def test_pixels_of_two_bytes():
    link = SerialLink(bits=8, num_pixels=2, num_scores=1, score_bits=8)
    assert link.request(np.array([256, 3]))[1:-1] == bytes([0, 1, 3, 0])


@pytest.mark.parametrize("image", [[0] * 5, [0] * 5 + [17], [0] * 5 + [-1]])
def test_images_that_are_none(image):
    with pytest.raises(ValueError, match="expected 6 pixels of 0 … 16"):
        LINK.request(np.array(image))


def test_reply():
    frame = reply_of(2, 70_000, [-1024, 0, 1023])
    assert len(frame) == LINK.reply_bytes
    reply = LINK.reply(frame)
    assert (reply.of, reply.class_index, reply.cycles) == (77, 2, 70_000)
    assert reply.scores.tolist() == [-1024, 0, 1023]


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (b"", "not intact"),
        (reply_of(0, 0, [0, 0, 0])[:-1] + b"\xff", "not intact"),
        (b"\x00" + reply_of(0, 0, [0, 0, 0])[1:], "not intact"),
        (bytes([REPLY, BROKEN, crc8(bytes([REPLY, BROKEN]))]), "did not arrive intact"),
        (reply_of(0, 0, [0, 0]), "not of this accelerator"),
    ],
)
def test_what_is_no_reply(frame, message):
    with pytest.raises(LinkError, match=message):
        LINK.reply(frame)
