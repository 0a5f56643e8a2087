"""The energy of arrays in standard cells, measured for a few and computed for all others."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console

from bitrain.gen.asic.liberty import Library
from bitrain.program import Array, Program
from bitrain.runner.workspace import Workspace
from bitrain.spec import BitrainError
from bitrain.studies.arithmetic import KINDS
from bitrain.studies.array_cells import ArrayCells
from bitrain.studies.array_energy import check_energy

from .energy import ChunkEnergy, num_chunks
from .space import Accelerator, Space

CORNERS = (2, 2), (4, 2), (2, 4), (4, 4)
"""P and Q of the arrays that determine four of the coefficients."""
LARGER = (4, 8), (8, 8), (8, 16), (16, 16)
"""The first of them with pipelined counts determines the fifth."""
CLOCK_MHZ = 80
"""The clock that cells are sized for."""


@dataclass(frozen=True, kw_only=True)
class Cells:
    """Measures arrays in standard cells; results are kept in a folder."""

    out: Path
    """The folder."""
    library: Library
    images: np.ndarray
    """Pixels in [0, 1], shape (images, channels, rows, columns)."""

    def of_space(self, space: Space, console: Console) -> Space:
        """The space whose accelerators have a :class:`ChunkEnergy` for each N and L."""
        if max(space.engines) > 1:
            raise BitrainError(
                f"--engines {max(space.engines)}: array energy is that of one array; leave out "
                "--liberty, or give --engines 1"
            )
        accelerators = []
        for each in space.accelerators:
            energies = {n: self._model(each, n, console) for n in each.lanes(space.lanes)}
            accelerators.append(replace(each, energies=energies))
        return replace(space, accelerators=tuple(accelerators))

    def _model(
        self, accelerator: Accelerator, lanes: int, console: Console
    ) -> Mapping[int, ChunkEnergy]:
        def array(size: tuple[int, int]) -> Array:
            fields = {"channels": size[0], "positions": size[1], "lanes": lanes}
            return Array.model_validate(fields | KINDS[accelerator.kind])

        sizes, found = [*CORNERS], dict[int, list[tuple[Array, float]]]()
        if not array(CORNERS[-1]).pipelined:
            sizes += [size for size in LARGER if array(size).pipelined][:1]
        for size in sizes:
            console.print(f"{accelerator.name}, {size[0]} x {size[1]} x {lanes}: cells ...")
            chunks = num_chunks(Program(accelerator.network, array(size)))
            for length, energy in self.measure(accelerator, array(size)).items():
                found.setdefault(length, []).append((array(size), 1e3 * energy / chunks))
        return {length: ChunkEnergy.of(measured) for length, measured in found.items()}

    def measure(self, accelerator: Accelerator, array: Array) -> dict[int, float]:
        """Energy in nJ of an image at each length, by gate-level simulation without glitches."""
        check_energy(accelerator.network)
        array = array.model_copy(update={"width": 1})  # operands arrive outside of it
        cells = ArrayCells(workspace=Workspace(self.out), library=self.library, clock_mhz=CLOCK_MHZ)
        lengths = accelerator.lengths
        found = cells.energies(
            f"{accelerator.name}-{array.channels}x{array.positions}x{array.lanes}",
            accelerator.network,
            array,
            self.images,
            lengths=lengths if len(lengths) > 1 else (),
        )
        return {length: each["energy_per_image"] for length, each in found.items()}

    def by_title(self, accelerator: Accelerator, array: Array) -> dict[str, float]:
        """:meth:`measure` for each way to run the accelerator, by its title."""
        energies = self.measure(accelerator, array)
        return {
            way.title: way.mean({length: energies[length] for length in way.lengths})
            for way in accelerator.ways
        }
