"""From a network to a bitstream, with the real tools."""

import json

import pytest
from networks import random_network

from bitrain.gen.boards.bitstream import build_bitstream, read_board
from bitrain.program import Array

pytestmark = [pytest.mark.tools, pytest.mark.slow]


@pytest.mark.parametrize(
    ("board", "start"),
    [("icebreaker", b"\x7e\xaa\x99\x7e"), ("ulx3s-25f", b"\xbd\xb3")],
)
def test_bitstream(tmp_path, board, start):
    """The file holds the preamble of its family (Lattice FPGA-TN-02001, FPGA-TN-02039)."""
    network = random_network(1, bits=2, lanes=1, in_shape=(1, 4, 4))
    array = Array(channels=1, positions=1, lanes=1)
    built = build_bitstream(network, array, board, tmp_path / "out")
    assert start in built.path.read_bytes()[:2000]
    config, report = (
        read_board(tmp_path / "out"),
        json.loads((tmp_path / "out/report.json").read_text()),
    )
    assert config == built.config
    assert report["stage"] == "post-route"
    assert report["fmax_mhz"] > config.clock_hz / 1e6
    assert 0 < report["resources"]["lut"] < report["capacity"]["lut"]
