"""The configuration of a run."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from bitrain.flow.config import RunConfig, load_config
from bitrain.nas.flow.config import load_search
from bitrain.recast.flow import load_plan
from bitrain.train.config import FINE_TUNE, TrainConfig

EXAMPLES = Path(__file__).parents[3] / "examples"


def test_a_part_of_a_section_leaves_the_rest_at_that_sections_defaults():
    config = RunConfig.model_validate(
        {"name": "x", "train": {"epochs": 3}, "finetune": {"epochs": 3}}
    )
    assert config.train == TrainConfig(epochs=3)
    assert config.finetune == FINE_TUNE.model_copy(update={"epochs": 3})
    assert config.finetune.learning_rate != config.train.learning_rate


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
