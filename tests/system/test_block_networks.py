"""Networks of all kinds of blocks, from torch to simulated Verilog by the commands of the user."""

import re
import sys

import pytest
import torch
from networks import random_network
from torch import nn

from bitrain.cli import console, main
from bitrain.data import load_dataset
from bitrain.export import export_network
from bitrain.models import Block, BlockSpec
from bitrain.nn import ScConfig, convert
from bitrain.program import Array, Program
from bitrain.spec import save_network

pytestmark = [pytest.mark.tools, pytest.mark.slow]  # with the real tools

ARRAY = Array(channels=2, positions=3, lanes=8)
STEM = BlockSpec(kind="conv", in_channels=1, out_channels=4, stride=2, downsample="max")
HEAD = BlockSpec(kind="linear", in_channels=6, out_channels=10, average=True, relu=False)
SEPARABLE = BlockSpec(kind="separable", in_channels=4, out_channels=6)
DENSE = BlockSpec(kind="dense", in_channels=4, out_channels=8, layers=2, middle=3)
TRANSITION = BlockSpec(
    kind="dense", in_channels=8, out_channels=6, stride=2, downsample="average", middle=2
)
RESIDUAL = BlockSpec(kind="residual", in_channels=8, out_channels=8)
PROJECTED = BlockSpec(kind="residual", in_channels=4, out_channels=3)
FLAT = BlockSpec(kind="linear", in_channels=1, out_channels=6, area=64)
NARROW = HEAD.model_copy(update={"in_channels": 3})


@pytest.fixture
def bitrain(monkeypatch, capsys):
    """Run ``bitrain`` with arguments; return what it prints, on one line."""

    monkeypatch.setattr(console, "width", 200)  # names of buffers stay in one piece

    def call(*arguments) -> str:
        monkeypatch.setattr(sys, "argv", ["bitrain", *map(str, arguments)])
        try:
            main()
        except SystemExit as stopped:
            assert not stopped.code, capsys.readouterr()
        return " ".join(capsys.readouterr().out.split())

    return call


@pytest.mark.parametrize(
    "specs",
    [
        (STEM, SEPARABLE, SEPARABLE.model_copy(update={"in_channels": 6, "stride": 2}), HEAD),
        (STEM, DENSE, RESIDUAL, TRANSITION, HEAD),
        (STEM, PROJECTED, PROJECTED.model_copy(update={"in_channels": 3}), NARROW),
        (FLAT, HEAD.model_copy(update={"average": False})),
    ],
    ids=["separable", "dense", "projections", "flat from the start"],
)
def test_generate_and_simulate(specs, tmp_path, bitrain):
    digits = load_dataset("digits")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = nn.Sequential(*map(Block, specs)).eval()
    config = ScConfig(bits=4, lanes=8)
    sc_model = convert(model, digits.in_shape, digits.train_images, config)
    network = export_network(sc_model, "blocks", digits.test_images[:8], {"data": "digits"})
    save_network(network, tmp_path / "blocks.npz")

    array = ("-P", ARRAY.channels, "-Q", ARRAY.positions, "-N", ARRAY.lanes)
    out = tmp_path / "ip"
    printed = bitrain("generate", tmp_path / "blocks.npz", "--out", out, *array, "--images", 2)
    assert f"Activation RAM, {Program(network, ARRAY).activation_depth} words of 5 bits" in printed
    assert "Memories on ecp5-85k" in printed and "warning" not in printed
    for layer in network.layers:
        if layer.concat_after is not None:
            assert f"{network.layers[layer.concat_after].name} + {layer.name}" in printed
    line = bitrain("simulate", out)
    found = re.search(
        r": 0 mismatches in ([\d,]+) values, 2 images; cycles per image (\d+), predicted (\d+)",
        line,
    )
    assert found, line
    values, cycles, predicted = (int(number.replace(",", "")) for number in found.groups())
    assert cycles == predicted
    assert values >= 2 * sum(layer.out_shape.size for layer in network.layers)


def test_memories_beyond_the_device(tmp_path, bitrain):
    save_network(random_network(0, lanes=4, in_shape=(1, 16, 16)), tmp_path / "network.npz")
    options = ("-P", 1, "-Q", 16, "-N", 4, "--device", "ice40-up5k", "--images", 0)
    printed = bitrain("generate", tmp_path / "network.npz", "--out", tmp_path / "ip", *options)
    assert "warning: memories do not fit ice40-up5k: about " in printed
    assert " block RAMs of 30, " in printed and "too many; activations take 32 (16 x " in printed
    assert "Q = 14" in printed and " would fit " in printed
