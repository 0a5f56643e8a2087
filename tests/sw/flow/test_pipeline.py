"""What makes a finished step of ``bitrain run`` run again."""

import io

import numpy as np
import pytest
import torch
from onnx_graphs import export as onnx_export
from rich.console import Console
from torch import nn

from bitrain.flow.config import RunConfig
from bitrain.flow.pipeline import run_flow
from bitrain.models import create_model, save_weights
from bitrain.spec import BitrainError, load_network, save_network


@pytest.fixture
def accuracy(tmp_path):
    """Of given weights, as the step that reads them says."""

    def run(path) -> float:
        config = RunConfig.model_validate({"name": "tiny", "pretrained": str(path)})
        found = run_flow(config, tmp_path / "out", until="train", console=Console(quiet=True))
        return found["train"]["accuracy"]

    return run


def test_other_weights_in_the_same_file(accuracy, tmp_path, trained, digits):
    path, steps = tmp_path / "weights.safetensors", tmp_path / "out/steps/train.json"
    save_weights(create_model("digits_cnn", digits.in_shape, 10), path, {})
    before = accuracy(path)
    save_weights(trained, path, {})
    assert accuracy(path) > before
    written = steps.stat().st_mtime_ns
    assert accuracy(path) > before and steps.stat().st_mtime_ns == written


SMALL = {
    "name": "tiny",
    "train": {"epochs": 5, "images": 700, "batch_size": 32},
    "sc": {"bits": 4, "lanes": 4, "calibration_images": 16},
    "finetune": {"epochs": 1, "images": 60, "learning_rate": 1e-4},
    "lengths": [4],
}


@pytest.fixture
def flow(tmp_path):
    """Run up to a step; what was printed, and the results."""

    def run(until: str, **changes):
        log = io.StringIO()
        config = RunConfig.model_validate({**SMALL, **changes})
        console = Console(file=log, width=300)
        found = run_flow(config, tmp_path / "out", until=until, console=console)
        return log.getvalue(), found

    return run


def own_model(path, text: str) -> str:
    """A configuration's name of a model of two convolutions, with ``text`` run on it."""
    path.write_text(
        "import random\nfrom torch import nn\nfrom torch.nn.utils import prune\n"
        "def make(in_shape, num_classes):\n"
        "    model = nn.Sequential(\n"
        "        nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(),\n"
        "        nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.BatchNorm2d(16), nn.ReLU(),\n"
        "        nn.Flatten(), nn.Linear(256, num_classes))\n"
        f"    {text}\n"
        "    return model\n"
    )
    return f"{path}:make"


def test_other_data_in_the_same_file(flow, tmp_path, digits):
    arrays = {
        f"{part}_{kind}": getattr(digits, f"{part}_{kind}")
        for part in ("train", "test")
        for kind in ("images", "labels")
    }
    for part in ("train", "test"):
        arrays[f"{part}_images"] = arrays[f"{part}_images"].transpose(0, 2, 3, 1)
    data = {"name": "images", "directory": str(tmp_path / "own.npz")}
    np.savez(tmp_path / "own.npz", **arrays)
    before = flow("train", data=data)[1]["train"]["accuracy"]
    assert "kept from an earlier run" in flow("train", data=data)[0]
    arrays["test_labels"] = (arrays["test_labels"] + 1) % 10
    np.savez(tmp_path / "own.npz", **arrays)
    printed, found = flow("train", data=data)
    assert "kept from an earlier run" not in printed
    assert found["train"]["accuracy"] < before / 2


def test_another_network_in_the_place_of_the_runs_own(flow, tmp_path):
    flow("export")
    path = tmp_path / "out/network.npz"
    network = load_network(path)
    other = network.model_copy(update={"name": "other"})
    save_network(other, path)
    with pytest.raises(BitrainError, match=r"network\.npz: changed since step export wrote it"):
        flow("export")
    assert load_network(path).name == "other"
    path.unlink()
    assert flow("export")[0].count("kept from an earlier run") == 2
    assert load_network(path) == network


def test_what_another_configuration_left_moves_away(flow, tmp_path):
    flow("export")
    printed, _ = flow("train", train={**SMALL["train"], "seed": 1})
    for name in "network.npz", "model.safetensors":
        assert f"{name} was there already: it is superseded/1/{name} now" in printed
    names = {path.name for path in (tmp_path / "out").iterdir()} - {".lock"}
    assert names == {"checkpoints", "model.safetensors", "steps", "superseded"}


