"""What the steps of a run share: configuration, output folder, data set, and what is in them."""

from dataclasses import dataclass
from pathlib import Path

from bitrain.data import Dataset
from bitrain.runner.workspace import Workspace
from bitrain.spec import Network, load_network

from .config import RunConfig


@dataclass(frozen=True)
class Run:
    """One run. A step is a function of it that returns a JSON value."""

    config: RunConfig
    workspace: Workspace
    dataset: Dataset
    progress: bool = True
    """Whether trainings show a bar."""

    @property
    def ip(self) -> Path:
        """The IP folder."""
        return self.workspace.path("ip")

    @property
    def network(self) -> Network:
        """The exported network."""
        return load_network(self.workspace.path("network.npz"))
