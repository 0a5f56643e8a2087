"""Boards: pins from amaranth-boards, and baud rates."""

import re

import pytest

from bitrain.gen.boards.boards import BOARDS, find_board
from bitrain.spec import BitrainError


@pytest.mark.parametrize("name", BOARDS)
def test_every_board_has_clock_line_and_light(name):
    board = find_board(name)
    assert [pin.port for pin in board.pins] == ["clk", "rx", "tx", "busy"]
    assert len({pin.site for pin in board.pins}) == 4
    text = board.constraints()
    for pin in board.pins:
        assert re.search(rf"\b{pin.port}\b.*\b{pin.site}\b", text)
    assert board.clock_hz / board.divisor(115_200) == pytest.approx(115_200, rel=0.02)


def test_constraints_of_ecp5():
    text = find_board("ulx3s").constraints()
    assert 'LOCATE COMP "clk" SITE "G2";\nIOBUF PORT "clk" IO_TYPE=LVCMOS33;' in text
    assert 'LOCATE COMP "rx" SITE "M1";' in text
    assert "DRIVE=4" in text


def test_constraints_of_ice40():
    board = find_board("icebreaker")
    assert (
        "set_io clk 35\nset_io -pullup yes rx 6\nset_io -pullup yes tx 9\n" in board.constraints()
    )
    assert board.led_active_low
    assert not find_board("ulx3s").led_active_low


def test_unknown_board():
    with pytest.raises(BitrainError, match=r"board 'ulx4s' is unknown; choose one of ulx3s, "):
        find_board("ulx4s")


@pytest.mark.parametrize("baud", [5_000_000, 2_500_000])
def test_rates_that_the_clock_does_not_give(baud):
    with pytest.raises(BitrainError, match=f"--baud {baud}: icebreaker's clock of 12 MHz cannot"):
        find_board("icebreaker").divisor(baud)
