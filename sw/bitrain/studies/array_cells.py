"""Arrays in standard cells, kept in a folder: area, leakage, and the energy of an image."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bitrain.gen.asic.liberty import Library
from bitrain.program import Array
from bitrain.runner.workspace import Workspace
from bitrain.spec import Network, file_digest, network_digest, to_unipolar

from .arithmetic import array_in_cells
from .array_energy import energy_step


@dataclass(frozen=True, kw_only=True)
class ArrayCells:
    """Maps arrays to the cells of a library, and simulates them with operands of images."""

    workspace: Workspace
    library: Library
    clock_mhz: float
    """The clock that cells are sized for."""

    def map(self, name: str, network: Network, array: Array) -> dict[str, Any]:
        """What ``array_in_cells`` says of an array; name: unique in the folder."""
        inputs = [network_digest(network), array.model_dump(mode="json")]
        inputs += [self.library.name, file_digest(self.library.path), self.clock_mhz]
        self.workspace.fingerprint = ""  # arrays do not depend on each other
        self.workspace.step(
            self._step(name),
            inputs,
            lambda: array_in_cells(
                network, array, self._folder(name), self.library, self.clock_mhz
            ),
        )
        return self.workspace.results[self._step(name)]

    def energies(
        self,
        name: str,
        network: Network,
        array: Array,
        pixels: np.ndarray,
        *,
        lengths: Iterable[int] = (),
    ) -> dict[int, dict[str, Any]]:
        """What ``measure_energy`` says of each run of an array, by its length.

        pixels: images in [0, 1]. lengths: of shorter runs; by default the network's own alone.
        """
        self.map(name, network, array)
        mapped = self.workspace.fingerprint
        runs = array.rules.shorter(network)
        longest = max(layer.stream_length for layer in network.layers)
        found = {}
        for length in sorted(lengths) or [longest]:
            self.workspace.fingerprint = mapped  # runs do not depend on each other
            found[length] = energy_step(
                self.workspace,
                self._step(name),
                network=network,
                array=array,
                folder=self._folder(name),
                library=self.library,
                images=to_unipolar(pixels, network.bits),
                clock_mhz=self.clock_mhz,
                shorter=runs[length] if lengths else None,
            )
        return found

    def _step(self, name: str) -> str:
        return f"cells-{name}"

    def _folder(self, name: str) -> Path:
        return self.workspace.path("arrays", name)
