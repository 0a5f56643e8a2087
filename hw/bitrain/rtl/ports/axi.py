"""Signatures of AXI buses, with the names of the signals that Arm gives them."""

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

OKAY, SLVERR = 0, 2
"""Responses."""


def axi_stream(width: int) -> wiring.Signature:
    """AXI4-Stream (Arm IHI 0051), as the transmitter has it; ``width`` in bits, whole bytes."""
    assert width % 8 == 0
    return wiring.Signature(
        {"tdata": Out(width), "tvalid": Out(1), "tready": In(1), "tlast": Out(1)}
    )


def axi_lite(address_bits: int) -> wiring.Signature:
    """AXI4-Lite (Arm IHI 0022) with 32-bit data, as the manager has it."""
    return wiring.Signature(
        {
            "awaddr": Out(address_bits),
            "awprot": Out(3),
            "awvalid": Out(1),
            "awready": In(1),
            "wdata": Out(32),
            "wstrb": Out(4),
            "wvalid": Out(1),
            "wready": In(1),
            "bresp": In(2),
            "bvalid": In(1),
            "bready": Out(1),
            "araddr": Out(address_bits),
            "arprot": Out(3),
            "arvalid": Out(1),
            "arready": In(1),
            "rdata": In(32),
            "rresp": In(2),
            "rvalid": In(1),
            "rready": Out(1),
        }
    )
