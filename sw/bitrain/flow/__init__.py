"""The steps joined: from a data set to a report, and what can be done with a network file."""

from .ablation import run_ablation
from .board import BoardRun, check_build, run_board
from .config import RunConfig, load_config
from .inherited_nas import run_search
from .nas_ablation import run_search_ablation
from .nas_config import NasConfig, load_search
from .nas_study import run_comparison
from .networks import accuracies, dataset_of, generate_with_testbench, write_weights
from .pipeline import run_flow
from .progressive import evaluate_progressive, write_progressive
from .recasting import RecastConfig, load_plan, run_recast
from .sequences import find_sequences, sources_yaml
from .study import run_study

__all__ = [
    "BoardRun",
    "NasConfig",
    "RecastConfig",
    "RunConfig",
    "accuracies",
    "check_build",
    "dataset_of",
    "evaluate_progressive",
    "find_sequences",
    "generate_with_testbench",
    "load_config",
    "load_plan",
    "load_search",
    "run_ablation",
    "run_board",
    "run_comparison",
    "run_flow",
    "run_recast",
    "run_search",
    "run_search_ablation",
    "run_study",
    "sources_yaml",
    "write_progressive",
    "write_weights",
]
