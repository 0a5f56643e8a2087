"""What an accelerator can do beside running its network at full length from ROM."""

from typing import Literal, TypedDict

from bitrain.spec import BitrainError, Network

from .array import Array

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


def check_options(options: Options, network: Network, array: Array) -> None:
    """Raise :class:`BitrainError` for options that do not suit the network or the array."""
    binary = array.arithmetic == "binary"
    fired = [layer.name for layer in network.layers if layer.neuron == "stream" and not binary]
    run_time_length = options.get("run_time_length") or options.get("early_termination")
    if run_time_length and binary:
        raise BitrainError(
            "a stream length chosen at run time needs streams, and binary arithmetic has none; "
            "leave one of the two out"
        )
    if options.get("weights") == "ram" and fired:
        raise BitrainError(
            f"layer {fired[0]!r} is in stream mode, whose constants are ROM; "
            "weights = ram is for networks in counter mode"
        )
    if options.get("skip_zeros") and binary:
        raise BitrainError(
            "skip-zeros: in binary arithmetic a chunk takes one cycle, zero or not; leave it out"
        )
    if options.get("skip_zeros") and fired:
        raise BitrainError(
            f"skip-zeros: layer {fired[0]!r} is in stream mode, whose neurons fire while the last "
            "chunk runs; leave it out, or export in counter mode"
        )
    if options.get("skip_zeros") and network.or_lanes > 1:
        raise BitrainError(
            "skip-zeros: with OR groups each chunk counts one too many per group and cycle, which "
            "the bias takes off; leave it out, or export with or_lanes: 1"
        )
