"""Mistakes in a configuration file are told with their line."""

import pytest

from bitrain.flow.config import RunConfig
from bitrain.recast.flow import RecastConfig, load_plan
from bitrain.runner.yaml_file import read_options, read_yaml
from bitrain.spec import BitrainError

PLAN = """\
# a plan
name: x
blocks:
  - blocks: 0
    width: 0.5
  - blocks: 1-2
    to: residual
train:
  epochs: 1
"""


@pytest.fixture
def mistake(tmp_path):
    """The message for a text, less the file's name."""

    def read(text: str, model=RecastConfig) -> str:
        path = tmp_path / "plan.yaml"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(BitrainError) as error:
            read_yaml(path, model)
        message = str(error.value)
        assert message.startswith(f"{path}: ") and "\n" not in message
        return message.removeprefix(f"{path}: ")

    return read


def test_options_as_they_stand_there(tmp_path):
    path = tmp_path / "plan.yaml"
    path.write_text("name: 3\nmore: {a: [1, 2]}\n", encoding="utf-8")
    assert read_options(path) == {"name": 3, "more": {"a": [1, 2]}}
    path.write_text("- 3", encoding="utf-8")
    with pytest.raises(BitrainError, match="expected a mapping of options"):
        read_options(path)


def test_a_valid_file(tmp_path):
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN)
    assert read_yaml(path, RecastConfig, "").rules[2].to == "residual"
    assert load_plan(path, tmp_path / "data").data.directory == tmp_path / "data"


def test_an_option_that_is_there_twice(mistake):
    assert "train again" in mistake(PLAN + "train: {seed: 1}\n")
    assert "line 10, column 3" in mistake(PLAN + "  epochs: 2\n")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("name: x", "name: 2x", "line 2: name: '2x': expected text of the form"),
        ("epochs: 1", "epochs: many", "line 9: train.epochs: 'many': expected a whole number"),
        ("epochs: 1", "epochs: -1", "line 9: train.epochs: -1: expected at least 0"),
        ("epochs: 1", "epoch: 1", "line 9: train.epoch: there is no such option"),
        ("train:", "trian:", "line 8: trian: there is no such option"),
        ("width: 0.5", "width: 0", "line 5: blocks.0.width"),
        ("width: 0.5", "to: cnov", "line 5: blocks.0.to: 'cnov' is no kind of block; choose one"),
        ("to: residual", "too: residual", "line 7: blocks.1.too: there is no such option"),
        ("blocks: 1-2", "blocks: 2-1", "line 6: blocks.1.blocks: '2-1' is not a block's number"),
        (
            "blocks: 1-2",
            "blocks: [1, x]",
            "line 6: blocks.1.blocks.1: 'x': expected a whole number",
        ),
        ("blocks: 1-2", "blocks: 0-2", "line 3: blocks: block 0 has two rules"),
        ("to: residual", "width: [1, 1, 1]", "line 6: blocks.1: 3 widths for 2 blocks"),
        ("    width: 0.5", "    width: 0.5\n    remove: true", "line 4: blocks.0: a block that is"),
        ("name: x\n", "", "line 1: name: is missing"),
        ("  - blocks: 0\n    width", "  - width", "line 4: blocks.0.blocks: is missing"),
    ],
)
def test_the_line_and_the_option(mistake, old, new, message):
    assert old in PLAN
    assert mistake(PLAN.replace(old, new, 1)).startswith(message)


def test_lists_over_several_lines(mistake):
    text = PLAN.replace("blocks: 1-2", "blocks:\n      - 1\n      - two")
    assert mistake(text).startswith("line 8: blocks.1.blocks.1: 'two': expected a whole number")
    text = "name: x\nlengths:\n  - 8\n  - 12\n"
    assert mistake(text, RunConfig) == "line 2: lengths: 12 is not a power of two in 4 … 1024"


def test_sections_in_one_line(mistake):
    text = "name: x\nsc: {bits: 4,\n     stream_length: much}\n"
    message = mistake(text, RunConfig)
    assert message.startswith("line 3: sc.stream_length: 'much': expected a whole number")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("array: {arithmetic: decimal}", "array.arithmetic: arithmetic 'decimal' is not stocha"),
        ("accelerator: {interface: wishbone}", "accelerator.interface: 'wishbone' is not raw or"),
        ("train: {learning_rate: .inf}", "train.learning_rate: inf: expected a finite number"),
        ("synth: {frequency: .nan}", "synth.frequency: nan: expected a finite number"),
        ("sc: {weight_source: {kind: lfsr, taps: [4, 9]}}", "sc: weight_source: taps (4, 9) must"),
    ],
)
def test_values_that_do_not_suit(mistake, text, message):
    assert mistake(f"name: x\n{text}\n", RunConfig).startswith(f"line 2: {message}")


@pytest.mark.parametrize(
    ("text", "model", "message"),
    [
        ("sc:\n  lanes: true\n", RunConfig, "line 3: sc.lanes: expected a number, not true"),
        (
            "data: {mean: [0, on], std: 1}",
            RunConfig,
            "line 2: data.mean.1: expected a number, not t",
        ),
        ("data: {resize: yes}", RunConfig, "line 2: data.resize: expected a number, not true"),
        ("train: {seed: off}", RunConfig, "line 2: train.seed: expected a number, not false"),
        ("blocks: [{blocks: 0, width: on}]", RecastConfig, "line 2: blocks.0.width: expected a n"),
    ],
)
def test_true_and_false_are_no_numbers(mistake, text, model, message):
    assert mistake(f"name: x\n{text}", model).startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not valid YAML ("),
        ("a: b: c\n", "not valid YAML ("),
        ("- a\n", "expected a mapping of options; see the examples densenet22_cifar10, digits"),
        ("", "expected a mapping of options; see the examples densenet22_cifar10, digits"),
    ],
)
def test_not_a_configuration_at_all(mistake, text, message):
    assert mistake(text).startswith(message)


def test_no_such_file(tmp_path):
    with pytest.raises(
        BitrainError, match=r"no such configuration file; the examples are .*lenet5_"
    ):
        read_yaml(tmp_path / "nothing.yaml", RecastConfig, "recast")


def test_not_text(tmp_path):
    path = tmp_path / "plan.yaml"
    path.write_bytes(b"name: \xff\xfe\n")
    with pytest.raises(BitrainError, match=r"plan\.yaml: not valid YAML \("):
        read_yaml(path, RecastConfig, "recast")
