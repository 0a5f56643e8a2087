"""Builds for a board: what does not fit, what stays when one fails, what else is left alone."""

from types import SimpleNamespace

import pytest
from networks import random_network

from bitrain.gen.boards import bitstream
from bitrain.gen.boards.bitstream import build_bitstream, read_board
from bitrain.program import Array
from bitrain.spec import BitrainError

ARRAY = Array(channels=1, positions=1, lanes=2)


@pytest.fixture(scope="module")
def network():
    return random_network(1, bits=3, lanes=2, in_shape=(1, 4, 4))


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


@pytest.mark.parametrize("fmax", [11.9, 12.0, None])
def test_a_clock_that_is_too_fast(network, tmp_path, monkeypatch, fmax):
    """The icebreaker's has 12 MHz; circuits without registers have no limit."""
    packed = []

    def synthesise(directory, top, device, **options):
        assert options["frequency"] == 12 and "set_io clk 35" in options["pins"]
        (directory / "synth" / device.name).mkdir(parents=True)
        return SimpleNamespace(fmax_mhz=fmax, to_json=lambda: {"fmax_mhz": fmax})

    def pack(tool, arguments, *, cwd, log):
        packed.append([tool, *arguments])
        (cwd / arguments[-1]).write_text("bits")

    monkeypatch.setattr(bitstream, "write_verilog", lambda *arguments: None)
    monkeypatch.setattr(bitstream, "run_synthesis", synthesise)
    monkeypatch.setattr(bitstream, "run_tool", pack)
    if fmax == 11.9:
        with pytest.raises(BitrainError) as error:
            build_bitstream(network, ARRAY, "icebreaker", tmp_path / "out", name="net")
        assert str(error.value) == (
            "net reaches 11.9 MHz on icebreaker, whose clock has 12 MHz; choose another seed or a "
            "smaller array (P, Q, N)"
        )
        assert not packed and not (tmp_path / "out").exists()
        return
    built = build_bitstream(network, ARRAY, "icebreaker", tmp_path / "out", name="net")
    assert packed == [["yowasp-icepack", "routed.txt", "net.bin"]]
    assert built.path == tmp_path / "out" / "net.bin" and built.path.read_text() == "bits"
    assert read_board(tmp_path / "out") == built.config
    assert built.config.array == ARRAY and built.config.divisor == 104
