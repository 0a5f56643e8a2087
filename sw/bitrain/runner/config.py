"""What configurations share: options that are checked, and the data set."""

from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from bitrain.spec import BitrainError


class Section(BaseModel):
    """Options that are checked, and cannot change."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DataConfig(Section):
    """Which images."""

    name: str = "digits"
    directory: Path | None = None
    """The data set's files, or their folder; ``digits`` needs none, others are downloaded then."""


Options = TypeVar("Options", bound=Section)


def read_json(path: Path, section: type[Options], problem: str) -> Options:
    """A JSON file as a ``section``; :class:`BitrainError` of the ``problem`` if it is none."""
    try:
        return section.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error
        raise BitrainError(f"{problem} ({reason})") from error


class _HasData(Protocol):
    @property
    def data(self) -> DataConfig: ...

    def model_copy(self, *, update: dict[str, Any]) -> Self: ...


Config = TypeVar("Config", bound=_HasData)


def with_data_dir(config: Config, data_dir: Path | None) -> Config:
    """The configuration with another folder of the data set's files, if one is given."""
    if data_dir is None:
        return config
    data = config.data.model_copy(update={"directory": data_dir})
    return config.model_copy(update={"data": data})


def with_seed(config: Config, seed: int, *trainings: str) -> Config:
    """The configuration with another seed in the sections named."""
    parts = {name: getattr(config, name) for name in trainings}
    seeded = {name: part.model_copy(update={"seed": seed}) for name, part in parts.items()}
    return config.model_copy(update=seeded)