@pytest.mark.parametrize(
    "change",
    [
        "prune.l1_unstructured(model[3], 'weight', 0.5)",
        "prune.random_structured(model[7], 'weight', 0.2, dim=1)",
        "nn.utils.parametrizations.weight_norm(model[3])",
    ],
)
def test_what_was_trained_goes_on(flow, tmp_path, change):
    """With weights that hooks make of others."""
    model = own_model(tmp_path / "own.py", change)
    _, found = flow("export", model=model, sc={"bits": 7, "lanes": 4})
    floating, converted = found["train"]["accuracy"], found["finetune"]["integers"]["post_training"]
    assert floating > 50 and abs(floating - converted) < 5
    assert flow("export", model=model, sc={"bits": 7, "lanes": 4})[0].count("kept from an") == 3


def test_a_model_that_is_another_each_time(flow, tmp_path):
    model = own_model(tmp_path / "own.py", "model[1].eps = random.random()")
    flow("train", model=model)
    with pytest.raises(BitrainError, match=r"own\.py:make: built again with its trained weights"):
        flow("finetune", model=model)


HELPER = """\
from torch import nn
def build(width, classes):
    return nn.Sequential(nn.Conv2d(1, width, 3), nn.ReLU(), nn.{pool}Pool2d(2), nn.Flatten(),
                         nn.Linear(9 * width, classes))
"""


def test_what_the_file_of_a_model_imports_and_loads(flow, tmp_path, monkeypatch):
    """Layers of another module, and weights of another file."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own.py").write_text(
        "import importlib, torch, helper_of_own\n"
        "importlib.reload(helper_of_own)  # for this test: all in one process\n"
        "def make(in_shape, num_classes):\n"
        "    model = helper_of_own.build(4, num_classes)\n"
        f"    model.load_state_dict(torch.load({str(tmp_path / 'w.pt')!r}))\n"
        "    return model\n"
    )
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    shapes = {"0.weight": (4, 1, 3, 3), "0.bias": (4,), "4.weight": (10, 36), "4.bias": (10,)}

    def write(pool: str, value: float) -> None:
        (tmp_path / "helper_of_own.py").write_text(HELPER.replace("{pool}", pool))
        torch.save(
            {name: torch.full(shape, value) for name, shape in shapes.items()}, tmp_path / "w.pt"
        )

    def ran() -> bool:
        printed, _ = flow("train", model=f"{tmp_path / 'own.py'}:make")
        return "kept from an earlier run" not in printed

    write("Max", 0.1)
    assert ran() and not ran()
    write("Avg", 0.1)
    assert ran() and not ran()
    write("Avg", 0.2)
    assert ran() and not ran()


def test_code_of_modules_that_are_trained_alone(flow, tmp_path, monkeypatch):
    """Their print says nothing of what they compute; the accelerator would refuse them."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    (tmp_path / "own.py").write_text(
        "import importlib, layers_of_own\n"
        "importlib.reload(layers_of_own)\n"
        "from torch import nn\n"
        "def make(in_shape, num_classes):\n"
        "    scale = layers_of_own.Scale()\n"
        "    return nn.Sequential(nn.Flatten(), scale, nn.Linear(64, num_classes))\n"
    )

    def ran(factor: int) -> bool:
        (tmp_path / "layers_of_own.py").write_text(
            "from torch import nn\n"
            "class Scale(nn.Module):\n"
            f"    def forward(self, inputs):\n        return {factor} * inputs\n"
        )
        printed, _ = flow("train", model=f"{tmp_path / 'own.py'}:make")
        return "kept from an earlier run" not in printed

    assert ran(1) and not ran(1) and ran(2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"synth": {"device": "ecp7"}}, "device 'ecp7' is unknown"),
        ({"name": "module"}, "name 'module' is a keyword"),
    ],
)
def test_refused_before_data_are_loaded(tmp_path, options, message):
    given = {"name": "tiny", "data": {"name": "no such"}} | options
    with pytest.raises(BitrainError, match=message):
        run_flow(RunConfig.model_validate(given), tmp_path, console=Console(quiet=True))


