"""What configurations share: options that are checked, and the data set."""

from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Options that are checked, and cannot change."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DataConfig(Section):
    """Which images."""

    name: str = "digits"
    directory: Path | None = None
    """The data set's files, or their folder; ``digits`` needs none, others are downloaded then."""


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
