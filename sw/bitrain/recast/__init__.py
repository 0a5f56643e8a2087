"""Network recasting: a trained network into any block types, block by block."""

from .cycles import propose_rules, sc_cycles
from .match import finetune_student, matching_loss, measure_difference, recast_block
from .parse import parse_blocks
from .plan import RecastFineTuneConfig, RecastPlan, Rule, ScRecast
from .stochastic import last_layers, recast_stochastic
from .student import Student, blocks_of, specs_of, untrained

__all__ = [
    "RecastFineTuneConfig",
    "RecastPlan",
    "Rule",
    "ScRecast",
    "Student",
    "blocks_of",
    "finetune_student",
    "last_layers",
    "matching_loss",
    "measure_difference",
    "parse_blocks",
    "propose_rules",
    "recast_block",
    "recast_stochastic",
    "sc_cycles",
    "specs_of",
    "untrained",
]
