"""A plan carried out: what is written, what is kept at the next call, what is refused."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
import yaml
from epochs import watched_epochs
from rich.console import Console
from torch import nn

from bitrain.cost import estimate
from bitrain.models import create_model, load_weights, model_digest, save_weights
from bitrain.program import Program
from bitrain.recast import flow
from bitrain.recast.cycles import sc_cycles
from bitrain.recast.flow import RecastConfig, load_plan, load_teacher, run_recast
from bitrain.recast.student import specs_of
from bitrain.spec import BitrainError, Shape, load_network
from bitrain.train.evaluate import evaluate

PLAN = """\
name: tiny
blocks:
  - blocks: 0
    width: 0.5
  - blocks: 1
    to: residual
    width: 0.5
array: {channels: 2, positions: 4}
train: {epochs: 1, images: 60}
finetune: {epochs: 1, images: 60}
"""
ALL = (
    PLAN
    + """\
scratch: true
sc:
  sc: {bits: 3, stream_length: 4, calibration_images: 40}
  train: {epochs: 1, images: 20}
  finetune: {epochs: 1, images: 20}
"""
)
STEPS = ["teacher", "block00", "block01", "finetune"]


@pytest.fixture(scope="module")
def few(digits):
    """60 test images."""
    return replace(digits, test_images=digits.test_images[:60], test_labels=digits.test_labels[:60])


@pytest.fixture(autouse=True)
def small_data(few, monkeypatch):
    monkeypatch.setattr(flow, "load_dataset", lambda name, **source: few)


@pytest.fixture(scope="module")
def teacher(trained, tmp_path_factory) -> str:
    """A file of weights."""
    path = tmp_path_factory.mktemp("teacher") / "model.safetensors"
    save_weights(trained, path, {"model": "digits_cnn"})
    return str(path)


@pytest.fixture
def recast(tmp_path, teacher):
    """Carry a plan out in a folder; ``source`` and ``budget`` can be given."""

    def run(text: str, source: str = teacher, **options):
        path = tmp_path / "my.yaml"
        path.write_text(text)
        return run_recast(load_plan(path), source, tmp_path / "out", Console(quiet=True), **options)

    return run


@pytest.fixture
def trainings() -> Iterator[list[int]]:
    """The epochs that are trained, by number."""
    with watched_epochs() as seen:
        yield seen


def records(tmp_path) -> dict[str, str]:
    return {path.stem: path.read_text() for path in (tmp_path / "out" / "steps").iterdir()}


def test_a_whole_plan(recast, tmp_path, few, teacher, trainings):
    result = recast(ALL)
    out = tmp_path / "out"
    assert json.loads((out / "recast.json").read_text()) == result
    assert (out / "recast.svg").read_text().startswith("<svg ")
    assert result["name"] == "tiny" and result["test_images"] == 60 and result["teacher"] == teacher
    assert result.keys() == {
        *("name", "data", "test_images", "teacher", "accuracy", "blocks", "losses", "epochs"),
        *("student_blocks", "cost", "sc"),
    }
    assert result["accuracy"].keys() == {"teacher", "student", "scratch"}
    model = load_teacher(teacher, few)
    assert result["accuracy"]["teacher"] == pytest.approx(100 * evaluate(model, few))
    first, second = result["blocks"]
    assert (first["block"], second["block"]) == (0, 1)
    assert (first["old"], first["new"]) == ("conv 1 -> 16 / 2", "conv 1 -> 8 / 2")
    assert (second["old"], second["new"]) == ("conv 16 -> 32 / 2", "residual 8 -> 16 / 2")
    for block in (first, second):
        assert len(block["losses"]) == 1 and block["difference"] > 0 and block["macs"] > 0
    assert second["parameters"] == result["cost"]["student"]["parameters"]
    assert result["epochs"] == 3
    cost = result["cost"]
    assert cost["student"]["macs"] < cost["teacher"]["macs"]
    assert len(cost["student"]["macs_by_block"]) == 3
    assert cost["teacher"]["latency"]["1"]["speedup"] == 1
    # Two blocks, fine-tuning; three from scratch; streams of three blocks; two arithmetics.
    assert len(trainings) == 3 + 3 + 3 + 2

    sc = result["sc"]
    assert sc["stream_length"] == 4
    assert sc.keys() == {"stream_length", "blocks", "converted", "matched", "sc", "integer"}
    assert [block["layer"].split(".")[0] for block in sc["blocks"]] == ["0", "1", "2"]
    assert all(0 <= sc[name] <= 100 for name in ("converted", "matched", "sc", "integer"))
    network = load_network(out / "network.npz")
    assert network.name == "tiny" and network.metadata["data"] == "digits"
    array = load_plan(tmp_path / "my.yaml").array
    assert estimate(Program(network, array)).latency == cost["student"]["cycles"]

    # What was written is a model by itself, and can be a teacher.
    path = str(out / "student.safetensors")
    student = load_teacher(path, few)
    assert [spec.model_dump(exclude_defaults=True) for spec in specs_of(student)] == (
        result["student_blocks"]
    )
    assert 100 * evaluate(student, few) == pytest.approx(result["accuracy"]["student"])
    again = create_model(path, few.in_shape, 10, pretrained=path)
    saved = load_weights(again, path)
    assert saved["accuracy"] == result["accuracy"]["student"]
    assert saved["recipe"]["blocks"][1]["to"] == "residual"

    # A second call trains nothing and changes nothing.
    before = records(tmp_path)
    assert before.keys() == {
        *STEPS,
        *("scratch", "cost", "sc_finetune", "integer_finetune", "stream_converted"),
        *("stream_matched", "stream00", "stream02", "stream03"),
    }
    trainings.clear()
    assert recast(ALL) == result
    assert trainings == [] and records(tmp_path) == before
    assert model_digest(load_teacher(path, few)) == model_digest(student)


def test_what_is_before_a_change_is_kept(recast, tmp_path, trainings):
    recast(PLAN)
    before = records(tmp_path)
    assert before.keys() == {*STEPS, "cost"} and len(trainings) == 3
    trainings.clear()
    result = recast(PLAN.replace("to: residual", "to: separable"))
    after = records(tmp_path)
    assert result["blocks"][1]["new"].startswith("separable")
    assert [name for name in STEPS if before[name] == after[name]] == ["teacher", "block00"]
    assert len(trainings) == 2
    straight = recast(PLAN.replace("to: residual", "to: separable").replace("tiny", "other"))
    for key in ("accuracy", "blocks", "losses"):
        assert straight[key] == result[key], "as if it had been planned so at first"


def test_another_bank_costs_other_cycles(recast):
    """The cost is not that of the plan before."""
    cycles = []
    for length in (4, 8):
        text = PLAN + f"sc: {{sc: {{bits: 3, stream_length: {length}}}, train: {{epochs: 0}}, "
        result = recast(text + "finetune: {epochs: 0}}\n")
        cycles.append(result["cost"]["student"]["cycles"])
    assert cycles[0] < cycles[1]


def test_another_teacher_starts_again(recast, tmp_path, digits, trainings):
    source = tmp_path / "model.safetensors"
    for seed in (1, 2):
        model = create_model("digits_cnn", digits.in_shape, 10, seed=seed)
        save_weights(model, source, {"model": "digits_cnn"})
        trainings.clear()
        recast(PLAN, str(source))
        assert len(trainings) == 3


def test_an_interrupted_run_goes_on(recast, tmp_path, monkeypatch, trainings):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(flow, "finetune_student", interrupted)
        recast(PLAN)
    assert records(tmp_path).keys() == {"teacher", "block00", "block01"}
    trainings.clear()
    result = recast(PLAN)
    assert len(trainings) == 1
    other = recast(PLAN.replace("tiny", "straight"))
    assert (other["accuracy"], other["losses"]) == (result["accuracy"], result["losses"])


def test_rules_are_proposed(recast, tmp_path, few, teacher):
    text = PLAN.partition("blocks:")[0] + PLAN[PLAN.index("array:") :]
    result = recast(text, budget=0.5)
    model = load_teacher(teacher, few)
    config = load_plan(tmp_path / "out" / "plan.yaml")
    given = RecastConfig.model_validate(yaml.safe_load(text))
    whole = sc_cycles(model, few.in_shape, None, config.array)
    assert result["cost"]["student"]["cycles"] <= 0.5 * result["cost"]["teacher"]["cycles"]
    assert result["cost"]["teacher"]["cycles"] == whole
    assert [block["block"] for block in result["blocks"]] == list(config.rules)
    assert config.model_copy(update={"blocks": ()}) == given
    # The file gives the very same student.
    before = records(tmp_path)
    again = recast((tmp_path / "out" / "plan.yaml").read_text())
    assert again == result and records(tmp_path) == before


OWN = """\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 4, 3, 2, 1), nn.Conv2d(4, 8, 3, 2, 1)
        self.scores = nn.Linear(8, 10)

    def forward(self, x):
        x = self.second(self.first(x).relu()).relu()
        return self.scores(x.mean((2, 3)))
