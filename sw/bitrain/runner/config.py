"""What configurations share: options that are checked, and the data set."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveInt,
    ValidationError,
    field_validator,
    model_validator,
)

from bitrain.spec import BitrainError, plain


class Section(BaseModel):
    """Options that are checked, and cannot change."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def data_metadata(name: str, classes: Sequence[str], source: Mapping[str, Any]) -> dict[str, Any]:
    """A data set in a network file; source: options of ``bitrain.data.load_dataset``."""
    plain_source = {key: str(x) if isinstance(x, Path) else x for key, x in source.items()}
    found = {"data": name, "classes": list(classes)}
    return found | ({"source": plain_source} if plain_source else {})


class DataConfig(Section):
    """Which images."""

    name: str = "digits"
    directory: Path | None = None
    """The data set's files, or their folder; ``digits`` needs none, others are downloaded then."""
    mean: tuple[float, ...] | None = None
    """What the model takes off the images, which lie in 0 … 1: one number, or one for each channel;
    with ``std``, that it then divides by. Both become part of the first layer."""
    std: tuple[float, ...] | None = None
    split: float | None = Field(default=None, gt=0, lt=1, exclude_if=lambda share: share is None)
    """Share of each class that is the test part, of files without one."""
    resize: tuple[PositiveInt, PositiveInt] | None = Field(
        default=None, exclude_if=lambda size: size is None
    )
    """Rows and columns that images are resized to; one number stands for both."""

    @field_validator("resize", mode="before")
    @classmethod
    def _square(cls, value: Any) -> Any:
        return (value, value) if isinstance(value, int) else value

    @property
    def source(self) -> dict[str, Any]:
        """Options of ``bitrain.data.load_dataset``."""
        found = {"data_dir": self.directory, "split": self.split, "resize": self.resize}
        return {key: value for key, value in found.items() if value is not None}

    def metadata(self, classes: Sequence[str]) -> dict[str, Any]:
        """What a network file remembers of it."""
        return data_metadata(self.name, classes, self.source)

    @field_validator("mean", "std", mode="before")
    @classmethod
    def _single(cls, value: Any) -> Any:
        return (value,) if isinstance(value, int | float) else value

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.mean is None) != (self.std is None):
            raise ValueError("mean and std go together; give both (std: 1 where there is none)")
        return self

    @property
    def normalisation(self) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
        """Mean and standard deviation, if the model's images are normalised."""
        return None if self.mean is None or self.std is None else (self.mean, self.std)


Options = TypeVar("Options", bound=Section)


def read_json(path: Path, section: type[Options], problem: str) -> Options:
    """A JSON file as a ``section``; :class:`BitrainError` of the ``problem`` if it is none."""
    try:
        return section.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = plain(error.errors()[0]) if isinstance(error, ValidationError) else error
        raise BitrainError(f"{problem} ({reason})") from error


class JobConfig(Section):
    """What every long job is told."""

    name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")
    """Names the network and the Verilog module."""
    data: DataConfig = DataConfig()

    def with_data_dir(self, data_dir: Path | None) -> Self:
        """The same with another folder of the data set's files, if one is given."""
        if data_dir is None:
            return self
        data = self.data.model_copy(update={"directory": data_dir})
        return self.model_copy(update={"data": data})

    def with_seed(self, seed: int, *trainings: str) -> Self:
        """The same with another seed in the sections named."""
        parts = {name: getattr(self, name) for name in trainings}
        seeded = {name: part.model_copy(update={"seed": seed}) for name, part in parts.items()}
        return self.model_copy(update=seeded)
