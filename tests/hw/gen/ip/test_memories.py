"""Memory images under names that tell what they hold."""

import re

from bitrain.gen.ip.memories import name_memories

# What `write_verilog -extmem` gives (shortened): a RAM that starts as zeros, one that does not,
# ROMs of one name in two modules, and a memory whose name was taken.
NUMBERED = """\
module top(clk);
  reg [5:0] \\activations$97  [335:0];
  initial $readmemb("output-1.mem", \\activations$97 );
  always @(posedge clk) begin
    if (write__en)
      \\activations$97 [write__addr] <= write__data;
  end
  reg flags [3:0];
  initial $readmemb("output-2.mem", flags);
  always @(posedge clk) begin
    flags[address] <= flag;
  end
endmodule

module top__left__table(clk);
  reg [7:0] memory [1:0];
  initial $readmemb("output-3.mem", memory);
endmodule

module top__right__table(clk);
  reg [7:0] memory [1:0];
  initial $readmemb("output-4.mem", memory);
endmodule

module top__engine(clk);
  reg [7:0] \\program  [1:0];
  initial $readmemb("output-5.mem", \\program );
endmodule
"""
IMAGES = {
    "output-1.mem": b"000000\n" * 336,
    "output-2.mem": b"0\n1\n0\n0\n",
    "output-3.mem": b"00000000\n00000000\n",
    "output-4.mem": b"00000001\n00000010\n",
    "output-5.mem": b"00000001\n00000010\n",
}


def test_memories_are_named_after_what_they_hold():
    _, memories = name_memories(NUMBERED, IMAGES)
    assert {memory.file: content for memory, content in memories.items() if memory.file} == {
        "flags.mem": IMAGES["output-2.mem"],
        "left_table.mem": IMAGES["output-3.mem"],
        "right_table.mem": IMAGES["output-4.mem"],
        "program.mem": IMAGES["output-5.mem"],
    }


def test_memories_are_described():
    _, memories = name_memories(NUMBERED, IMAGES)
    described = [(m.module, m.name, m.depth, m.width) for m in memories]
    assert described[:3] == [
        ("top", "activations", 336, 6),
        ("top", "flags", 4, 1),
        ("top__left__table", "memory", 2, 8),
    ]


def test_verilog_reads_the_named_files():
    verilog, _ = name_memories(NUMBERED, IMAGES)
    assert re.findall(r"\$readmemb\((.*?)\);", verilog) == [
        '"flags.mem", flags, 0, 3',
        '"left_table.mem", memory, 0, 1',
        '"right_table.mem", memory, 0, 1',
        '"program.mem", \\program , 0, 1',
    ]


def test_ram_that_starts_as_zeros_stays_without_contents():
    """It is of ones in simulation, at every address that has so many bits."""
    verilog, memories = name_memories(NUMBERED, IMAGES)
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


def test_ram_whose_contents_matter_keeps_zeros():
    marked = NUMBERED.replace("  reg [5:0]", "  (* initial_contents = 32'd1 *)\n  reg [5:0]", 1)
    verilog, memories = name_memories(marked, IMAGES)
    assert "activations.mem" in {memory.file for memory in memories}
    assert "initial_contents" not in verilog


def test_memories_that_only_a_number_tells_apart():
    twins = NUMBERED.replace("left__table", "table").replace("right__table", "table$1")
    twins = twins.replace("top__table$1", "top__table")
    _, memories = name_memories(twins, IMAGES)
    files = [memory.file for memory in memories if memory.file]
    assert files == ["flags.mem", "table.mem", "table_1.mem", "program.mem"]
