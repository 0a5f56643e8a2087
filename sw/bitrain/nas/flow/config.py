"""Configuration of ``bitrain search``, as a YAML file."""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from bitrain.nn import ScConfig
from bitrain.program import Array
from bitrain.recast.plan import RecastFineTuneConfig
from bitrain.runner.config import JobConfig, read_json
from bitrain.runner.yaml_file import read_yaml
from bitrain.train.config import FineTuneConfig, TrainConfig, check_prefix_options

from ..calibrate import read_calibration
from ..coarse import CoarseConfig
from ..genotype import KNOWN, Genotype
from ..prune import PruneConfig
from ..search import SearchConfig
from ..space import FineConfig


class NasConfig(JobConfig):
    """A whole search."""

    space: FineConfig = FineConfig()
    genotype: str | None = None
    """Coarse cells that are given: one of ``nas.genotype.KNOWN`` or a JSON file; else searched."""
    coarse: CoarseConfig = CoarseConfig()
    teacher: TrainConfig = TrainConfig()
    """Training of the coarse network."""
    search: SearchConfig = SearchConfig()
    """Search of each stage's super-network."""
    prune: PruneConfig = PruneConfig()
    recovery_epochs: int = Field(default=1, ge=0)
    """Epochs of training after each round of pruning."""
    retrain: RecastFineTuneConfig = RecastFineTuneConfig()
    """Training of the joined network, by the labels and the teacher's scores."""
    sc: ScConfig = ScConfig()
    """Streams of the network, where the space's target is the accelerator."""
    finetune: FineTuneConfig = FineTuneConfig()
    """SC-aware training of the same network, and of the integer baseline."""
    random_networks: int = Field(default=0, ge=0)
    """Networks drawn from the space to compare with, trained alike."""
    array: Array = Array()
    """The accelerator, where its cycles are weighed."""

    @model_validator(mode="after")
    def _check_lanes(self) -> Self:
        if self.space.target == "accelerator" and self.array.lanes % self.sc.lanes:
            raise ValueError(
                f"array.lanes = {self.array.lanes} is no multiple of sc.lanes = {self.sc.lanes}; "
                "choose a multiple"
            )
        check_prefix_options(self.sc.lengths, self.finetune)
        return self


def load_search(path: Path, data_dir: Path | None = None) -> NasConfig:
    """Read a configuration, with the rates of the calibration that its penalty names.

    Raises :class:`BitrainError` that names the line or the file that is wrong.
    """
    config = read_yaml(path, NasConfig, "search").with_data_dir(data_dir)
    penalty = config.search.penalty
    if penalty.calibration is None:
        return config
    found = read_calibration(penalty.calibration)
    penalty = penalty.model_copy(update={"rates": found.rates, "calibration": None})
    search = config.search.model_copy(update={"penalty": penalty})
    return config.model_copy(update={"search": search})


def given_genotype(source: str) -> Genotype:
    """Coarse cells by name or from a file; :class:`BitrainError` if there are none."""
    if source in KNOWN:
        return KNOWN[source]
    problem = f"genotype {source}: not one of {list(KNOWN)} and not a readable file of one"
    return read_json(Path(source), Genotype, problem)
