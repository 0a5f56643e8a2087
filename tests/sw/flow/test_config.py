"""The configuration of a run."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from bitrain.flow.config import RunConfig, load_config
from bitrain.nas.flow.config import load_search
from bitrain.recast.flow import load_plan
from bitrain.spec import BitrainError
from bitrain.train.config import FINE_TUNE, TrainConfig

EXAMPLES = Path(__file__).parents[3] / "examples"


def test_a_part_of_a_section_leaves_the_rest_at_that_sections_defaults():
    config = RunConfig.model_validate(
        {"name": "x", "train": {"epochs": 3}, "finetune": {"epochs": 3}}
    )
    assert config.train == TrainConfig(epochs=3)
    assert config.finetune == FINE_TUNE.model_copy(update={"epochs": 3})
    assert config.finetune.learning_rate != config.train.learning_rate


LENGTHS = "sc: {bits: 4, lengths: [4, 8, 16]}\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            LENGTHS + "finetune: {prefix_weights: [1, 2]}",
            r"line 3: finetune\.prefix_weights: 2 num",
        ),
        ("finetune: {prefix_weights: [1, 2]}", r"line 2: finetune\.prefix_weights: of networks of"),
        ("finetune: {prefix_distillation: 0.3}", r"line 2: finetune\.prefix_distillation: of net"),
        ("finetune: {sampled_prefixes: 1}", r"line 2: finetune\.sampled_prefixes: of networks of"),
        (LENGTHS + "finetune: {sampled_prefixes: 3}", r"line 3: .*: 3 of 2 shorter lengths; give"),
        (
            LENGTHS + "exit: {cycles: 3}",
            r"line 3: exit\.cycles: 3 cycles .*; expected 4, .*, to 28",
        ),
        (
            LENGTHS + "exit: {cycles: 29}",
            r"line 3: exit\.cycles: 29 cycles .*; expected 4, .*to 28",
        ),
        (LENGTHS + "exit: {cycles: 5, tolerance: 1}", "line 3: exit: tolerance or cycles choose"),
        ("accelerator: {weights: ram}", "line 2: accelerator: weights = ram: the raw interface"),
        (
            "array: {arithmetic: binary}\naccelerator: {skip_zeros: true}",
            "line 3: accelerator: skip_zeros is of chunks of streams",
        ),
        (
            "accelerator: {weight_beat: 32}",
            "line 2: accelerator: weight_beat = 32 is of weights on",
        ),
        ("exit: {}", "line 2: exit: needs a network of several lengths"),
        (
            "sc: {bits: 4, lengths: [1, 4]}",
            "line 2: sc: lengths: stream length 1: expected a power of two, 2",
        ),
    ],
)
def test_options_that_depend_on_others(tmp_path, text, message):
    """Are refused when the file is read, with their line."""
    path = tmp_path / "net.yaml"
    path.write_text(f"name: x\n{text}\n")
    with pytest.raises(BitrainError, match=message):
        load_config(path)


def test_an_array_alone_is_the_accelerators():
    for accelerator in ({}, None, {"engines": 2}):
        options = {"name": "x", "array": {"lanes": 4}, "accelerator": accelerator}
        assert RunConfig.model_validate(options).array.lanes == 4
    with pytest.raises(ValidationError, match="array is there twice"):
        RunConfig.model_validate({"name": "x", "array": {}, "accelerator": {"array": {}}})


def test_examples_are_valid():
    loaders = {".": load_config, "recast": load_plan, "search": load_search}
    for folder, load in loaders.items():
        paths = sorted((EXAMPLES / folder).glob("*.yaml"))
        assert paths
        for path in paths:
            assert load(path).name == path.stem
