"""Ports in Verilog, with what they mean."""

import pytest
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import Component, In, Out
from networks import compiled

from bitrain.gen.ip.ports import Port, list_ports
from bitrain.program import Interface
from bitrain.rtl.ports.top import build_top


def some(**members) -> Component:
    return Component(members)


def test_names_directions_and_widths():
    trace = wiring.Signature({"valid": Out(1), "data": Out(5)})
    top = some(pixels=In(stream.Signature(4)), busy=Out(1), trace1=Out(trace))
    ports = list_ports(top, Interface(reset="low"))
    assert [(port.name, port.direction, port.width) for port in ports] == [
        ("clk", "in", 1),
        ("rst_n", "in", 1),
        ("pixels__payload", "in", 4),
        ("pixels__valid", "in", 1),
        ("pixels__ready", "out", 1),
        ("busy", "out", 1),
        ("trace1__valid", "out", 1),
        ("trace1__data", "out", 5),
    ]
    meanings = {port.name: port.meaning for port in ports}
    assert meanings["rst_n"] == "reset, active low, synchronous; one cycle suffices"
    assert meanings["pixels__payload"] == "activation 0 … 2^n of the image"
    assert meanings["trace1__data"] == "debug: the activation"


def test_signals_of_a_bus_are_named_as_arm_does():
    ports = list_ports(some(s_axil_awaddr=In(6)), Interface.usual("axi"))
    meaning = "AXI4-Lite, the registers, AWADDR"
    assert ports[-1] == Port(name="s_axil_awaddr", direction="in", width=6, meaning=meaning)
    assert [port.name for port in ports[:2]] == ["aclk", "aresetn"]


def test_a_port_that_nobody_described():
    with pytest.raises(KeyError):
        list_ports(some(surprise=Out(1)), Interface())


@pytest.mark.parametrize("streams", ["raw", "axi"])
def test_every_port_of_an_accelerator_is_described_once(network, array, streams):
    engines = compiled(network, array, interface=Interface.usual(streams))
    ports = list_ports(build_top(engines), engines.config.interface)
    names = [port.name for port in ports]
    assert len(set(names)) == len(names) > 5 and all(port.meaning for port in ports)
