"""What a user chooses about stochastic computing: precision, stream length, lanes, sequences."""

from typing import Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from bitrain.spec import LaneWire, Lfsr, Ramp, SngBank, Sobol, VanDerCorput
from bitrain.spec.bank import MAX_LANES

_SEQUENCES = {"lfsr": Lfsr, "ramp": Ramp, "sobol": Sobol, "van_der_corput": VanDerCorput}


class StreamSource(BaseModel):
    """A bank's sequence and the wires from it to the lanes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["lfsr", "ramp", "sobol", "van_der_corput"]
    wiring: Literal["identical", "rotated", "inverted"] = "identical"
    """All lanes alike; lane j rotated by j; or lane j XORed with the bit-reversed j. The last is a
    digital shift: it keeps a low-discrepancy pair of sequences one (A. B. Owen, *Randomly permuted
    (t,m,s)-nets and (t,s)-sequences*, 1995) while the lanes' errors average out."""
    seed: int = Field(default=0, ge=0)
    """State or count at cycle 0, below 2^n."""

    def bank(self, bits: int, num_lanes: int) -> SngBank:
        """The bank of ``num_lanes`` lanes for numbers of ``bits`` bits."""
        sequence = _SEQUENCES[self.kind](width=bits, seed=self.seed)
        if self.wiring != "inverted":
            return SngBank.wired(sequence, num_lanes, self.wiring)
        masks = (_reversed(lane % (1 << bits), bits) for lane in range(num_lanes))
        return SngBank(sequence=sequence, lanes=tuple(LaneWire(invert=mask) for mask in masks))


class ScConfig(BaseModel):
    """How a trained model is turned into a stochastic one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bits: int = Field(default=5, ge=2, le=10)
    """Precision n of activations and weight magnitudes."""
    stream_length: int | None = Field(default=None, ge=2)
    """L, a power of two up to 2^n, which is the default."""
    lanes: int = Field(default=16, ge=1, le=MAX_LANES)
    """N, products of a neuron formed at once; the array's lanes are a multiple of it."""
    activation_source: StreamSource = StreamSource(kind="van_der_corput", wiring="inverted")
    weight_source: StreamSource = StreamSource(kind="sobol")
    normalise: bool = True
    """Search weight clip and gain for the best output; False scales by the largest values."""
    calibration_images: int = Field(default=128, ge=1)
    """Training images that clips and gains are chosen with."""

    @model_validator(mode="after")
    def _check(self):
        if self.length & (self.length - 1) or self.length > 1 << self.bits:
            raise ValueError(
                f"stream length {self.length} is not a power of two up to 2^bits = {1 << self.bits}"
            )
        for name in ("activation_source", "weight_source"):
            if (seed := getattr(self, name).seed) >= 1 << self.bits:
                raise ValueError(f"{name}: seed {seed} is not below 2^bits = {1 << self.bits}")
        activations, weights = (bank.values(1 << self.bits) for bank in self.banks())
        if (same := np.flatnonzero((activations == weights).all(1))).size:
            raise ValueError(
                f"lane {same[0]} sees the same values in both banks, so that its products would be "
                "minima; give the sources another kind, wiring or seed"
            )
        return self

    @property
    def length(self) -> int:
        """L with its default."""
        return self.stream_length or 1 << self.bits

    def banks(self) -> tuple[SngBank, SngBank]:
        """Activation bank and weight bank."""
        return (
            self.activation_source.bank(self.bits, self.lanes),
            self.weight_source.bank(self.bits, self.lanes),
        )

    def with_length(self, length: int) -> Self:
        """The same with whole-period streams of ``length``: n = log2 L."""
        changes = {"bits": length.bit_length() - 1, "stream_length": length}
        return type(self).model_validate({**self.model_dump(), **changes})


def _reversed(value: int, bits: int) -> int:
    return int(f"{value:0{bits}b}"[::-1], 2)
