"""Memory images under names that tell what they hold."""

import re

import pytest
from amaranth.hdl import signed
from amaranth.lib import memory

from bitrain.gen.ip.memories import Contents, Memory, name_memories

# What Yosys gives (shortened): a RAM that starts as zeros, one that does not, ROMs of one name in
# two modules, and a memory whose name was taken.
NUMBERED = """\
module top(clk);
  (* contents = 32'd1 *)
  reg [5:0] \\activations$97  [335:0];
  always @(posedge clk) begin
    if (write__en)
      \\activations$97 [write__addr] <= write__data;
  end
  (* contents = 32'd2 *)
  reg flags [3:0];
  always @(posedge clk) begin
    flags[address] <= flag;
  end
endmodule

module top__left__table(clk);
  (* contents = 32'd3 *)
  reg [7:0] memory [1:0];
endmodule

module top__right__table(clk);
  (* contents = 32'd4 *)
  reg [7:0] memory [1:0];
endmodule

module top__engine(clk);
  (* contents = 32'd0 *)
  reg [7:0] \\program  [1:0];
endmodule
"""


@pytest.fixture
def contents() -> Contents:
    found = Contents()
    found.words = [[1, 2], [0] * 336, [0, 1, 0, 0], [0, 0], [1, 2]]
    return found


def test_memories_are_named_after_what_they_hold(contents):
    _, memories = name_memories(NUMBERED, contents)
    assert {memory.file: words for memory, words in memories.items() if memory.file} == {
        "flags.mem": [0, 1, 0, 0],
        "left_table.mem": [0, 0],
        "right_table.mem": [1, 2],
        "program.mem": [1, 2],
    }


def test_memories_are_described(contents):
    _, memories = name_memories(NUMBERED, contents)
    described = [(m.module, m.name, m.depth, m.width) for m in memories]
    assert described[:3] == [
        ("top", "activations", 336, 6),
        ("top", "flags", 4, 1),
        ("top__left__table", "memory", 2, 8),
    ]


def test_verilog_reads_the_named_files(contents):
    verilog, _ = name_memories(NUMBERED, contents)
    assert re.findall(r"\$readmemb\((.*?)\);", verilog) == [
        '"flags.mem", flags, 0, 3',
        '"left_table.mem", memory, 0, 1',
        '"right_table.mem", memory, 0, 1',
        '"program.mem", \\program , 0, 1',
    ]


def test_ram_that_starts_as_zeros_stays_without_contents(contents):
    """It is of ones in simulation, at every address that has so many bits."""
    verilog, memories = name_memories(NUMBERED, contents)
    assert next(iter(memories)).file is None
    declared = [
        "`ifdef SYNTHESIS",
        "  reg [5:0] \\activations$97  [335:0];",
        "`else",
        "  reg [5:0] \\activations$97  [511:0];",
        "  integer activations_97_word;",
        "  initial for (activations_97_word = 0; activations_97_word <= 511; "
        "activations_97_word = activations_97_word + 1)",
        "    \\activations$97 [activations_97_word] = {6{1'b1}};",
        "`endif",
        "  always @(posedge clk) begin",
    ]
    assert "\n".join(declared) in verilog


def test_ram_whose_contents_matter_keeps_zeros(contents):
    contents.kept = {1}
    _, memories = name_memories(NUMBERED, contents)
    assert "activations.mem" in {memory.file for memory in memories}


def test_tools_learn_what_nobody_reads_as_it_is_written(contents):
    contents.unchecked = {1}
    verilog, _ = name_memories(NUMBERED, contents)
    lines = verilog.splitlines()
    places = [i for i, line in enumerate(lines) if "no_rw_check" in line]
    assert [lines[i] for i in places] == ["  (* no_rw_check *)"]
    assert lines[places[0] - 1] == "`ifdef SYNTHESIS"
    assert "activations" in lines[places[0] + 1]


def test_contents_are_kept_beside_the_memory(contents):
    """By number; Amaranth gets a memory as it was, without them."""
    made = memory.Memory(shape=signed(4), depth=3, init=[-1, 7], attrs={"initial_contents": "1"})
    made.attrs["no_rw_check"] = "1"
    made.read_port()
    instance = contents.get_memory(made)
    assert contents.words[-1] == [-1, 7, 0] and contents.kept == contents.unchecked == {5}
    assert instance._attrs == {"contents": 5} and instance._data.depth == 3
    assert len(instance._read_ports) == 1 and list(made.data.init) == [-1, 7, 0]


def test_an_image_is_a_line_for_each_word():
    """Of as many digits as the memory is wide, and in two's complement."""
    narrow = Memory(file="narrow.mem", module="top", name="narrow", depth=3, width=4)
    assert list(narrow.image([-1, 7, 0])) == ["1111\n", "0111\n", "0000\n"]
    lines = narrow.image(word for word in range(16))
    assert next(lines) == "0000\n" and next(lines) == "0001\n"


def test_memories_that_only_a_number_tells_apart(contents):
    twins = NUMBERED.replace("left__table", "table").replace("right__table", "table$1")
    twins = twins.replace("top__table$1", "top__table")
    _, memories = name_memories(twins, contents)
    files = [memory.file for memory in memories if memory.file]
    assert files == ["flags.mem", "table.mem", "table_1.mem", "program.mem"]
