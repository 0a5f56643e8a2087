"""Signals of the AXI buses, as Arm has them."""

import pytest
from amaranth.lib.wiring import Flow

from bitrain.rtl.ports.axi import axi_lite, axi_stream


def signals(signature, flow: Flow) -> dict[str, int]:
    return {name: member.shape for name, member in signature.members.items() if member.flow == flow}


def test_stream():
    signature = axi_stream(16)
    assert signals(signature, Flow.Out) == {"tdata": 16, "tvalid": 1, "tlast": 1}
    assert signals(signature, Flow.In) == {"tready": 1}


def test_data_are_whole_bytes():
    with pytest.raises(AssertionError):
        axi_stream(12)


def test_lite_has_five_channels():
    """The manager drives addresses, data and the readies of responses; 32 bits of data."""
    signature = axi_lite(6)
    sent = {"awaddr": 6, "awprot": 3, "araddr": 6, "arprot": 3, "wdata": 32, "wstrb": 4}
    sent |= dict.fromkeys(("awvalid", "wvalid", "arvalid", "bready", "rready"), 1)
    assert signals(signature, Flow.Out) == sent
    received = {"rdata": 32, "rresp": 2, "bresp": 2}
    received |= dict.fromkeys(("awready", "wready", "arready", "bvalid", "rvalid"), 1)
    assert signals(signature, Flow.In) == received
