"""Energies of arrays in standard cells: measured where they are determined, near elsewhere."""

from dataclasses import replace

import pytest
from rich.console import Console
from standard_cells import small_library
from studied import LENGTH

from bitrain.explore import cells as module
from bitrain.explore.cells import CORNERS, Cells
from bitrain.gen.asic.liberty import read_library
from bitrain.program import Array, Program
from bitrain.spec import BitrainError


@pytest.fixture
def cells(tmp_path, study_images) -> Cells:
    return Cells(
        out=tmp_path / "out",
        library=read_library(small_library(tmp_path)),
        images=study_images.examples(4)[0],
    )


def test_one_array_only(cells, space):
    with pytest.raises(BitrainError, match="--engines 2: array energy is that of one array"):
        cells.of_space(replace(space, engines=(1, 2)), Console(quiet=True))


@pytest.mark.tools
@pytest.mark.slow
def test_energies_of_a_space(cells, space, monkeypatch):
    monkeypatch.setattr(module, "LARGER", ())  # test_energy has them
    few = replace(space, accelerators=space.accelerators[4:5], lanes=(4,))
    (made,) = cells.of_space(few, Console(quiet=True)).accelerators
    assert made.energies[4].keys() == {4, 8, LENGTH}
    assert few.accelerators[0].digest != made.digest
    array, corner = (Array(channels=p, positions=q, lanes=4) for p, q in ((4, 3), CORNERS[0]))
    for length, energy in made.energies[4].items():
        assert energy.coefficients[3] > 0 == energy.coefficients[4]
        measured = cells.measure(made, array)[length]
        assert energy.image(Program(made.network, array)) == pytest.approx(measured, rel=0.1)
        exact = cells.measure(made, corner)[length]
        assert energy.image(Program(made.network, corner)) == pytest.approx(exact)
    energies, by_title = cells.measure(made, array), cells.by_title(made, array)
    assert by_title.keys() == {way.title for way in made.ways}
    way = made.ways[-1]
    runs = {length: energies[length] for length in way.lengths}
    assert by_title[way.title] == pytest.approx(way.mean(runs))
