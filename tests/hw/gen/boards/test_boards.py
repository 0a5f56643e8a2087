"""Boards: pins from amaranth-boards, baud rates, what does not fit."""

import re

import pytest
from networks import random_network

from bitrain.gen import BOARDS, build_bitstream, find_board, read_board
from bitrain.gen.boards import bitstream
from bitrain.program import Array
from bitrain.spec import BitrainError

ARRAY = Array(channels=1, positions=1, lanes=2)


@pytest.fixture(scope="module")
def network():
    return random_network(1, bits=3, lanes=2, in_shape=(1, 4, 4))


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


def test_network_that_does_not_fit(tmp_path):
    large = random_network(0, bits=8, lanes=2, in_shape=(3, 64, 64))
    with pytest.raises(BitrainError, match=r"ice40-up5k: about \d+ block RAMs of 30, \d+ too many"):
        build_bitstream(large, ARRAY, "icebreaker", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_foreign_folder_is_left_alone(network, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(BitrainError, match="exists and is no build for a board"):
        build_bitstream(network, ARRAY, "icebreaker", tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_build_that_fails_leaves_the_older_one(network, tmp_path, monkeypatch):
    """Its own files stay beside it for a look at the logs, until the next build."""
    out = tmp_path / "out"

    def implement(board, config, directory, seed):
        (directory / "nextpnr.log").write_text("")
        if failing:
            raise BitrainError("no route")
        (directory / config.bitstream).write_text(str(seed))

    monkeypatch.setattr(bitstream, "write_verilog", lambda *arguments: None)
    monkeypatch.setattr(bitstream, "_implement", implement)
    failing = False
    built = build_bitstream(network, ARRAY, "icebreaker", out, seed=1)
    assert built.path.read_text() == "1"
    failing = True
    for _ in range(2):
        with pytest.raises(BitrainError, match="no route"):
            build_bitstream(network, ARRAY, "icebreaker", out, seed=2)
        assert built.path.read_text() == "1"
        assert (tmp_path / "out.unfinished" / "nextpnr.log").exists()
    failing = False
    assert build_bitstream(network, ARRAY, "icebreaker", out, seed=3).path.read_text() == "3"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_folder_without_a_build(tmp_path):
    with pytest.raises(BitrainError, match="no build for a board"):
        read_board(tmp_path)
    (tmp_path / "board.yaml").write_text("top: x\n")
    with pytest.raises(BitrainError, match="not the configuration of a build"):
        read_board(tmp_path)
