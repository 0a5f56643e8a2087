"""What an accelerator can do beside running its network at full length from ROM."""

from typing import Literal, TypedDict

Weights = Literal["rom", "ram", "stream"]
"""Fixed, or initial contents that a host may replace while the accelerator runs, or on a stream
from outside, all of them for each run, so that they need not fit the device."""
BEATS = (8, 16, 32, 64, 128, 256, 512, 1024)
"""Bits that a beat of such a stream may have, as those of AXI4-Stream may."""
DEFAULT_BEAT = 64
"""What a beat has if nothing is said."""


class Options(TypedDict, total=False):
    """Options of a program; those not given are as in an accelerator that has nothing more."""

    run_time_length: bool
    """The stream length is chosen while it runs: the engine runs prefixes too."""
    early_termination: bool
    """An image runs at short lengths first and stops where its best two scores lie far enough
    apart; with it, the stream length is chosen while it runs."""
    weights: Weights
    """Where weights and biases lie; the layer program is in ROM. Biases are too where weights are
    streamed."""
    weight_beat: int
    """Bits of a beat, where weights are streamed: a power of two from 8 to 1024."""
    skip_zeros: bool
    """Chunks whose activations are all zero take no cycles of streams (see ``zero_chunks``)."""
