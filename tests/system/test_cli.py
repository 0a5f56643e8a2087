"""A user's mistake gets one clear line and exit status 2; what exists stays as it is."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from networks import random_network
from onnx_graphs import Writer
from PIL import Image
from rich.console import Console
from standard_cells import small_library

import bitrain.cli.hardware
import bitrain.gen.boards.bitstream
import bitrain.gen.tools.tools
from bitrain.cli import main
from bitrain.gen.tools.verilator import VerilatorProgram
from bitrain.models import create_model, save_weights
from bitrain.spec import Shape, load_network, save_network


@pytest.fixture
def network_file(tmp_path):
    path = tmp_path / "network.npz"
    save_network(random_network(0, lanes=4), path)
    return path


def test_missing_network_file(fail, tmp_path):
    assert "no such network file" in fail("cost", tmp_path / "nothing.npz")


def test_corrupted_network_file(fail, network_file):
    network_file.write_bytes(network_file.read_bytes()[:-200])
    line = fail("generate", network_file, "--out", network_file.parent / "ip")
    assert str(network_file) in line
    assert "not a readable network file" in line
    assert not (network_file.parent / "ip").exists()


def test_array_that_does_not_suit_the_network(fail, network_file):
    assert "no multiple of the 4 lanes" in fail("cost", network_file, "--lanes", 6)
    assert "--channels 0: expected 1 … 64" in fail("cost", network_file, "--channels", 0)


def test_zeros_that_cannot_be_skipped(fail, network_file):
    options = ("cost", network_file, "-N", 4, "--skip-zeros")
    assert "chunks of streams, and binary arithmetic has none" in fail(
        *options, "--arith", "binary"
    )
    assert "--engines 2: zero chunks are of layers" in fail(*options, "--engines", 2)
    assert "does not say its data set" in fail(*options)


def test_a_beat_without_a_weight_stream(fail, network_file, tmp_path):
    for command in ("cost",), ("generate", "--out", tmp_path / "ip"):
        line = fail(*command, network_file, "-N", 4, "--weight-beat", 64)
        assert "--weight-beat has no effect without --weights stream; leave it out" in line
    assert "--clock has no effect" in fail("cost", network_file, "-N", 4, "--clock", 50)


def test_network_without_a_data_set(fail, network_file):
    line = fail("generate", network_file, "--out", network_file.parent / "ip", "-N", 4)
    assert "does not say its data set" in line


def test_images_that_do_not_fit_the_network(fail, network_file):
    line = fail("evaluate", network_file, "--data", "digits")
    assert "network 'random0', data set 'digits': images of shape (360, 1, 8, 8), expected" in line


def test_classes_that_are_not_those_of_the_network(fail, tmp_path):
    path = tmp_path / "network.npz"
    save_network(random_network(0, in_shape=(1, 8, 8)), path)
    for command in "evaluate", "progressive", "sequences":
        line = fail(command, path, "--data", "digits")
        assert "network 'random0' gives 5 scores, data set 'digits' has 10 classes" in line


def test_wrong_data_directory(fail, network_file, tmp_path):
    line = fail("evaluate", network_file, "--data", "mnist", "--data-dir", tmp_path / "no")
    assert str(tmp_path / "no") in line


def test_unknown_data_set(fail, network_file):
    assert "'mnits' is unknown" in fail("evaluate", network_file, "--data", "mnits")


def test_no_ip_folder(fail, tmp_path):
    assert "no IP package" in fail("simulate", tmp_path)
    assert "no IP package" in fail("synth", tmp_path)


def test_clock_that_is_none(usage, tmp_path):
    assert "--frequency" in usage("synth", tmp_path, "--frequency", -5)


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (("cost", "--multipliers", 64, "--engines", 2), "--engines"),
        (("cost", "--multipliers", 64, "--skip-zeros"), "--skip-zeros"),
        (("cost", "--multipliers", 64, "-P", 4), "--channels"),
        (("cost", "--data", "digits"), "--data"),
        (("build", "--board", "ulx3s", "--out", "x", "--simulator", "icarus"), "--simulator"),
        (("synth", "--no-route", "--seed", 2), "--seed"),
    ],
)
def test_options_without_effect(fail, network_file, command, name):
    line = fail(command[0], network_file, *command[1:])
    assert line.startswith(f"error: {name} has no effect with")


def test_margin_below_zero(fail, tmp_path):
    path = tmp_path / "network.npz"
    network = random_network(0, in_shape=(1, 8, 8))
    save_network(network.model_copy(update={"metadata": {"data": "digits"}}), path)
    line = fail("progressive", path, "-N", 4, "--ladder", "4=-1")
    assert "--ladder 4=-1: expected LENGTH=MARGIN between commas, each length once" in line


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: x\ntrian: {}\n", "trian: there is no such option"),
        ("name: x\ntrain: {epochs: many}\n", "train.epochs: "),
        ("name: 2x\n", "name: "),
        ("{", "not valid YAML"),
        ("- a\n", "expected a mapping"),
        ("name: x\nmodel: alexnet\n", "alexnet"),
        ("name: x\nsc: {bits: 5, stream_length: 24}\n", "sc: "),
        ("name: x\nsc: {bits: 4, layer_lengths: {conv: 32}}\n", "sc: "),
        (
            "name: x\nsc: {layer_lengths: {conv: 8}}\ntrain: {epochs: 0}\n",
            "no layer is named 'conv'",
        ),
        (
            "name: x\nsc: {layer_neurons: {conv: stream}}\ntrain: {epochs: 0}\n",
            "layer_neurons: no layer is named 'conv'",
        ),
        ("name: x\nsc: {neuron: fsm}\n", "sc.neuron: "),
        ("name: x\nlengths: [8, 12]\n", "lengths: 12 is not a power of two"),
        ("name: x\npretrained: nothing\n", "weights 'nothing': no such file"),
    ],
)
def test_wrong_configuration(fail, tmp_path, text, message):
    path = tmp_path / "run.yaml"
    path.write_text(text)
    assert message in fail("run", "--config", path, "--out", tmp_path / "out")


@pytest.mark.parametrize("command", ["accuracy", "ablate"])
def test_studies_refuse_mistakes_too(fail, tmp_path, command):
    path = tmp_path / "run.yaml"
    path.write_text("name: x\ndata: {name: mnist}\n")
    options = ("--config", path, "--out", tmp_path / "out", "--data-dir", tmp_path / "no")
    assert str(tmp_path / "no") in fail(command, *options)
    if command == "accuracy":
        assert "--seeds one: expected integers" in fail(command, *options, "--seeds", "one")
        for seeds in ("0,-1", "0,0"):
            assert "expected different numbers" in fail(command, *options, "--seeds", seeds)


def test_layer_that_the_accelerator_cannot_run(fail, tmp_path):
    (tmp_path / "own.py").write_text(
        "from torch import nn\n"
        "def make(in_shape, num_classes):\n"
        "    body = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.LPPool2d(2, 2))\n"
        "    return nn.Sequential(body, nn.Flatten(), nn.Linear(36, num_classes))\n"
    )
    path = tmp_path / "run.yaml"
    path.write_text(f"name: x\nmodel: {tmp_path}/own.py:make\n")
    line = fail("run", "--config", path, "--out", tmp_path / "out")
    assert "LPPool2d (0.2): it is not supported; recast the block that holds it" in line
    assert not (tmp_path / "out" / "checkpoints").exists()


OWN_MODELS = """\
from torch import nn
def few(in_shape, num_classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 5))
def map(in_shape, num_classes):
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, num_classes, 6))
def size(in_shape, num_classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(49, num_classes))
def lazy(in_shape, num_classes):
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(num_classes))
def boom(in_shape, num_classes):
    raise RuntimeError("[red] is no colour")
