"""A searched network, from the search to a simulation that is bit-exact."""

import sys

import pytest

from bitrain.cli import main

pytestmark = [pytest.mark.tools, pytest.mark.slow]

CONFIG = """\
name: searched
genotype: residual
space:
  widths: [4, 8]
  cells: [1, 1]
  join: last
  target: accelerator
  operations: [conv_1x1, conv_3x3, narrow_3x3]
teacher: {epochs: 1, images: 200}
search: {epochs: 1, images: 200}
prune: {share: 0.6}
retrain: {epochs: 1, images: 200}
sc: {bits: 3, stream_length: 8, calibration_images: 40}
finetune: {epochs: 1, images: 60}
"""


@pytest.fixture
def call(monkeypatch):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["bitrain", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_status:
            main()
        return exit_status.value.code

    return run


def test_search_generate_simulate(call, capsys, tmp_path):
    config, out, ip = (tmp_path / name for name in ("search.yaml", "out", "ip"))
    config.write_text(CONFIG)
    assert call("search", "run", "--config", config, "--out", out) == 0
    printed = capsys.readouterr().out
    assert "stages, retrained" in printed and "random, trained alike" in printed
    array = ("-P", 2, "-Q", 4, "-N", 16)
    assert call("generate", out / "network.npz", "--out", ip, "--images", 2, *array) == 0
    assert call("simulate", ip) == 0
    assert " 0 mismatches in " in capsys.readouterr().out
