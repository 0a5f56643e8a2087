"""The host's end of the serial link, against a board that the golden model plays."""

import numpy as np
import pytest
from networks import random_images, random_network

from bitrain import golden
from bitrain.flow import board as host
from bitrain.host import SerialLink
from bitrain.host.serial_link import BROKEN, INTACT, REPLY, crc8
from bitrain.program import Array, Program
from bitrain.spec import BitrainError

REFUSAL = bytes([REPLY, BROKEN, crc8(bytes([REPLY, BROKEN]))])


class GoldenBoard:
    """Answers requests; ``disturb`` may change an answer, by the number of the request."""

    def __init__(self, network, link: SerialLink, disturb=lambda number, answer: answer):
        self.network = network
        self.link = link
        self.disturb = disturb
        self.requests = 0
        self.buffer = b""

    def write(self, data: bytes) -> int:
        assert len(data) == self.link.request_bytes
        assert crc8(data[:-1]) == data[-1]
        image = np.frombuffer(data[1:-1], np.uint8).reshape(1, *self.network.in_shape)
        scores = golden.run(self.network, image.astype(np.int32))[-1].ravel()
        frame = bytes([REPLY, INTACT, data[-1]]) + int(scores.argmax()).to_bytes(2, "little")
        frame += (1234).to_bytes(4, "little")
        for score in scores.tolist():
            frame += score.to_bytes(self.link.score_bytes, "little", signed=True)
        frame += bytes([crc8(frame)])
        self.buffer += self.disturb(self.requests, frame)
        self.requests += 1
        return len(data)

    def read(self, size: int = 1) -> bytes:
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return taken

    def reset_input_buffer(self) -> None:
        self.buffer = b""


@pytest.fixture
def network():
    return random_network(2, bits=4, lanes=2, in_shape=(1, 4, 4))


@pytest.fixture
def link(network):
    program = Program(network, Array(channels=1, positions=1, lanes=2))
    return SerialLink.of(network, program.score_bits)


@pytest.fixture(autouse=True)
def no_rest(monkeypatch):
    monkeypatch.setattr(host.time, "sleep", lambda seconds: None)


def run(board: GoldenBoard, count: int = 6):
    images = random_images(board.network, count)
    classes = golden.run(board.network, images)[-1].reshape(count, -1).argmax(axis=1)
    labels = np.where(np.arange(count) < 4, classes, -1)
    return host.converse(
        board, board.network, board.link, images / board.network.one, labels, seconds=0.5
    )


def test_all_is_well(network, link):
    found = run(GoldenBoard(network, link))
    assert (found.images, found.correct, found.mismatches, found.repeated) == (6, 4, 0, 0)
    assert found.cycles == 1234


@pytest.mark.parametrize(
    "disturbed",
    [
        lambda answer: REFUSAL,
        lambda answer: b"",
        lambda answer: answer[:-3],
        lambda answer: answer[:5] + bytes([answer[5] ^ 1]) + answer[6:],
    ],
    ids=["refusal", "silence", "cut short", "flipped bit"],
)
def test_requests_are_repeated(network, link, disturbed):
    def disturb(number, answer):
        return disturbed(answer) if number == 2 else answer

    found = run(GoldenBoard(network, link, disturb))
    assert (found.correct, found.mismatches, found.repeated) == (4, 0, 1)


def test_noise_before_an_answer_is_skipped(network, link):
    found = run(GoldenBoard(network, link, lambda _, answer: b"\x00\x01" + answer))
    assert (found.mismatches, found.repeated) == (0, 0)


def test_wrong_scores_are_found(network, link):
    def disturb(number, answer):
        if number != 1:
            return answer
        changed = answer[:9] + bytes([answer[9] ^ 1]) + answer[10:-1]
        return changed + bytes([crc8(changed)])

    assert run(GoldenBoard(network, link, disturb)).mismatches == 1


def test_a_board_that_never_answers(network, link):
    board = GoldenBoard(network, link, lambda number, answer: b"")
    with pytest.raises(BitrainError, match="did not answer 3 requests: nothing came in time"):
        run(board)


def test_a_line_that_never_rests(network, link):
    """Its bytes are skipped, but not for ever."""

    class Chatter(GoldenBoard):
        def read(self, size: int = 1) -> bytes:
            return b"\x00" * size

    with pytest.raises(BitrainError, match="did not answer 3 requests: nothing came in time"):
        run(Chatter(network, link))


def test_replies_that_come_twice_or_late(network, link):
    """A reply to another request is none to this one."""
    before = []

    def twice(_, answer):
        before.append(answer)
        return answer + answer

    def late(_, answer):
        before.append(answer)
        return before[-2] + answer if len(before) > 1 else answer

    for disturb in twice, late:
        before.clear()
        found = run(GoldenBoard(network, link, disturb))
        assert (found.correct, found.mismatches, found.repeated) == (4, 0, 0)
