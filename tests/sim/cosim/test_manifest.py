"""Ports and registers as the test bench is told of them."""

import pytest
from networks import compiled, random_network

from bitrain.cosim.manifest import describe_ports, describe_registers, describe_state
from bitrain.program import Array, Interface
from bitrain.rtl.ports.top import build_top

NETWORK = random_network(1, bits=4, lanes=2)
ARRAY = Array(channels=2, positions=1, lanes=2)
AXI = Interface.usual("axi")


def described(**options):
    engines = compiled(NETWORK, ARRAY, **options)
    return describe_ports(engines), set(build_top(engines).signature.members)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"interface": Interface(reset="low")},
        {"run_time_length": True, "interface": Interface(reset="low")},
        {"engines": 2, "interface": Interface(reset="low")},
        {"interface": AXI},
        {"interface": AXI, "engines": 2},
    ],
)
def test_ports_are_those_of_the_module(options):
    """Amaranth writes the usual raw interface; all others have flat ports of these names."""
    ports, members = described(**options)
    traced = {name for trace in ports["traces"] for name in trace.values()}
    named = {*ports["names"].values(), *traced, *ports["bus_inputs"], *ports["bus_outputs"]}
    assert len(ports["traces"]) == options.get("engines", 1)
    if options:
        assert named == members
    else:
        assert {name.partition("__")[0] for name in named} - {"clk", "rst"} == members


def test_level_of_the_reset_and_the_length():
    ports, _ = described(interface=Interface(reset="low"), run_time_length=True)
    assert ports["reset_level"] == 0 and ports["names"]["log_length"] == "log_length"
    ports, _ = described(interface=Interface(streams="axi", reset="high"), run_time_length=True)
    assert ports["reset_level"] == 1 and "log_length" not in ports["names"], "a register has it"


def test_registers():
    engines = compiled(NETWORK, ARRAY, interface=AXI)
    found = describe_registers(engines)
    constants = found["constants"]
    assert constants["STREAM_LENGTH"] == constants["SHORTEST"] == 16
    assert constants["PIXELS"] == NETWORK.in_shape.size and constants["SCORES"] == 5
    assert constants["FORMAT"] == 4 + 256 * engines.score_bits
    assert constants.keys() <= found["offsets"].keys()
    assert len(set(found["offsets"].values())) == len(found["offsets"])


@pytest.mark.parametrize(
    ("option", "names"),
    [
        ({"weights": "ram"}, {"WEIGHT_ADDRESS", "WEIGHT_DATA", "WEIGHT_WORDS"}),
        ({"early_termination": True}, {"LADDER_LENGTH", "LADDER_MARGIN", "LENGTHS_RUN"}),
    ],
)
def test_registers_of_options(option, names):
    plain = describe_registers(compiled(NETWORK, ARRAY, interface=AXI))
    found = describe_registers(compiled(NETWORK, ARRAY, interface=AXI, **option))
    assert found["constants"].keys() - plain["constants"].keys() == names
    assert names <= found["offsets"].keys() and not names & plain["offsets"].keys()


VERILOG = """\
module top(clk, rst);
  reg [3:0] \\count$1  = 4'h0;
  always @(posedge clk)
    \\count$1  <= \\$2 ;
  always @(posedge clk)
    seen <= \\$3 ;
  always @(posedge clk)
    shown <= memory[address];
  always @* begin
    \\$2  = \\$1 ;
    if (rst) begin
      \\$2  = 4'ha;
    end
  end
  always @* begin
    if (rst) begin
      \\$3  = 32'd7;
    end
  end
endmodule

module top__free(clk);
  always @(posedge clk)
    held <= next;
endmodule
"""


def test_state():
    """What a reset sets, by module; registers without a reset are left out."""
    assert describe_state(VERILOG) == {"top": {"count$1": 10, "seen": 7}}
