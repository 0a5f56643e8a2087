"""Configuration of a whole run, as a YAML file."""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from bitrain.gen.families.devices import DEFAULT_DEVICE
from bitrain.nn import ScConfig
from bitrain.program import AcceleratorConfig, Array, check_conflicts
from bitrain.runner.config import JobConfig, Section
from bitrain.runner.yaml_file import read_yaml
from bitrain.spec import BitrainError
from bitrain.train.config import FineTuneConfig, TrainConfig, check_prefix_options


class SimulateConfig(Section):
    """Simulation of the generated Verilog."""

    images: int = Field(default=8, ge=1)
    """Test images streamed through the accelerator."""
    simulator: Literal["verilator", "icarus"] = "verilator"
    seed: int = 0
    """Seed of the random stalls."""


class SynthConfig(Section):
    """Synthesis, place and route."""

    device: str = DEFAULT_DEVICE
    frequency: float | None = Field(default=None, gt=0)
    """Target in MHz; the device's by default."""
    seed: int = 1
    """Seed of the placement."""


class ExitConfig(Section):
    """Exits of a network that is trained at several lengths."""

    tolerance: float = Field(default=0.1, ge=0, le=100)
    """Points of accuracy that they may cost, on the images that choose them."""
    cycles: float | None = Field(default=None, gt=0)
    """Cycles of a stream on average, all runs of an image added up, that they may take there, in
    place of a tolerance: with the fewest classes changed."""
    held_out: int | None = Field(default=None, ge=0)
    """Training images that choose the exits in place of being learnt; 0: some that are learnt. By
    default 5,000, and at most a fifth of them."""
    most: Literal[1, 2] = 2
    """How many there may be."""

    @model_validator(mode="after")
    def _one_aim(self) -> Self:
        if self.cycles is not None and "tolerance" in self.model_fields_set:
            raise ValueError("tolerance or cycles choose the exits; leave one of them out")
        return self


class RunConfig(JobConfig):
    """Everything that ``bitrain run`` does, in order."""

    model: str = "digits_cnn"
    """One of ``bitrain.models.list_models()``, or your own as ``path/to/file.py:function``."""
    pretrained: str | None = None
    """Trained weights to start from in place of training: a name of
    ``bitrain.models.list_pretrained()``, or a safetensors file."""
    train: TrainConfig = TrainConfig()
    sc: ScConfig = ScConfig()
    finetune: FineTuneConfig = FineTuneConfig()
    """SC-aware training of the network to be generated."""
    exit: ExitConfig | None = None
    """Choose where images may be decided early, among ``sc.lengths``."""
    lengths: tuple[int, ...] = (4, 8, 16, 32, 64, 128, 256)
    """Stream lengths of the accuracy table; each is trained for by itself."""
    accelerator: AcceleratorConfig = AcceleratorConfig()
    simulate: SimulateConfig = SimulateConfig()
    synth: SynthConfig = SynthConfig()

    @model_validator(mode="before")
    @classmethod
    def _array_alone(cls, options: Any) -> Any:
        """``array: {…}`` is short for ``accelerator: {array: {…}}``."""
        if not isinstance(options, dict) or "array" not in options:
            return options
        options = dict(options)
        accelerator = options.get("accelerator")
        accelerator = {} if accelerator is None else accelerator
        if isinstance(accelerator, dict):
            if "array" in accelerator:
                raise ValueError("array is there twice; give it in accelerator alone")
            options["accelerator"] = {**accelerator, "array": options.pop("array")}
        return options

    @model_validator(mode="after")
    def _exits_of_lengths(self) -> Self:
        lengths = self.sc.lengths
        if self.exit and not lengths:
            raise ValueError("exit: needs a network of several lengths; give sc: {lengths: [4, 8]}")
        cycles = self.exit and self.exit.cycles
        if cycles and not lengths[0] <= cycles <= sum(lengths):
            raise ValueError(
                f"exit.cycles: {cycles:g} cycles of a stream on average; expected {lengths[0]}, "
                f"which the shortest run takes, to {sum(lengths)}, which all runs take together"
            )
        check_prefix_options(lengths, self.finetune)
        return self

    @property
    def array(self) -> Array:
        """The accelerator's."""
        return self.accelerator.array

    @property
    def integers(self) -> str:
        """Arithmetic of the fair rival, which gets the same training as streams.

        That of the accelerator, if it has integers; else one that has shorter runs too, where
        streams have.
        """
        if not self.array.rules.has_streams:
            return self.array.arithmetic
        return "bitserial" if self.sc.lengths else "binary"

    @property
    def trained(self) -> Literal["streams", "integers"]:
        """Which of the two is exported."""
        return "streams" if self.array.rules.has_streams else "integers"

    @field_validator("accelerator")
    @classmethod
    def _goes_together(cls, accelerator: AcceleratorConfig) -> AcceleratorConfig:
        try:
            check_conflicts(accelerator)
        except BitrainError as error:
            raise ValueError(str(error)) from error
        return accelerator

    @field_validator("lengths")
    @classmethod
    def _powers_of_two(cls, lengths: tuple[int, ...]) -> tuple[int, ...]:
        for length in lengths:
            if length & (length - 1) or not 4 <= length <= 1024:
                raise ValueError(f"{length} is not a power of two in 4 … 1024")
        if not lengths:
            raise ValueError("give one stream length or more")
        return lengths


def load_config(path: Path, data_dir: Path | None = None) -> RunConfig:
    """Read a YAML file; :class:`BitrainError` names what is wrong.

    data_dir: where the data set's files are, in place of the file's ``data.directory``.
    """
    return read_yaml(path, RunConfig).with_data_dir(data_dir)
