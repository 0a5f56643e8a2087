"""The longest path, by hand."""

from typing import Any

import pytest
from netlists import module
from standard_cells import small_library

from bitrain.gen.asic.liberty import read_library
from bitrain.gen.asic.timing import Netlist


@pytest.fixture
def library(tmp_path):
    return read_library(small_library(tmp_path))


def test_from_register_to_register(library) -> None:
    """0.2 to Q; the NAND falls in 0.3 with the XOR's 10 fF; then the XOR, and 0.05 before."""
    cells = {
        "first": ("DFF", {"C": 2, "D": 3, "Q": 4}),
        "nand": ("NAND2", {"A": 4, "B": 3, "Y": 5}),
        "xor": ("XOR2", {"A": 5, "B": 3, "Y": 6}),
        "last": ("DFF", {"C": 2, "D": 6, "Q": 7}),
    }
    found = Netlist(module(cells, clk=[2], a=[3], q=[7]), library).longest()
    assert found is not None
    # The XOR drives 2 fF, so that its falls take 0.3 - 0.08.
    assert found.delay == pytest.approx(0.2 + 0.3 + 0.22 + 0.05)
    assert (found.begin, found.end, found.cells) == ("first", "last.D", 3)


def test_edges_alternate_in_inverters(library) -> None:
    """A fall of the one makes a rise of the other: 0.3 and 0.1, never 0.3 twice."""
    cells = {
        "one": ("INV", {"A": 2, "Y": 3}),
        "two": ("INV", {"A": 3, "Y": 4}),
    }
    found = Netlist(module(cells, a=[2], y=[4]), library).longest()
    assert found is not None
    unloaded_rise, unloaded_fall = 0.0, 0.2
    wanted = max(0.3 + unloaded_rise, 0.1 + unloaded_fall)
    assert found.delay == pytest.approx(wanted)
    assert (found.begin, found.end) == ("a", "y")


def test_load_makes_it_slower(library) -> None:
    cells = {"drives": ("BUF", {"A": 2, "Y": 3})}
    cells |= {f"sink{i}": ("INV", {"A": 3, "Y": 4 + i}) for i in range(3)}
    netlist = Netlist(module(cells, a=[2]), library)
    assert netlist.load(3) == pytest.approx(0.03)
    assert netlist.edges()[3]["fall"].arrival == pytest.approx(0.5)  # beyond the table's 20 fF


def test_constants_and_memories_are_no_paths(library) -> None:
    cells: dict[str, Any] = module({"nand": ("NAND2", {"A": 2, "B": 5, "Y": 3})}, a=[2], y=[3])
    cells["cells"]["nand"]["connections"]["B"] = ["1"]
    cells["cells"]["ram"] = {"type": "$mem_v2", "connections": {"RD_DATA": [7]}}
    found = Netlist(cells, library).longest()
    assert found is not None and found.delay == pytest.approx(0.2)
    assert Netlist(module({}), library).longest() is None
    cells["cells"]["behind"] = {"type": "INV", "connections": {"A": [7], "Y": [8]}}
    cells["cells"]["last"] = {"type": "DFF", "connections": {"C": [9], "D": [8], "Q": [10]}}
    assert Netlist(cells, library).longest() == found
