"""The steps joined: from a data set to a report, and what can be done with a network file."""

from .config import RunConfig, load_config
from .networks import accuracies, generate_with_testbench
from .pipeline import run_flow

__all__ = ["RunConfig", "accuracies", "generate_with_testbench", "load_config", "run_flow"]