"""


@pytest.fixture
def own(tmp_path):
    """A user's file, and a file of its model's weights."""
    source, weights = tmp_path / "own.py", tmp_path / "own.pt"
    source.write_text(OWN)
    model = create_model(f"{source}:Net", Shape(1, 8, 8), 10)
    torch.save({f"module.{name}": value for name, value in model.state_dict().items()}, weights)
    return f"{source}:Net", str(weights)


def test_a_teacher_of_ones_own(recast, own, few):
    """By the door of ``bitrain convert``: a file, and a state dict."""
    model, weights = own
    result = recast(PLAN, model, weights=weights)
    taught = load_teacher(model, few, weights=weights)
    assert result["accuracy"]["teacher"] == pytest.approx(100 * evaluate(taught, few))
    assert [block["block"] for block in result["blocks"]] == [0, 1]


# --- mistakes ------------------------------------------------------------------------------------


def test_a_mistake_in_the_plan_names_its_line(recast, tmp_path):
    with pytest.raises(BitrainError) as error:
        recast(PLAN.replace("to: residual", "to: resdual"))
    assert str(error.value).startswith(
        f"{tmp_path / 'my.yaml'}: line 6: blocks.1.to: 'resdual' is no kind of block; choose one of"
    )


def test_blocks_beyond_the_teacher(recast, tmp_path, trainings):
    with pytest.raises(BitrainError) as error:
        recast(PLAN.replace("blocks: 1\n", "blocks: 1-5\n"))
    assert str(error.value).splitlines() == [
        "block 3: the teacher has 3 blocks, 0 to 2:",
        "  0: conv 1 -> 16 / 2",
        "  1: conv 16 -> 32 / 2",
        "  2: linear 32 -> 10",
    ]
    assert not (tmp_path / "out").exists() and not trainings


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("blocks: 1\n", "blocks: 2\n", "block 2: the network does not give the teacher's scores"),
        ("blocks: 0\n    width: 0.5", "blocks: 0\n    to: linear", "reads a map"),
        ("blocks: 0\n    width: 0.5", "blocks: 0\n    stride: 8", "block 0: another size of the"),
        ("blocks: 0\n", "blocks: 0\n    middle: 3\n", "block 0: middle is an option of residual"),
        ("channels: 2,", "lanes: 12,", "lanes = 12 is no multiple of the 16 lanes"),
        ("train:", "sc: {sc: {layer_lengths: {x: 4}}}\ntrain:", "no layer is named 'x'"),
    ],
)
def test_what_does_not_fit_is_refused_before_training(recast, trainings, old, new, message):
    with pytest.raises(BitrainError, match=message):
        recast(PLAN.replace(old, new))
    assert trainings == []


def test_a_student_without_streams_is_refused_before_training(recast, trainings):
    text = (
        PLAN.replace("blocks: 0\n", "blocks: 0\n    to: residual\n")
        + "sc:\n  sc: {neuron: stream}\n"
    )
    with pytest.raises(BitrainError, match="which stream mode cannot do"):
        recast(text)
    assert trainings == []


def test_streams_of_single_layers_are_the_students(recast):
    """The teacher has no layer of that name, and its cycles are those of the common length."""
    text = PLAN.replace("epochs: 1", "epochs: 0") + "sc:\n  sc: {bits: 3}\n"
    text += "  train: {epochs: 0}\n  finetune: {epochs: 0}\n"
    all_alike = recast(text)["cost"]
    shorter = recast(text.replace("bits: 3", "bits: 3, layer_lengths: {1.0.body.3: 4}"))["cost"]
    assert shorter["student"]["cycles"] < all_alike["student"]["cycles"]
    assert shorter["teacher"]["cycles"] == all_alike["teacher"]["cycles"]


def test_streams_of_several_lengths(recast):
    text = PLAN.replace("epochs: 1", "epochs: 0") + "sc:\n  sc: {bits: 4, lengths: [4, 16]}\n"
    text += "  train: {epochs: 1, images: 20}\n  finetune: {epochs: 1, images: 20}\n"
    found = recast(text)["sc"]
    for name in ("sc", "integer"):
        assert list(found[f"{name}_prefixes"]) == ["4", "16"]
        assert found[f"{name}_prefixes"]["16"] == found[name]


def test_blocks_of_no_known_kind_from_scratch(recast, tmp_path, digits, trainings):
    (tmp_path / "own.py").write_text(
        "from torch import nn\n"
        "def make(in_shape, num_classes):\n"
        "    convs = [nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.SiLU()]\n"
        "    return nn.Sequential(*convs, nn.Flatten(), nn.Linear(64, num_classes))\n"
    )
    name, path = f"{tmp_path}/own.py:make", tmp_path / "own.safetensors"
    save_weights(create_model(name, digits.in_shape, 10), path, {"model": name})
    text = "name: x\nscratch: true\ntrain: {epochs: 0}\nfinetune: {epochs: 1, images: 20}\n"
    with pytest.raises(BitrainError, match="a block of kind 'other' cannot be built"):
        recast(text, str(path))
    assert trainings == []
    result = recast(text.replace("scratch: true\n", ""), str(path))
    assert [block["kind"] for block in result["student_blocks"]] == ["conv", "other", "linear"]
    assert result["cost"]["student"]["cycles"] is None


@pytest.mark.parametrize("name", ["own.pt2", "own.onnx"])
def test_a_program_is_no_teacher(recast, name):
    with pytest.raises(BitrainError, match="a program holds operations alone; give the model"):
        recast(PLAN, name)


def test_weights_that_do_not_name_their_model(recast, tmp_path):
    path = tmp_path / "model.safetensors"
    save_weights(nn.Linear(2, 2), path, {})
    with pytest.raises(BitrainError, match="do not say which model they belong to; give the"):
        recast(PLAN, str(path))


def test_no_such_weights(recast):
    with pytest.raises(BitrainError, match=r"weights 'nothing\.safetensors': no such file"):
        recast(PLAN, "nothing.safetensors")


def test_rules_are_given_or_proposed(recast):
    with pytest.raises(BitrainError, match="the plan has rules for blocks already; leave them out"):
        recast(PLAN, budget=0.5)
