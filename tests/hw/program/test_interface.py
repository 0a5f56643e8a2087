"""Names of clock and reset, and what is usual."""

import pytest
from pydantic import ValidationError

from bitrain.program import Interface


@pytest.mark.parametrize(
    ("streams", "reset", "clock", "name"),
    [
        ("raw", "high", "clk", "rst"),
        ("raw", "low", "clk", "rst_n"),
        ("axi", "high", "aclk", "areset"),
        ("axi", "low", "aclk", "aresetn"),
    ],
)
def test_names(streams, reset, clock, name):
    interface = Interface(streams=streams, reset=reset)
    assert (interface.clock_name, interface.reset_name) == (clock, name)
    assert interface.is_axi == (streams == "axi")


def test_the_reset_is_active_low_for_axi_alone_unless_it_is_given():
    assert Interface.usual("axi").reset == "low" and Interface.usual("raw").reset == "high"
    assert Interface.usual("axi", "high").reset == "high"
    assert Interface.usual("raw", "low").reset == "low"
    assert Interface() == Interface.usual("raw")


@pytest.mark.parametrize("wrong", [{"streams": "wishbone"}, {"reset": "none"}, {"clock": "clk"}])
def test_what_there_is_not(wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        Interface.model_validate(wrong)
