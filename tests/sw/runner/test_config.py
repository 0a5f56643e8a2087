"""Options that configurations share."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from bitrain.runner.config import DataConfig, JobConfig


class Config(JobConfig):
    name: str = "job"
    data: DataConfig = DataConfig(name="mnist", directory=Path("there"))
    rounds: int = 3


def test_another_folder():
    config = Config()
    assert config.with_data_dir(None) is config
    changed = config.with_data_dir(Path("here"))
    assert changed == Config(data=DataConfig(name="mnist", directory=Path("here")))
    assert config.data.directory == Path("there"), "a copy"


def test_options_are_checked_and_stay():
    with pytest.raises(ValidationError, match="nmae"):
        DataConfig.model_validate({"nmae": "mnist"})
    with pytest.raises(ValidationError, match="frozen"):
        DataConfig().name = "mnist"
    assert DataConfig().name == "digits" and DataConfig().directory is None
