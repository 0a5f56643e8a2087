"""What all arithmetics share: what is asked of one, and what it says of a layer's neurons."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from bitrain.spec import Layer, Network
from bitrain.spec.layer import MAX_ACCUMULATOR_BITS, MAX_UPSCALE


@dataclass(frozen=True, kw_only=True, eq=False)
class Accumulation:
    """A layer's neurons on an array."""

    constants: np.ndarray
    """What accumulators hold beside the array's counts and the shortcut: (out,), int64."""
    biases: np.ndarray
    """That of the constants which is no part of the sums but for the array's counting: biases with
    the half that rounds, in the array's unit: (out,), int64."""
    upscale: np.ndarray
    """Further right shift of each channel: (out,)."""
    shift: int
    """Right shift from what leaves the array to activations."""
    gain: int
    """What one step of the shortcut's activations adds; 0 without one."""
    low: int
    """Least value of an accumulator."""
    high: int
    largest_count: int | None
    """Largest count of a neuron, unsigned; None where it is signed and as wide as the sum."""

    def with_room(self, network: Network, layer: Layer) -> "Accumulation":
        """The range of any weights, with biases as large, and the largest upscale.

        The shortcut is that of now.
        """
        limit = 1 << MAX_ACCUMULATOR_BITS - 1
        room = 2 * (self.largest_count or layer.num_inputs * network.one**2)
        added = self.gain * network.one << int(self.upscale.max())
        return replace(
            self,
            low=min(self.low, max(-room, -limit)),
            high=max(self.high, min(room + added, limit - 1)),
            upscale=np.full_like(self.upscale, MAX_UPSCALE),
        )


class Arithmetic(ABC):
    """How an array multiplies a network's numbers.

    Layers give biases, shifts and gains in product bits, 1 / L each, whatever the arithmetic is.
    """

    name: ClassVar[str]
    """On the command line, in YAML and in the registries of arrays and of sums."""
    title: ClassVar[str]
    """What an accelerator of it is, in the README of an IP folder."""
    has_streams: ClassVar[bool]
    """Numbers become streams: there are SNGs, the lanes that a network was exported for, OR groups
    and stream mode. Without, all layers are in counter mode."""
    counts_bits: ClassVar[bool]
    """Multipliers are AND gates that work cycle by cycle, and their ones are counted."""
    chunk: ClassVar[str]
    """What L is in the formula of cycles, in the README of an IP folder."""

    @abstractmethod
    def cycles(self, network: Network, layer: Layer) -> int:
        """Cycles that a chunk of the layer's inputs is at work."""

    def shorter(self, network: Network) -> dict[int, Network]:
        """The networks that its array can run at run time, by the L of their longest streams.

        Longest first, which is ``network`` itself. Raises :class:`BitrainError` where there can be
        none.
        """
        return {max(layer.stream_length for layer in network.layers): network}

    @abstractmethod
    def accumulate(self, network: Network, layer: Layer, lanes: int) -> Accumulation:
        """Neurons of ``layer`` with N ``lanes``; :class:`BitrainError` if they are too wide."""

    @abstractmethod
    def constant(self, network: Network, lanes: int, *, negatives_apart: bool) -> str:
        """What the bias ROM holds of a channel, in words.

        negatives_apart: the hardware counts negative weights, or has their number beside the bias.
        """
