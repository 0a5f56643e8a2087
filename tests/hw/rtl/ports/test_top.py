"""The module that a design instantiates: names of ports, and polarity of the reset."""

import pytest
from amaranth.sim import Simulator
from networks import compiled, random_network

from bitrain.program import Array, Interface
from bitrain.rtl.ports.accelerator import Accelerator
from bitrain.rtl.ports.top import Top, build_top

NETWORK = random_network(1, bits=3, lanes=2, in_shape=(1, 4, 4))
ARRAY = Array(channels=1, positions=1, lanes=2)


def top_of(**interface):
    return build_top(compiled(NETWORK, ARRAY, interface=Interface(**interface)))


def test_the_raw_interface_with_the_usual_reset_is_the_accelerator_itself():
    assert type(top_of()) is Accelerator


@pytest.mark.parametrize(
    ("interface", "names"),
    [
        ({"reset": "low"}, {"clk", "rst_n", "pixels__payload", "scores__ready", "busy"}),
        ({"streams": "axi"}, {"aclk", "areset", "s_axis_tdata", "m_axis_tlast", "s_axil_awaddr"}),
        ({"streams": "axi", "reset": "low"}, {"aclk", "aresetn", "s_axis_tvalid"}),
    ],
)
def test_ports(interface, names):
    top = top_of(**interface)
    assert type(top) is Top and names <= top.signature.members.keys()


@pytest.mark.parametrize("level", ["high", "low"])
def test_reset(level):
    """An accelerator that has taken a pixel is busy until it is reset."""
    inner = Accelerator(compiled(NETWORK, ARRAY).programs[0])
    top = Top(inner, Interface(reset=level))
    clock, reset = top.clk, getattr(top, top.interface.reset_name)
    asserted = int(level == "high")

    async def edge(ctx):
        for value in (0, 1):
            ctx.set(clock, value)
            await ctx.delay(1e-7)

    async def drive(ctx):
        ctx.set(reset, 1 - asserted)
        ctx.set(top.pixels__valid, 1)
        for _ in range(10):
            await edge(ctx)
        assert ctx.get(top.busy)
        ctx.set(top.pixels__valid, 0)
        for _ in range(3):
            await edge(ctx)
        assert ctx.get(top.busy)
        ctx.set(reset, asserted)
        for _ in range(3):
            await edge(ctx)
        assert not ctx.get(top.busy)

    simulator = Simulator(top)
    simulator.add_testbench(drive)
    simulator.run()