def test_exits_are_in_the_network_file(flow, tmp_path):
    """Chosen on images that training leaves out, of both arithmetics."""
    sc = {**SMALL["sc"], "lengths": [4, 8, 16]}
    exit_ = {"tolerance": 2, "held_out": 200}
    accelerator = {**SMALL.get("accelerator", {}), "early_termination": True, "interface": "axi"}
    told, found = flow("generate", sc=sc, exit=exit_, accelerator=accelerator)
    saved = [each.model_dump() for each in load_network(tmp_path / "out/network.npz").exits]
    assert saved == found["export"]["exits"] != []
    streams, integers = (found["finetune"][name] for name in ("streams", "integers"))
    assert list(streams["by_prefix"]) == list(integers["by_prefix"]) == ["4", "8", "16"]
    assert streams["by_prefix"]["16"] == streams["fine_tuned"]
    assert streams["anytime"]["chosen_on"] == 200
    assert streams["anytime"]["mean_cycles"] < 16
    exits = found["generate"]["exits"]
    assert exits["lengths"] == [*(each["length"] for each in saved), 16]
    assert exits["cycles_used"][0] <= exits["mean_cycles"] <= exits["cycles_used"][-1]
    assert "cycles of a stream on average" in told
    assert f"{exits['mean_cycles']:,.0f} on average with exits" in told


def test_exits_may_be_chosen_on_images_that_are_learnt(flow):
    sc = {**SMALL["sc"], "lengths": [4, 16]}
    _, found = flow("finetune", sc=sc, exit={"held_out": 0, "cycles": 8})
    chosen_on = found["finetune"]["streams"]["anytime"]["chosen_on"]
    _, without = flow("finetune", sc=sc)
    assert chosen_on > 1000
    assert found["finetune"]["streams"]["anytime"]["tolerance"] is None
    streams = without["finetune"]["streams"]
    assert streams["fine_tuned"] == found["finetune"]["streams"]["fine_tuned"]


@pytest.mark.parametrize("interface", ["raw", "axi"])
def test_ports_of_early_termination(flow, interface):
    """Raw ones too, as the network will have exits; by default a fifth of the images choose."""
    accelerator = {"early_termination": True, "interface": interface}
    sc = {"bits": 4, "lengths": [4, 16]}
    _, found = flow("generate", sc=sc, exit={"tolerance": 5}, accelerator=accelerator)
    assert found["generate"]["exits"]["lengths"][-1] == 16


@pytest.mark.parametrize("until", ["train", "finetune"])
def test_images_held_out_that_there_are_not(flow, until):
    """Told before anything is trained."""
    sc = {"bits": 4, "lengths": [4, 16]}
    with pytest.raises(
        BitrainError, match=r"^exit: held_out = 5000: .*; give fewer, or 0 to choose"
    ):
        flow(until, sc=sc, exit={"held_out": 5000})


def test_exits_have_one_aim():
    exit_ = {"tolerance": 1, "cycles": 8}
    with pytest.raises(ValueError, match="tolerance or cycles choose the exits; leave one"):
        RunConfig.model_validate(SMALL | {"sc": {"bits": 4, "lengths": [4, 16]}, "exit": exit_})


def test_exits_need_lengths():
    with pytest.raises(ValueError, match="exit: needs a network of several lengths"):
        RunConfig.model_validate({**SMALL, "exit": {}})


@pytest.mark.parametrize("suffix", ["onnx", "pt2"])
def test_a_program_is_trained_already(flow, digits, tmp_path, suffix):
    """It goes on to streams as it is."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10)).eval()
    path = tmp_path / f"net.{suffix}"
    if suffix == "onnx":
        onnx_export(model, torch.rand(2, 1, 8, 8), path, dynamo=False)
    else:
        torch.export.save(torch.export.export(model, (torch.rand(2, 1, 8, 8),)), path)
    _, found = flow("export", model=str(path))
    with torch.no_grad():
        classes = model(torch.from_numpy(digits.test_images)).argmax(1).numpy()
    right = (classes == digits.test_labels).mean()
    assert found["train"]["accuracy"] == pytest.approx(100 * right)
    assert load_network(tmp_path / "out/network.npz").num_scores == 10