"""


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("few", "gives 5 for an image of 1 x 8 x 8, expected 10 scores in a row"),
        ("map", "gives 10 x 1 x 1 for an image of 1 x 8 x 8, expected 10 scores in a row"),
        ("size", "does not fit images of 1 x 8 x 8: mat1 and mat2 shapes"),
        ("lazy", "lazy modules have no weights yet"),
        # As it is, though rich knows :boom: as an emoji and [red] as a colour.
        ("boom", "RuntimeError: [red] is no colour"),
    ],
)
def test_model_that_does_not_suit_the_data(fail, tmp_path, function, message):
    (tmp_path / "own.py").write_text(OWN_MODELS)
    path = tmp_path / "run.yaml"
    path.write_text(f"name: x\nmodel: {tmp_path}/own.py:{function}\n")
    line = fail("run", "--config", path, "--out", tmp_path / "out", "--until", "train")
    assert f"own.py:{function}: {message}" in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("array: {lanes: 12}", "lanes = 12 is no multiple of the 16 lanes"),
        ("simulate: {images: 500}", "simulate.images: 500 images asked for, the test split has"),
        ("synth: {device: ecp6}", "device 'ecp6' is unknown"),
    ],
)
def test_hardware_is_refused_before_training(fail, tmp_path, text, message):
    path = tmp_path / "run.yaml"
    path.write_text(f"name: x\n{text}\n")
    assert message in fail("run", "--config", path, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_output_that_cannot_be_written(fail, tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text("name: x\n")
    line = fail("run", "--config", path, "--out", "/dev/null/out", "--until", "train")
    assert "/dev/null/out" in line and "Not a directory" in line


def test_missing_configuration_and_unknown_step(fail, tmp_path):
    assert "no such configuration" in fail("run", "--config", tmp_path / "x", "--out", tmp_path)
    path = tmp_path / "run.yaml"
    path.write_text("name: x\n")
    line = fail("run", "--config", path, "--out", tmp_path / "out", "--until", "tomorrow")
    assert "--until tomorrow: no such step" in line


def test_missing_tool(fail, monkeypatch, tmp_path):
    (tmp_path / "rtl").mkdir()
    monkeypatch.setattr(bitrain.gen.tools.tools, "which", lambda name: None)
    monkeypatch.setattr(bitrain.gen.tools.tools, "package_version", lambda name: None)
    path = tmp_path / "network.npz"
    save_network(random_network(0, in_shape=(1, 8, 8)), path)
    line = fail("generate", path, "--out", tmp_path / "ip", "-N", 4, "--data", "digits")
    assert "is not installed; get it with: pip install" in line


def test_doctor_says_what_is_wrong_with_a_tool(monkeypatch, capsys):
    path = f"/{'long' * 20}/verilator"
    problem = f"{path} is too old; pip install 'x[y]'"
    found = VerilatorProgram(path=Path(path), version="5.006", problem=problem)
    monkeypatch.setattr(bitrain.gen.tools.tools, "find_verilator", lambda: found)
    monkeypatch.setattr(bitrain.cli.hardware, "console", Console(width=80))
    monkeypatch.setattr(sys, "argv", ["bitrain", "doctor"])
    with pytest.raises(SystemExit) as exit_status:
        main()
    assert exit_status.value.code == 0
    rows = [line.split("│") for line in capsys.readouterr().out.splitlines() if "│" in line]
    said = "".join(row[3] for row in rows)
    assert problem.replace(" ", "") in said.replace(" ", "")


def test_what_to_install_is_printed_whole(fail, monkeypatch, network_file, tmp_path):
    """Brackets are no markup."""
    monkeypatch.setattr(bitrain.gen.tools.tools, "which", lambda name: None)
    (tmp_path / "board.yaml").write_text("")
    monkeypatch.setitem(sys.modules, "serial", None)
    line = fail("board-run", tmp_path, "--port", "/dev/null")
    assert line.endswith("serial is not installed; get it with: pip install 'bitrain[all]'")
    options = ("--board", "icebreaker", "--out", tmp_path / "out", "-N", 4)
    monkeypatch.setattr(bitrain.gen.boards.bitstream, "write_verilog", lambda *arguments: None)
    line = fail("build", network_file, *options, "-P", 1, "-Q", 1)
    assert line.endswith("is not installed; get it with: pip install 'bitrain[synth]'")


def test_what_cannot_be_written(fail, tmp_path):
    path, network = tmp_path / "network.npz", random_network(0, in_shape=(1, 8, 8))
    save_network(network.model_copy(update={"metadata": {"data": "digits"}}), path)
    assert fail("generate", path, "--out", path / "ip", "-N", 4) == f"error: {path}: File exists"


PLAN = """\
name: tiny
blocks:
  - blocks: 1
    to: residual
