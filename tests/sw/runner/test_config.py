"""Options that configurations share."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from bitrain.runner.config import DataConfig, Section, with_data_dir


class Config(Section):
    data: DataConfig = DataConfig(name="mnist", directory=Path("there"))
    rounds: int = 3


def test_another_folder():
    config = Config()
    assert with_data_dir(config, None) is config
    changed = with_data_dir(config, Path("here"))
    assert changed == Config(data=DataConfig(name="mnist", directory=Path("here")))
    assert config.data.directory == Path("there"), "a copy"


def test_options_are_checked_and_stay():
    with pytest.raises(ValidationError, match="nmae"):
        DataConfig.model_validate({"nmae": "mnist"})
    with pytest.raises(ValidationError, match="frozen"):
        DataConfig().name = "mnist"
    assert DataConfig().name == "digits" and DataConfig().directory is None
