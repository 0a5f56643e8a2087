"""Shape of the multiplier array: what a user chooses to trade area against speed."""

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from bitrain.spec.bank import MAX_LANES

from .arithmetics import ARITHMETICS, Arithmetic


class Sharing(StrEnum):
    """Which multipliers share an SNG. Results do not depend on it, area does."""

    SHARED = "shared"
    """Activation SNGs serve P neurons, weight SNGs serve Q: (P + Q) N for P Q N multipliers."""
    UNSHARED = "unshared"
    """Each neuron has sources and SNGs of its own, 2 P Q N: the baseline to measure against."""


class Array(BaseModel):
    """P output channels x Q output positions x N lanes work in parallel."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    channels: int = Field(default=4, ge=1, le=64)
    """P, output channels."""
    positions: int = Field(default=4, ge=1, le=64)
    """Q, output positions."""
    lanes: int = Field(default=16, ge=1, le=MAX_LANES)
    """N, products of one neuron; a multiple of the network's lanes where there are streams."""
    width: Literal[1, 2, 4, 8] = Field(default=1, exclude_if=lambda width: width == 1)
    """W, inputs of each position and of each channel's weights that are read in a cycle, results
    that leave in one, and pixels of a beat of the image stream; divides P and N."""
    sharing: Sharing = Sharing.SHARED
    arithmetic: str = "stochastic"
    """Name of one of ``ARITHMETICS``: streams, or the integers to measure against, whose products
    take a cycle (binary) or n² (bitserial)."""

    dsp: bool = Field(default=False, exclude_if=lambda dsp: not dsp)
    """Products of binary arithmetic are multiplications that synthesis puts into a device's DSP
    blocks, where it has them, two in one up to n = 5; else they are full adders in LUTs."""

    @field_validator("arithmetic")
    @classmethod
    def _check_arithmetic(cls, name: str) -> str:
        if name not in ARITHMETICS:
            raise ValueError(f"arithmetic {name!r} is not {' or '.join(ARITHMETICS)}")
        return name

    @property
    def rules(self) -> Arithmetic:
        """What the arithmetic asks of networks and makes of layers."""
        return ARITHMETICS[self.arithmetic]

    @property
    def neurons(self) -> int:
        """P Q, neurons at work."""
        return self.channels * self.positions

    @property
    def leaving_cycles(self) -> int:
        """P Q / W, cycles in which the results of a tile leave."""
        return self.neurons // self.width

    @property
    def loading_cycles(self) -> int:
        """N / W, cycles in which the operands of a chunk are read."""
        return self.lanes // self.width

    @property
    def multipliers(self) -> int:
        """P Q N, AND gates or integer multipliers."""
        return self.neurons * self.lanes

    @property
    def sngs(self) -> int:
        """Stochastic number generators, activations and weights together."""
        if not self.rules.has_streams:
            return 0
        if self.sharing is Sharing.UNSHARED:
            return 2 * self.multipliers
        return (self.channels + self.positions) * self.lanes

    @property
    def pipelined(self) -> bool:
        """Whether population counts take two cycles.

        Those of many lanes would be slow, or large to be fast; in large arrays bits come from afar.
        """
        return (self.lanes > 16 or self.multipliers > 512) and self.rules.counts_bits
