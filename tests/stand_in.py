"""A table-driven stand-in for the accelerator: right answers by rote, and faults on request.

It has the accelerator's ports and timing but no arithmetic: it knows an image by a checksum of its
pixels, waits the predicted cycles and plays back the golden vectors from ROMs. One word of a ROM
selects a fault, so that one compiled model serves every test of the test bench.
"""

from pathlib import Path

import numpy as np

from bitrain import golden
from bitrain.cost import estimate
from bitrain.program import Array, Program
from bitrain.spec import Network

TOP = "stand_in"

FAULTS = (
    "none",
    "wrong activation",
    "wrong score",
    "last too early",
    "wrong class",
    "one cycle late",
    "cycle counter wrong",
    "busy low",
    "unstable payload",
    "valid falls",
    "unknown score",
    "no scores",
    "trace when idle",
    "deaf to reset",
    "one score too many",
    "pause between images",
    "busy only with streams",
    "busy too late",
    "busy too long",
    "counter moves",
    "deaf after an image",
)
"""What can go wrong, by the number in rom/fault.mem."""

_VERILOG = """\
module stand_in (
  input clk, input rst,
  input [{n}:0] pixels__payload, input pixels__valid, output pixels__ready,
  output [{w}:0] scores__payload, output scores__valid, input scores__ready,
  output [{class_bits} - 1:0] class_index, output busy, output [31:0] cycles,
  output trace__valid, output [7:0] trace__layer, output [23:0] trace__address,
  output [{n}:0] trace__data
);
  localparam LOAD = 0, RUN = 1, SEND = 2;
  localparam {faults};
  reg [31:0] checksums [0:{images} - 1], classes [0:{images} - 1];
  reg [{n} + 32:0] writes [0:{images} * {num_writes}];
  reg [{w}:0] scores [0:{images} * {num_scores} - 1];
  reg [7:0] faults [0:0];
  wire [7:0] fault = faults[0];
  initial $readmemh("checksums.mem", checksums);
  initial $readmemh("classes.mem", classes);
  initial $readmemh("writes.mem", writes);
  initial $readmemh("scores.mem", scores);
  initial $readmemh("fault.mem", faults);

  reg [1:0] state;
  reg [31:0] count, sum, image, elapsed, shown;
  integer i;
  always @* begin
    image = 0;
    for (i = 0; i < {images}; i = i + 1) if (checksums[i] == sum) image = i;
  end
  wire hit = image == {images} - 1;  // most faults happen in the last image
  wire [31:0] due = {cycles} + (hit && fault == ONE_CYCLE_LATE);

  wire [{n} + 32:0] write = writes[image * {num_writes} + count];
  wire stray = state == LOAD && count == 0 && fault == TRACE_WHEN_IDLE && elapsed != 0;
  assign trace__valid = state == RUN && count < {num_writes} || stray;
  assign trace__layer = write[{n} + 32:{n} + 25];
  assign trace__address = write[{n} + 24:{n} + 1];
  assign trace__data = write[{n}:0] ^ (hit && fault == WRONG_ACTIVATION && count == 2);

  reg held;
  wire [{w}:0] score = scores[image * {num_scores} + count]
    ^ (hit && fault == WRONG_SCORE && count == 1)
    ^ (hit && fault == LAST_TOO_EARLY && count == {num_scores} - 2) << {w}
    ^ (fault == UNSTABLE_PAYLOAD && held);
  wire unknown = hit && fault == UNKNOWN_SCORE && count == 1;
  assign scores__payload = unknown ? {{{w} + 1{{1'bx}}}} : score;
  assign scores__valid = state == SEND && fault != NO_SCORES && !(fault == VALID_FALLS && held);
  assign class_index = classes[image] ^ (hit && fault == WRONG_CLASS);
  wire deaf = fault == DEAF_AFTER_AN_IMAGE && count == 0 && elapsed != 0 && !pixels__valid;
  assign pixels__ready = state == LOAD && !(fault == PAUSE_BETWEEN_IMAGES && held) && !deaf;
  assign busy = (state != LOAD || count > (fault == BUSY_TOO_LATE)
      || fault == BUSY_TOO_LONG && elapsed != 0 && held)
    && !(hit && state == SEND && fault == BUSY_LOW)
    && !(state == RUN && fault == BUSY_ONLY_WITH_STREAMS);
  assign cycles = shown - (hit && fault == CYCLE_COUNTER_WRONG) + (held && fault == COUNTER_MOVES);

  always @(posedge clk) begin
    held <= scores__valid
      && (!scores__ready || fault == PAUSE_BETWEEN_IMAGES || fault == BUSY_TOO_LONG);
    case (state)
      LOAD: if (pixels__valid && pixels__ready) begin
        sum <= (count == 0 ? 0 : sum) + pixels__payload * (count + 1);
        count <= count + 1;
        if (count == {pixels} - 1) begin
          state <= RUN;
          count <= 0;
          elapsed <= 1;
        end
      end
      RUN: begin
        count <= count + 1;
        elapsed <= elapsed + 1;
        shown <= elapsed;
        if (elapsed == due) begin
          state <= SEND;
          count <= 0;
        end
      end
      SEND: if (scores__valid && scores__ready) begin
        count <= count + 1;
        if (count == {num_scores} - !(hit && fault == ONE_SCORE_TOO_MANY)) begin
          state <= LOAD;
          count <= 0;
        end
      end
    endcase
    if (rst) begin
      if (fault != DEAF_TO_RESET || state === 2'bx) begin
        state <= LOAD;
        count <= 0;
      end
      elapsed <= 0;
      shown <= 0;
      held <= 0;
      sum <= 0;
    end
  end
endmodule
"""


def write_ip(
    folder: Path, network: Network, array: Array, images: np.ndarray, fault: str = "none"
) -> Path:
    """Write rtl/ and rom/ of a stand-in that knows ``images`` (K, channels, height, width)."""
    program = Program(network, array)
    *activations, scores = golden.run(network, images)
    n, w = network.bits, program.score_bits
    writes = []
    for k in range(len(images)):
        for i, (base, stored) in enumerate(zip(program.out_bases, activations, strict=False)):
            for j, value in enumerate(stored[k].ravel().tolist()):
                writes.append((i << 24 | base + j) << n + 1 | value)
    scores = scores.reshape(len(images), -1)
    words = [[s & ((1 << w) - 1) for s in row] for row in scores.tolist()]
    for row in words:
        row[-1] |= 1 << w
    weights = np.arange(1, network.in_shape.size + 1)
    checksums = (images.reshape(len(images), -1).astype(np.int64) * weights).sum(1)
    assert len(np.unique(checksums)) == len(images)
    memories = {
        "checksums": checksums.tolist(),
        "classes": scores.argmax(1).tolist(),
        "writes": [*writes, 0],
        "scores": [word for row in words for word in row],
        "fault": [FAULTS.index(fault)],
    }
    text = _VERILOG.format(
        n=n,
        w=w,
        class_bits=max(1, (network.num_scores - 1).bit_length()),
        images=len(images),
        num_writes=len(writes) // len(images),
        num_scores=network.num_scores,
        pixels=network.in_shape.size,
        cycles=estimate(Program(network, array)).latency,
        faults=", ".join(f"{f.upper().replace(' ', '_')} = {i}" for i, f in enumerate(FAULTS)),
    )
    for part in ("rtl", "rom"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    (folder / "rtl" / f"{TOP}.v").write_text(text)
    for name, values in memories.items():
        lines = "".join(f"{value:x}\n" for value in values)
        (folder / "rom" / f"{name}.mem").write_text(lines)
    return folder
