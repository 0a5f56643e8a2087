"""InheritedNAS: fine-grained search that begins with coarse cells, stage by stage."""

from .accelerated import to_sequential
from .calibrate import Calibration, calibrate, read_calibration
from .coarse import CoarseConfig, search_coarse
from .genotype import KNOWN, CellGenotype, Genotype
from .join import join_stages, load_parts, node_wise_stages, save_parts, scaled_to
from .network import CellNetwork, SpaceConfig, coarse_network, derived_network
from .penalty import Cost, CostModel, PenaltyConfig
from .prune import PruneConfig
from .search import SearchConfig, train_stage
from .space import FineConfig, check_space, fine_network, inherit_weights
from .stage import StageTask, random_stages, recover_stages, search_memory, search_stage

__all__ = [
    "KNOWN",
    "Calibration",
    "CellGenotype",
    "CellNetwork",
    "CoarseConfig",
    "Cost",
    "CostModel",
    "FineConfig",
    "Genotype",
    "PenaltyConfig",
    "PruneConfig",
    "SearchConfig",
    "SpaceConfig",
    "StageTask",
    "calibrate",
    "check_space",
    "coarse_network",
    "derived_network",
    "fine_network",
    "inherit_weights",
    "join_stages",
    "load_parts",
    "node_wise_stages",
    "random_stages",
    "read_calibration",
    "recover_stages",
    "save_parts",
    "scaled_to",
    "search_coarse",
    "search_memory",
    "search_stage",
    "to_sequential",
    "train_stage",
]