train: {epochs: 1, images: 20}
finetune: {epochs: 1, images: 20}
"""


@pytest.fixture
def teacher(tmp_path):
    path = tmp_path / "teacher.safetensors"
    save_weights(create_model("digits_cnn", Shape(1, 8, 8), 10), path, {"model": "digits_cnn"})
    return path


def test_recast(tmp_path, teacher, monkeypatch, capsys):
    plan, out = tmp_path / "plan.yaml", tmp_path / "out"
    plan.write_text(PLAN)
    arguments = ["recast", str(teacher), "--plan", str(plan), "--out", str(out)]
    monkeypatch.setattr(sys, "argv", ["bitrain", *arguments])
    with pytest.raises(SystemExit) as exit_status:
        main()
    assert exit_status.value.code in (0, None)
    text = capsys.readouterr().out
    assert "block 1: conv 16 -> 32 / 2 -> residual 16 -> 32 / 2: difference" in text
    for name in ("student.safetensors", "recast.json", "recast.svg"):
        assert (out / name).is_file()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("to: residual", "to: resnet"), "line 4: blocks.0.to: 'resnet' is no kind of block"),
        (("epochs: 1, images", "epoch: 1, images"), "line 5: train.epoch: there is no such option"),
        (("to: residual", "width: 0"), "line 4: blocks.0.width"),
    ],
)
def test_recast_with_a_mistake_in_the_plan(fail, tmp_path, teacher, change, message):
    plan = tmp_path / "plan.yaml"
    plan.write_text(PLAN.replace(change[0], change[1], 1))
    line = fail("recast", teacher, "--plan", plan, "--out", tmp_path / "out")
    assert f"{plan}: {message}" in line
    assert not (tmp_path / "out").exists()


def test_recast_with_a_budget_alone(fail, tmp_path, teacher):
    (tmp_path / "plan.yaml").write_text(PLAN)
    options = ("--plan", tmp_path / "plan.yaml", "--out", tmp_path / "out", "--budget", 0.3)
    assert "--budget 0.3: rules are found only with" in fail("recast", teacher, *options)


def test_recast_without_a_teacher(fail, tmp_path):
    (tmp_path / "plan.yaml").write_text(PLAN)
    line = fail("recast", "resnet7", "--plan", tmp_path / "plan.yaml", "--out", tmp_path / "out")
    assert "weights 'resnet7': no such file" in line


def test_sweep(fail, usage, tmp_path):
    sweep = ("sweep", "--config", "digits", "--out", tmp_path / "out", "--grid")
    assert "--grid L: expected FIELD=VALUE,VALUE, as L=8,16,32" in fail(*sweep, "L")
    assert "--grid sc.bit: a configuration has no such field; did you mean sc.bits?" in fail(
        *(*sweep, "sc.bit=3")
    )
    assert "--seeds 0,0: expected different numbers" in fail(*sweep, "L=8", "--seeds", "0,0")
    assert "device 'fpga' is unknown" in fail(*sweep, "L=8", "--device", "fpga")
    assert "--workers" in usage(*sweep, "L=8", "--workers", 0)
    assert not (tmp_path / "out").exists()


def test_boards(fail, usage, network_file, tmp_path):
    options = ("--out", tmp_path / "out", "-N", 4)
    assert "board 'x' is unknown" in fail("build", network_file, "--board", "x", *options)
    line = fail("build", network_file, "--board", "icebreaker", "--baud", 9_000_000, *options)
    assert "--baud 9000000: icebreaker's clock of 12 MHz cannot" in line
    assert "--baud" in usage("build", network_file, "--board", "ulx3s", "--baud", 0, *options)
    line = fail("build", network_file, "--board", "ulx3s", "--check", 2, *options)
    assert "does not say its data set" in line  # before anything is built
    assert "no build for a board" in fail("board-run", tmp_path, "--port", "/dev/null")
    assert not (tmp_path / "out").exists()


def test_standard_cells(fail, network_file, tmp_path):
    cells = tmp_path / "cells.lib"
    arrays = ("arrays", network_file, "--out", tmp_path / "out", "--liberty", cells)
    assert f"--liberty {cells}: no such file" in fail(*arrays)
    cells.write_text("no library")
    assert "not a Liberty file (line 1: " in fail(*arrays)
    assert "--device has no effect with --liberty" in fail(*arrays, "--device", "ecp5-85k")
    assert "--seed has no effect with --liberty" in fail(
        "synth", tmp_path, "--liberty", cells, "--seed", 2
    )
    compare = ("compare-arithmetic", network_file, "--out", tmp_path / "out")
    for command in (arrays[:4], compare):
        assert "--images has no effect without --liberty" in fail(*command, "--images", 2)
        assert "--data has no effect without --images" in fail(*command, "--data", "digits")
    cells = small_library(tmp_path)
    for command in (arrays[:4], compare):
        line = fail(*command, "--liberty", cells, "--images", 2)
        assert "does not say its data set; give --data" in line
    assert not (tmp_path / "out").exists()


def test_nothing_to_prove(fail, tmp_path):
    assert "no IP package" in fail("prove", tmp_path)


def test_convert(fail, tmp_path, monkeypatch, capsys):
    """A module with a forward of its own, trained elsewhere, in one command."""
    (tmp_path / "net.py").write_text(
        "from torch import nn\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.conv, self.head = nn.Conv2d(1, 4, 3), nn.Linear(36, 10)\n"
        "    def forward(self, x):\n"
        "        x = nn.functional.max_pool2d(self.conv(x).relu(), 2)\n"
        "        return self.head(x.flatten(1)).softmax(1)\n"
        "class Odd(Net):\n"
        "    def forward(self, x):\n"
        "        return super().forward(x.exp())\n"
        "class Smooth(Net):\n"
        "    def forward(self, x):\n"
        "        return self.head(nn.functional.gelu(self.conv(x)[..., ::2, ::2]).flatten(1))\n"
    )
    model, out = f"{tmp_path}/net.py:Net", tmp_path / "net.npz"
    weights = tmp_path / "weights.pt"
    net = create_model(model, Shape(1, 8, 8), 10)
    torch.save(net.state_dict(), weights)
    options = ("--data", "digits", "--images", "20", "--mean", "0.3", "--std", "0.4")
    files = ("--weights", weights, "--out", out)

    def shown_by(*command: object) -> str:
        monkeypatch.setattr(sys, "argv", ["bitrain", *map(str, command)])
        with pytest.raises(SystemExit) as exit_status:
            main()
        assert exit_status.value.code == 0
        return capsys.readouterr().out

    shown = shown_by("convert", model, *options, *files, "--bits", "4", "--explain")
    assert "in the weights of conv" in shown and "20 test images: float" in shown
    assert load_network(out).bits == 4
    smooth = ("convert", f"{tmp_path}/net.py:Smooth", *options, *files, "--replace-activations")
    assert "ReLU stands in for gelu (net.py:14): float accuracy is that of" in shown_by(*smooth)
    odd = f"{tmp_path}/net.py:Odd"
    assert "exp (net.py:11): it is not supported" in fail("convert", odd, *options)
    assert "give the data set" in fail("convert", model)
    assert "--learning-rate 0: expected" in fail("convert", model, *options, "--learning-rate", "0")
    weights.write_bytes(b"nothing")
    assert "not a state dict" in fail("convert", model, *options, *files)
    assert "exists and is no network file" in fail("convert", model, *options, "--out", weights)


PLAIN = "from torch import nn\ndef net(): return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))\n"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--mean x --std 1", "--mean x: expected numbers between commas"),
        ("--mean nan --std 1", "--mean nan: expected finite numbers"),
        ("--mean 0 --std 0", "--std 0: expected positive numbers"),
        ("--mean 0.1", "--mean and --std go together; give both (--mean 0 or --std 1 where"),
        (
            "--mean 0,1 --std 1",
            "--mean: 2 numbers; expected one, or one for each of the 1 channels",
        ),
        ("--bits 4 --length 5", "--bits 4, --length 5: stream length 5: expected a power of two"),
        ("--length 0", "--length 0: expected at least 2"),
        ("--learning-rate nan", "--learning-rate nan: expected a number above 0"),
        ("--out net.txt", "--out net.txt: expected a file that ends in .npz, as net.npz"),
        ("--out net.py/net.npz", "--out net.py/net.npz: nothing can be written in "),
        ("--images 361", "--images 361: data set 'digits' has 360 test images; give at most"),
    ],
)
def test_options_of_convert(fail, tmp_path, monkeypatch, options, message):
    """Told by their names, before any work."""
    monkeypatch.chdir(tmp_path)
    Path("net.py").write_text(PLAIN)
    assert message in fail("convert", "net.py:net", "--data", "digits", *options.split())
    assert list(tmp_path.iterdir()) == [tmp_path / "net.py"]


def test_diagnose(fail, network_file, tmp_path):
    out = ("--out", tmp_path / "out")
    assert "does not say its data set; give --data" in fail("diagnose", network_file)
    assert "--fix writes a network; give --out" in fail("diagnose", network_file, "--fix")
    message = "--max-slowdown has no effect without --fix; leave it out"
    assert message in fail("diagnose", network_file, "--max-slowdown", 2)
    message = "--learning-rate has no effect without --finetune"
    assert message in fail("diagnose", network_file, "--learning-rate", 2)
    fixing = ("diagnose", network_file, "--fix", *out)
    assert "--max-slowdown 0.5: expected a number from 1" in fail(*fixing, "--max-slowdown", 0.5)
    assert not (tmp_path / "out").exists()


def test_diagnose_and_fix(tmp_path, monkeypatch, capsys):
    """What was converted is found again by its file alone."""
    weights, network, out = tmp_path / "weights.pt", tmp_path / "net.npz", tmp_path / "out"
    torch.save(create_model("digits_cnn", Shape(1, 8, 8), 10).state_dict(), weights)

    def shown_by(*command: object) -> str:
        monkeypatch.setattr(sys, "argv", ["bitrain", *map(str, command)])
        with pytest.raises(SystemExit) as exit_status:
            main()
        assert exit_status.value.code == 0
        return " ".join(capsys.readouterr().out.split())

    convert = ("convert", "digits_cnn", "--weights", weights, "--data", "digits")
    shown_by(*convert, "--bits", 3, "--images", 20, "--out", network)
    options = ("--images", 60, "--test-images", 50, "--max-slowdown", 1)
    shown = shown_by("diagnose", network, "--fix", *options, "--out", out)
    assert "float is the float model digits_cnn" in shown
    assert "dB of its own" in shown and "what may help" in shown
    assert "not tried: n = 4 with L = 16: products would take 16 cycles on average" in shown
    assert "50 test images: float" in shown
    assert {path.name for path in out.iterdir()} >= {"diagnosis.json", "repair.json"}
    assert ("kept in fixed.npz" in shown) == (out / "fixed.npz").exists()
    again = shown_by("diagnose", network, "--images", 60)
    assert "tried on" not in again


def test_convert_an_onnx_file(fail, tmp_path, monkeypatch, capsys):
    """By its name alone; what became of its quantisers is said."""
    net, domain = Writer("N", 8, 8, 1), "qonnx.custom_op.general"
    weight, *of_weights = net.weights(4, 1, 3, 3), *map(net.constant, (0.1, 0.0, 4.0))
    weight = net.add("Quant", weight, *of_weights, domain=domain)
    x = net.add("Relu", net.add("Conv", net.channels_first("images"), weight))
    x = net.add("Quant", x, *map(net.constant, (0.2, 0.0, 3.0)), domain=domain, signed=0)
    x = net.add("Gemm", net.add("Flatten", x), net.weights(144, 10))
    path = net.save(tmp_path / "net.onnx", net.add("Softmax", x), **{domain: 1})
    monkeypatch.chdir(tmp_path)
    command = ("convert", "net.onnx", "--data", "digits", "--images", "20")
    monkeypatch.setattr(sys, "argv", ["bitrain", *command])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    told = capsys.readouterr().out
    assert "net.onnx: it reads images whose channels come last\n" in told
    assert "quantisers found: weights of 4 bits (1), activations of 3 bits (1); " in told
    assert load_network("net.npz").layers[0].name == "net.conv_2"
    assert "leave them out" in fail(*command, "--weights", "weights.safetensors")
    path.write_bytes(path.read_bytes()[:200])
    assert "net.onnx: not " in fail(*command)


def test_generate_without_a_data_set(fail, tmp_path, monkeypatch):
    """With images of one's own, or with none and no test bench."""
    save_network(random_network(1, bits=3, lanes=4, in_shape=(1, 6, 6)), tmp_path / "net.npz")
    monkeypatch.chdir(tmp_path)
    np.save("images.npy", np.arange(72).reshape(2, 1, 6, 6) % 9)

    def run(*options: str) -> None:
        command = ["bitrain", "generate", "net.npz", "-N", "4", *options]
        monkeypatch.setattr(sys, "argv", command)
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code

    run("--out", "own", "--vectors", "images.npy")
    kept = np.load(tmp_path / "own/tb/vectors/images.npy")
    assert np.array_equal(kept, np.load("images.npy"))
    run("--out", "none", "--images", "0")
    assert not (tmp_path / "none/tb").exists()
    assert "no IP package with a test bench" in fail("simulate", "none")
    generate = ("generate", "net.npz", "-N", "4", "--out", "ip")
    for options, message in (
        (("--vectors", "images.npy", "--images", "2"), "--images has no effect with --vectors"),
        (("--vectors", "images.npy", "--data", "digits"), "--data has no effect with --vectors"),
        (("--images", "0", "--data", "digits"), "--data has no effect without test images"),
        ((), "does not say its data set; give --data"),
    ):
        assert message in fail(*generate, *options)
    assert not (tmp_path / "ip").exists()


