"""Which ports an accelerator has: its streams, its clock and its reset."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

Streams = Literal["raw", "axi"]
Level = Literal["high", "low"]


class Interface(BaseModel):
    """Streams, and polarity of the reset.

    ``raw`` streams are valid, ready and a payload of as many bits as it needs. ``axi`` ones are
    AXI4-Stream, data in whole bytes and ``tlast`` with the last word of a frame, beside registers
    on AXI4-Lite (Arm IHI 0051 and IHI 0022). The reset is synchronous in both.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    streams: Streams = "raw"
    reset: Level = "high"
    """Level at which the reset is active."""

    @classmethod
    def usual(cls, streams: Streams, reset: Level | None = None) -> "Interface":
        """With the reset that is usual for the streams, active low for AXI, if none is given."""
        return cls(streams=streams, reset=reset or ("low" if streams == "axi" else "high"))

    @property
    def is_axi(self) -> bool:
        """Whether the streams are AXI4-Stream."""
        return self.streams == "axi"

    @property
    def clock_name(self) -> str:
        """Port of the clock."""
        return "aclk" if self.is_axi else "clk"

    @property
    def reset_name(self) -> str:
        """Port of the reset, which tells its polarity."""
        names = {"raw": ("rst", "rst_n"), "axi": ("areset", "aresetn")}
        return names[self.streams][self.reset == "low"]
