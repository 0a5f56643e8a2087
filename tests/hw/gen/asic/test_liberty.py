"""Cells of a Liberty file, in ns, pF, nW and pJ."""

import pytest
from standard_cells import SMALL, small_library

from bitrain.gen.asic.liberty import FlipFlop, Table, read_library
from bitrain.spec import BitrainError


def test_cells(tmp_path) -> None:
    library = read_library(small_library(tmp_path))
    assert (library.name, library.voltage) == ("small", 1.0)
    assert {name: cell.area for name, cell in library.cells.items()} == {
        "INV": 1.0,
        "BUF": 1.5,
        "NAND2": 2.0,
        "NOR2": 2.0,
        "XOR2": 4.0,
        "DFF": 8.0,
    }
    nand = library.cells["NAND2"]
    assert [pin.name for pin in nand.inputs] == ["A", "B"] and nand.leakage == 2
    assert nand.pins["A"].capacitance == 0.01
    first, second = nand.pins["Y"].arcs
    assert (first.pin, first.sense, second.pin) == ("A", "negative_unate", "B")
    assert first.tables["cell_fall"].at(0.01, 0.1) == pytest.approx(0.3)
    assert nand.pins["Y"].energies[0].tables["rise_power"].at(0.015, 0.1) == pytest.approx(0.01)
    flip_flop = library.cells["DFF"]
    assert flip_flop.is_register and not nand.is_register
    assert nand.pins["Y"].function == "(!(A B))" and nand.flip_flop is None
    assert flip_flop.flip_flop == FlipFlop(
        states=("IQ", "IQN"), next_state="D", clocked_on="C", forced=()
    )
    assert library.buffer == "INV"


def test_units_become_those_of_everything(tmp_path) -> None:
    path = small_library(tmp_path)
    wide = SMALL.replace('"1ns"', '"10ps"').replace("(1, pf)", "(100, ff)")
    path.write_text(wide.replace('leakage_power_unit : "1nW"', 'leakage_power_unit : "1uW"'))
    nand = read_library(path).cells["NAND2"]
    assert nand.pins["A"].capacitance == pytest.approx(0.001)
    assert nand.leakage == pytest.approx(2000)
    arc = nand.pins["Y"].arcs[0]
    assert arc.tables["cell_fall"].at(0.001, 0.001) == pytest.approx(0.003)
    energy = nand.pins["Y"].energies[0].tables["rise_power"]
    assert energy.at(0.001, 0.001) == pytest.approx(0.001)


@pytest.mark.parametrize(
    ("load", "slew", "wanted"),
    [(0.0, 0.0, 1.0), (1.0, 0.0, 2.0), (0.5, 0.5, 2.5), (2.0, 0.0, 3.0), (0.0, -1.0, -1.0)],
)
def test_numbers_between_and_beyond(load, slew, wanted) -> None:
    table = Table((0.0, 1.0), (0.0, 1.0), ((1.0, 3.0), (2.0, 4.0)))
    assert table.at(load, slew) == pytest.approx(wanted)
    assert Table((0.0,), (0.0, 1.0), ((1.0, 3.0),)).at(load, slew) == pytest.approx(1 + 2 * slew)
    assert Table((0.0,), (0.0,), ((7.0,),)).at(load, slew) == 7.0


def test_axes_may_be_the_other_way_round(tmp_path) -> None:
    path = small_library(tmp_path)
    text = SMALL.replace(
        "variable_1 : total_output_net_capacitance; variable_2 : input_net_transition;",
        "variable_1 : input_net_transition; variable_2 : total_output_net_capacitance;",
        1,
    )
    path.write_text(text)
    arc = read_library(path).cells["INV"].pins["Y"].arcs[0]
    assert arc.tables["cell_rise"].at(0.1, 0.02) == pytest.approx(0.2)  # by slew, then by load


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("library (small) {", "library (small) ["), r"not a Liberty file \(line \d+: "),
        (("area : 1.0", "area : small"), "not a Liberty file"),
        (('time_unit : "1ns"', 'time_unit : "1 day"'), "not a Liberty file"),
        (("cell (DFF)", "other (DFF)"), "no flip-flop among 5 cells"),
        (('"0.1, 0.1", "0.2, 0.2"', '"0.1, 0.1"'), "expected 2 x 2 numbers"),
    ],
)
def test_what_is_no_library_is_refused(tmp_path, change, message) -> None:
    path = small_library(tmp_path)
    text = SMALL.replace(*change)
    assert text != SMALL
    path.write_text(text)
    with pytest.raises(BitrainError, match=message):
        read_library(path)
    with pytest.raises(BitrainError, match="no such file"):
        read_library(tmp_path / "none.lib")