def test_predict(fail, tmp_path, monkeypatch, capsys):
    network = random_network(1, bits=3, lanes=4, in_shape=(1, 6, 6), classes=3)
    metadata = {"classes": ["cat", "dog", "emu"]}
    save_network(network.model_copy(update={"metadata": metadata}), tmp_path / "net.npz")
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.arange(36, dtype=np.uint8).reshape(6, 6) * 7).save("a.png")
    monkeypatch.setattr(sys, "argv", ["bitrain", "predict", "net.npz", "a.png", "a.png"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    told = capsys.readouterr().out
    assert told.count("a.png") == 2
    assert "cat: " in told and "emu: " in told
    assert "b.png: no such file" in fail("predict", "net.npz", "a.png", "b.png")


def test_a_refused_model_is_explained(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("net.py").write_text(
        PLAIN.replace("nn.Flatten()", "nn.Conv2d(1, 1, 1), nn.GELU(), nn.Flatten()")
    )
    arguments = ["bitrain", "convert", "net.py:net", "--data", "digits", "--explain"]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit):
        main()
    rows = [line.split("│")[1:-1] for line in capsys.readouterr().out.splitlines() if "│" in line]
    assert [(row[0].strip(), row[3].strip()) for row in rows] == [
        ("Conv2d", ""),
        ("GELU", "refused"),
    ]
