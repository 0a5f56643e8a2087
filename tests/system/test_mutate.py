"""Mutants: what a line of Verilog becomes, and that they are drawn from everywhere."""

import json
import random

import mutate
import pytest
from simulators import require

from bitrain.cosim import simulate
from bitrain.cosim.manifest import describe_state
from bitrain.program.rom_words import num_biases


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("  assign a = b + c;", {("operator", "  assign a = b - c;")}),
        ("  assign a = b == 4'h3;", {("operator", "  assign a = b != 4'h3;")}),
        ("    if (rst) begin", {("reset", "    if (1'h0) begin")}),
        (
            "    if (x[3]) begin",
            {
                ("condition", "    if (!(x[3])) begin"),
                ("condition", "    if (1'h0) begin"),
                ("condition", "    if (1'h1) begin"),
            },
        ),
        ("    pixel <= \\$14 ;", {("register", "    pixel <= pixel;")}),
        ("  assign a = \\b$1 [5:0];", {("operand", "  assign a = (~\\b$1 [5:0]);")}),
    ],
)
def test_changes(line, expected):
    assert expected <= set(mutate.changes(line))


@pytest.mark.parametrize(
    "line",
    [
        "    .clear(start),",
        "  wire [5:0] a;",
        "module x(a);",
        "  .clk(clk),",
        "  (* full_case = 32'd1 *)",
        "",
    ],
)
def test_what_is_no_mutant(line):
    assert list(mutate.changes(line)) == []


def test_constants_change_by_a_bit():
    ((_, after),) = [c for c in mutate.changes("  x = 4'h5;") if c[0] == "constant"]
    value = int(after.partition("'h")[2].rstrip(";"), 16)
    assert (value ^ 5).bit_count() == 1


@pytest.mark.tools
@pytest.mark.slow
def test_mutants_are_found(tmp_path, capsys):
    """Of all kinds and modules, the same each time; a second run does none again."""
    require("icarus")
    number = str(4 * len(mutate.ACCELERATORS))  # four of each
    arguments = ["--mutants", number, "--only", "raw", "--out", str(tmp_path)]
    assert mutate.main(arguments) in (0, 1)
    first = capsys.readouterr().out
    assert "4 mutants" in first and first.count(": found;") >= 3
    assert mutate.main(arguments) in (0, 1)
    assert capsys.readouterr().out == first
    drawn = mutate.mutants("raw", tmp_path / "raw", 60, random.Random(0))
    assert {mutant.kind for mutant in drawn} >= {"operator", "operand", "condition", "memory"}
    assert len({mutant.module for mutant in drawn}) > 10


@pytest.mark.parametrize(
    "name",
    [
        "raw",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("axi", "stream", "wide", "padded", "bitserial")
        ),
    ],
)
def test_bits_without_effect(tmp_path, name):
    """All of them turned over at once change nothing."""
    simulator = "icarus" if name == "raw" else "verilator"
    require(simulator)
    engines = mutate.engines_of(name)
    program = engines.programs[0]
    layers = program.network.layers
    ip = mutate.write_ip(engines, tmp_path / "ip")
    for memory, idle in mutate.idle_bits(program).items():
        image = ip / "rom" / f"{memory}.mem"
        words = [[*line] for line in image.read_text().split()]
        padded = any(num_biases(layer, program.array) > layer.out_channels for layer in layers)
        assert len(idle) > 10 or memory == "program" or (memory == "biases" and not padded)
        for word, bit in idle:
            words[word][-1 - bit] = "10"[int(words[word][-1 - bit])]
        image.write_text("".join(f"{''.join(line)}\n" for line in words))
    assert simulate(ip, simulator=simulator).problems == ()


@pytest.mark.slow
def test_a_register_without_reset_is_found(tmp_path):
    """Though it is set again before it is used: a reset must set all that it sets."""
    require("icarus")
    ip = mutate.write_ip(mutate.engines_of("raw"), tmp_path / "ip")
    (source,) = (ip / "rtl").glob("*.v")
    text = source.read_text()
    state = describe_state(text)
    assert sum(map(len, state.values())) == text.count("if (rst) begin") > 100
    at = text.index("module mutated__engine__loader__walker")
    source.write_text(text[:at] + text[at:].replace("if (rst)", "if (1'h0)"))
    problems = simulate(ip, simulator="icarus").problems
    assert any("is not 0 after reset" in problem for problem in problems)


@pytest.mark.slow
def test_every_register_is_looked_at(tmp_path):
    """If a reset should set others than it does, each is told."""
    require("icarus")
    ip = mutate.write_ip(mutate.engines_of("raw"), tmp_path / "ip")
    path = ip / "tb" / "manifest.json"
    manifest = json.loads(path.read_text())
    for registers in manifest["state"].values():
        registers.update({name: value ^ 1 for name, value in registers.items()})
    path.write_text(json.dumps(manifest))
    told = [p for p in simulate(ip, simulator="icarus").problems if " after reset (" in p]
    number = sum(map(len, manifest["state"].values()))
    assert len([line for line in told if line.startswith("full_rate")]) == number > 100


@pytest.mark.tools
@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "after", "equal"),
    [
        # Bits above the three that are used.
        ("  assign a = en ? 4'h0 : b;", "  assign a = en ? 4'h8 : b;", True),
        ("  assign a = en ? 4'h0 : b;", "  assign a = en ? 4'h4 : b;", False),
        ("  assign b = q + 4'h1;", "  assign b = q - 4'h1;", False),
        ("  always @(posedge clk) q <= a;", "  always @(posedge clk) q <= q;", False),
        ("  inner inner(.x(q), .y(y));", "  inner inner(.x(~q), .y(y));", False),
        ("  inner inner(.x(q), .y(y));", "  inner inner(.x(q | 4'h0), .y(y));", True),
        ("    memory[q] <= b;", "    memory[q] <= b ^ 4'h8;", False),
    ],
)
def test_equal_is_proven(tmp_path, before, after, equal):
    verilog = """\
module top(input clk, input en, output [2:0] o, output [3:0] m);
  wire [3:0] a, b, y;
  reg [3:0] q = 4'h0;
  reg [3:0] memory [15:0];
  assign a = en ? 4'h0 : b;
  assign b = q + 4'h1;
  always @(posedge clk) q <= a;
  inner inner(.x(q), .y(y));
  assign o = a[2:0] ^ y[2:0];
  assign m = memory[q ^ y];
  always @(posedge clk)
    memory[q] <= b;
endmodule
module inner(input [3:0] x, output [3:0] y);
  assign y = ~x;
endmodule
"""
    if "4'h8" in after and equal:  # nothing else may use the bit
        verilog = verilog.replace("q <= a;", "q <= a[2:0];")
    for name, text in (("ip", verilog), ("mutant", verilog.replace(before, after))):
        (tmp_path / name / "rtl").mkdir(parents=True)
        (tmp_path / name / "rtl" / "top.v").write_text(text)
    assert before in verilog
    assert mutate.is_equal(tmp_path / "ip", tmp_path / "mutant", "top") is equal
