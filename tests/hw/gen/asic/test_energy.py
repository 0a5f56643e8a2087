"""Energies of transitions, by hand."""

from typing import Any

import numpy as np
import pytest
from netlists import module
from standard_cells import SMALL, small_library

from bitrain.gen.asic.energy import PARTS, transition_energies
from bitrain.gen.asic.gates import BATCHES, COPIES, Gates, pack
from bitrain.gen.asic.liberty import read_library

CLOCK_PIN = "pin (C) { direction : input; clock : true; capacitance : 0.003;"
DATA_PIN = "pin (D) { direction : input; capacitance : 0.002;"
FLAT_ENERGY = (
    'rise_power (energy) { index_1 ("0.01, 0.02"); index_2 ("0.1, 0.2"); '
    'values ("0.01, 0.01", "0.01, 0.01"); }'
)

# A register, a NAND of it with its input, an inverter that drives a port.
CELLS = {
    "ff": ("DFF", {"C": 2, "D": 3, "Q": 4}),
    "nand": ("NAND2", {"A": 4, "B": 3, "Y": 5}),
    "inv": ("INV", {"A": 5, "Y": 6}),
}
CIRCUIT = module(CELLS, clk=[2], a=[3], y=[6])


def energies(folder, circuit: dict[str, Any] = CIRCUIT, *changes: tuple[str, str]):
    """By net and part, of the small library with changes."""
    text = SMALL
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = small_library(folder)
    path.write_text(text)
    found = transition_energies(circuit, read_library(path))
    sums: dict[tuple[int, str], float] = {}
    for net, part, energy in zip(found.net, found.part, found.energy, strict=True):
        key = int(net), PARTS[part]
        sums[key] = sums.get(key, 0.0) + energy
    return sums


def test_half_c_v_squared_and_what_cells_take(tmp_path) -> None:
    """V = 1; inputs of gates have 10 fF, of the flip-flop 2 and 3; outputs of gates take 10 fJ."""
    assert energies(tmp_path) == pytest.approx(
        {
            (2, "clock"): 0.003 / 2,
            (3, "inputs"): (0.002 + 0.01) / 2,
            (4, "registers"): 0.01 / 2,
            (5, "logic"): 0.01 / 2 + 0.01,
            (6, "logic"): 0.01,
        }
    )


def test_units_and_voltage(tmp_path) -> None:
    """1/2 C V² with nom_voltage, energies of tables with voltage_unit and the unit of loads."""
    twice = energies(tmp_path, CIRCUIT, ("nom_voltage : 1.0", "nom_voltage : 2.0"))
    assert twice[3, "inputs"] == pytest.approx(4 * 0.012 / 2)
    assert twice[6, "logic"] == pytest.approx(0.01)
    smaller = energies(tmp_path, CIRCUIT, ("(1, pf)", "(100, ff)"))
    assert smaller[3, "inputs"] == pytest.approx(0.0012 / 2)
    assert smaller[6, "logic"] == pytest.approx(0.001)
    halves = energies(tmp_path, CIRCUIT, ('voltage_unit : "1V"', 'voltage_unit : "500mV"'))
    assert halves[3, "inputs"] == pytest.approx(0.012 / 2 / 4)
    assert halves[6, "logic"] == pytest.approx(0.01 / 4)


def test_tables_are_read_between_their_numbers(tmp_path) -> None:
    """An inverter behind a port, whose slew is 0.06, with a load of 12 fF; falls take 10 fJ."""
    cells = {
        "inv": ("INV", {"A": 3, "Y": 4}),
        "next": ("INV", {"A": 4, "Y": 5}),
        "ff": ("DFF", {"C": 2, "D": 4, "Q": 6}),
    }
    sloped = (
        'rise_power (energy) { index_1 ("0.01, 0.02"); index_2 ("0.02, 0.12"); '
        'values ("0.01, 0.03", "0.02, 0.04"); }'
    )
    found = energies(tmp_path, module(cells, clk=[2], a=[3], y=[5]), (FLAT_ENERGY, sloped))
    rise = 0.01 + 0.2 * 0.01 + 0.4 * 0.02
    assert found[4, "logic"] == pytest.approx(0.012 / 2 + (rise + 0.01) / 2)
    # The other one drives nothing, behind a slew of 0.1: beyond the table as between its numbers.
    rise = 0.01 - 1.0 * 0.01 + 0.8 * 0.02
    assert found[5, "logic"] == pytest.approx((rise + 0.01) / 2)


def test_outputs_are_the_mean_of_their_inputs(tmp_path) -> None:
    text = SMALL
    start = text.index("cell (NAND2)")
    place = text.index("related_pin", text.index("internal_power", start))
    first = text[place : text.index("}\n      }", place)]
    expensive = first.replace('"0.01, 0.01", "0.01, 0.01"', '"0.03, 0.03", "0.03, 0.03"')
    assert text.count(first) > 1
    path = small_library(tmp_path)
    path.write_text(text[:place] + expensive + text[place + len(first) :])
    found = transition_energies(CIRCUIT, read_library(path))
    nand = found.energy[found.net == 5].sum()
    assert nand == pytest.approx(0.01 / 2 + (0.03 + 0.01) / 2)


def test_inputs_take_energy_too(tmp_path) -> None:
    """By the slew of their net, which is that of ports and of the ideal clock."""
    clock = """internal_power () {
        rise_power (passive) { index_1 ("0.01, 0.11"); values ("0.004, 0.008"); }
        fall_power (passive) { index_1 ("0.01, 0.11"); values ("0.010, 0.020"); } }"""
    data = 'internal_power () { power (passive) { index_1 ("0, 1"); values ("0.1, 0.1"); } }'
    when = """internal_power () { when : "C"; power (passive) { values ("0.2"); } }
        internal_power () { when : "!C"; power (passive) { values ("0.4"); } }"""
    changes = [(CLOCK_PIN, CLOCK_PIN + clock), (DATA_PIN, DATA_PIN + data)]
    found = energies(tmp_path, CIRCUIT, *changes)
    assert found[2, "clock"] == pytest.approx(0.003 / 2 + (0.006 + 0.015) / 2)
    assert found[3, "inputs"] == pytest.approx(0.012 / 2 + 0.1)
    found = energies(tmp_path, CIRCUIT, (DATA_PIN, DATA_PIN + when))
    assert found[3, "inputs"] == pytest.approx(0.012 / 2 + 0.3)


def test_energy_of_a_simulation(tmp_path) -> None:
    """A shift by one of 0 1 1 0: transitions by hand, in one copy of each batch."""
    library = read_library(small_library(tmp_path))
    gates = Gates(CIRCUIT, library)
    found = transition_energies(CIRCUIT, library)
    bits = np.zeros((COPIES, 1), int)
    for cycle, bit in enumerate((0, 0, 0, 1, 1, 0, 0)):
        bits[:: COPIES // BATCHES] = bit
        gates.step({"a": pack(bits)}, counted=cycle > 1)
    # a and Q rise and fall; the NAND falls where both are one, for a cycle; so does the inverter.
    copies = COPIES // BATCHES
    clock = copies * 5 * 2 * 0.003 / 2
    assert gates.settled[3:7].sum(1).tolist() == [2 * BATCHES] * 4
    parts = np.array([clock, 2 * 0.006, 2 * 0.005, 2 * (0.015 + 0.01)])
    assert found.total(gates.settled) == pytest.approx(parts.sum())
    assert found.by_part(gates.settled) == pytest.approx(BATCHES * parts)
