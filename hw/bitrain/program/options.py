"""What an accelerator can do beside running its network at full length from ROM."""

from typing import Literal, TypedDict

Weights = Literal["rom", "ram"]
"""Fixed, or initial contents that a host may replace while the accelerator runs."""


class Options(TypedDict, total=False):
    """Options of a program; those not given are as in an accelerator that has nothing more."""

    run_time_length: bool
    """The stream length is chosen while it runs: the engine runs prefixes too."""
    early_termination: bool
    """An image runs at short lengths first and stops where its best two scores lie far enough
    apart; with it, the stream length is chosen while it runs."""
    weights: Weights
    """Where weights and biases lie; the layer program is in ROM."""
    skip_zeros: bool
    """Chunks whose activations are all zero take no cycles of streams (see ``zero_chunks``)."""
