"""What a user chooses about stochastic computing: precision, stream length, lanes, sequences."""

from collections.abc import Collection, Sequence
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from bitrain.spec import (
    BitrainError,
    LaneWire,
    Neuron,
    OrLanes,
    SngBank,
    find_sequence,
    plain,
)
from bitrain.spec.bank import MAX_LANES, Generator
from bitrain.spec.sequence import MAX_SOBOL_DIMENSION

_SOURCES = ("activation_source", "weight_source")
Wiring = Literal["identical", "rotated", "inverted", "mixed"]
"""All lanes alike; lane j rotated by j; lane j XORed with the bit-reversed j; or both. XOR is a
digital shift: it keeps a low-discrepancy pair of sequences one (A. B. Owen, *Randomly permuted
(t,m,s)-nets and (t,s)-sequences*, 1995) while the lanes' errors average out."""


class StreamSource(BaseModel):
    """A bank's sequence and the wires from it to the lanes.

    Further options are those of a registered kind (``bitrain.spec.register_sequence``).
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    kind: str
    """``lfsr``, ``ramp``, ``sobol``, ``van_der_corput`` or a registered one."""
    taps: tuple[int, ...] | None = None
    """Exponents of an LFSR's primitive polynomial; the width's standard one by default."""
    dimension: int | None = Field(default=None, ge=1, le=MAX_SOBOL_DIMENSION)
    """Dimension of a Sobol sequence; 2 by default."""
    direction: Literal["up", "down"] | None = None
    """Direction of the counter, which every kind but the LFSR has; up by default."""
    seed: int = Field(default=0, ge=0)
    """State or count at cycle 0, below 2^n."""
    generator: Generator = Field(default="comparator", exclude_if=lambda kind: kind == "comparator")
    """What makes a bit of a number from the sequence's value: ``comparator`` or ``multiplexer``
    (``bitrain.spec.bank``)."""
    wiring: Wiring = "identical"
    period: int | None = Field(default=None, ge=1, le=MAX_LANES)
    """How many different wirings there are: lane j is wired like lane j mod ``period``. All N by
    default; 1 shares one value among all lanes."""

    @field_validator("kind")
    @classmethod
    def _check_kind(cls, kind: str) -> str:
        try:
            find_sequence(kind)
        except BitrainError as error:
            raise ValueError(str(error)) from error
        return kind

    @model_validator(mode="after")
    def _check(self):
        known = find_sequence(self.kind).model_fields.keys() - {"kind", "width", "seed"}
        if others := self._options.keys() - known:
            raise ValueError(
                f"{sorted(others)[0]} is no option of {self.kind}, which has "
                f"{', '.join(sorted(known)) or 'none'}"
            )
        return self

    @property
    def _options(self) -> dict[str, Any]:
        """Options of the sequence that are given."""
        own = {option: getattr(self, option) for option in ("taps", "dimension", "direction")}
        given = {option: value for option, value in own.items() if value is not None}
        return given | (self.model_extra or {})

    def bank(self, bits: int, num_lanes: int) -> SngBank:
        """The bank of ``num_lanes`` lanes for numbers of ``bits`` bits."""
        sequence = find_sequence(self.kind)(width=bits, seed=self.seed, **self._options)
        period = self.period or num_lanes
        wires = (self._wire(lane % period, bits) for lane in range(num_lanes))
        return SngBank(sequence=sequence, lanes=tuple(wires), generator=self.generator)

    def with_bits(self, before: int, bits: int) -> Self:
        """The same for another number of bits: without its taps, and with the seed cut off."""
        taps = self.taps if bits == before else None
        return self.model_copy(update={"taps": taps, "seed": self.seed % (1 << bits)})

    def _wire(self, index: int, bits: int) -> LaneWire:
        rotated, inverted = (self.wiring in (way, "mixed") for way in ("rotated", "inverted"))
        return LaneWire(
            rotate=index % bits if rotated else 0,
            invert=_reversed(index % (1 << bits), bits) if inverted else 0,
        )


class ScConfig(BaseModel):
    """How a trained model is turned into a stochastic one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bits: int = Field(default=5, ge=2, le=10)
    """Precision n of activations and weight magnitudes."""
    stream_length: int | None = Field(default=None, ge=2)
    """L, a power of two up to 2^n, which is the default."""
    lengths: tuple[int, ...] = ()
    """Prefixes of the streams for which one set of weights is calibrated and trained: rising powers
    of two, the last of them L."""
    layer_lengths: dict[str, int] = {}
    """L of single layers, by their names (module paths), where it is not the network's."""
    neuron: Neuron = "counter"
    """Requantise sums at their end, or accumulate and fire (``bitrain.spec.stream``): of all layers
    but the last, which gives the scores."""
    layer_neurons: dict[str, Neuron] = {}
    """Neurons of single layers, by the layers' names, where they are not the network's."""
    lanes: int = Field(default=16, ge=1, le=MAX_LANES)
    """N, products of a neuron formed at once; the array's lanes are a multiple of it."""
    or_lanes: OrLanes = 1
    """g, neighbouring inputs whose product bits are ORed before they are counted
    (``bitrain.spec.or_groups``), of all layers; the array's lanes are a multiple of it. Weights
    below 1/g of a group never saturate if ``weight_source`` is inverted with the period g."""
    word: Literal[1, 2, 4, 8] = Field(default=1, exclude_if=lambda size: size == 1)
    """V, inputs of a neuron that follow each other in a word (``bitrain.spec.word``), of all
    layers; accelerators of every width that divides it can run the network."""
    activation_source: StreamSource = StreamSource(kind="van_der_corput", wiring="inverted")
    weight_source: StreamSource = StreamSource(kind="sobol")
    normalise: bool = True
    """Search weight clip and gain for the best output; False scales by the largest values."""
    upscale: bool = True
    """Let each output channel use its own power-of-two part of the clip."""
    calibration_images: int = Field(default=128, ge=1)
    """Training images that clips and gains are chosen with."""

    @model_validator(mode="after")
    def _check(self):
        self._check_prefixes()
        lengths = [
            *(("lengths: ", length) for length in self.lengths),
            ("", self.length),
            *((f"layer_lengths: {name}: ", each) for name, each in self.layer_lengths.items()),
        ]
        for option, length in lengths:
            if length < 2 or length & (length - 1) or length > 1 << self.bits:
                raise ValueError(
                    f"{option}stream length {length}: expected a power of two, 2 to 2^bits = "
                    f"{1 << self.bits}"
                )
        if self.or_lanes > 1 and "stream" in (self.neuron, *self.layer_neurons.values()):
            raise ValueError(
                f"or_lanes = {self.or_lanes} is for neurons in counter mode, not for stream mode"
            )
        stream = "stream" in (self.neuron, *self.layer_neurons.values())
        if self.word > 1 and (self.or_lanes > 1 or stream):
            raise ValueError(
                f"word = {self.word} is for neurons in counter mode without OR groups (or_lanes)"
            )
        for name in _SOURCES:
            source = getattr(self, name)
            if source.seed >= 1 << self.bits:
                raise ValueError(
                    f"{name}: seed {source.seed} is not below 2^bits = {1 << self.bits}"
                )
            try:
                source.bank(self.bits, self.lanes)
            except ValidationError as error:
                first = error.errors()[0]
                option = ".".join(map(str, (name, *first["loc"])))
                raise ValueError(f"{option}: {plain(first)}") from error
        activations, weights = self.banks()
        if (same := activations.meets(weights)).size:
            raise ValueError(
                f"lane {same[0]} sees the same values in both banks, so that its streams would be "
                "no products; give the sources another kind, wiring or seed"
            )
        return self

    def _check_prefixes(self) -> None:
        if not self.lengths:
            return
        given = ", ".join(map(str, self.lengths))
        if len(self.lengths) < 2 or list(self.lengths) != sorted(set(self.lengths)):
            raise ValueError(f"lengths [{given}]: expected two or more that rise, as [4, 8, 16]")
        if self.stream_length not in (None, self.lengths[-1]):
            raise ValueError(
                f"lengths [{given}] end in the length of the streams, which stream_length says is "
                f"{self.stream_length}; leave stream_length out"
            )
        if "stream" in (self.neuron, *self.layer_neurons.values()):
            raise ValueError(
                "lengths are of neurons in counter mode: what a neuron in stream mode fires does "
                "not scale with its streams"
            )

    @property
    def length(self) -> int:
        """L with its default."""
        return self.stream_length or (self.lengths[-1] if self.lengths else 1 << self.bits)

    @property
    def prefixes(self) -> tuple[int, ...]:
        """The lengths that are calibrated and trained, L the last and often the only one."""
        return self.lengths or (self.length,)

    def lengths_of(self, names: Sequence[str]) -> list[int]:
        """L of every layer; :class:`BitrainError` for a name that no layer has."""
        _check_names("layer_lengths", self.layer_lengths.keys(), names)
        return [self.layer_lengths.get(name, self.length) for name in names]

    def neurons_of(self, names: Sequence[str]) -> list[Neuron]:
        """Mode of every layer's neurons; :class:`BitrainError` for a name that no layer has."""
        _check_names("layer_neurons", self.layer_neurons.keys(), names)
        if self.layer_neurons.get(names[-1]) == "stream":
            raise BitrainError(
                f"layer_neurons: {names[-1]!r} gives the scores and stays in counter mode; "
                "leave it out"
            )
        modes: list[Neuron] = [self.layer_neurons.get(name, self.neuron) for name in names[:-1]]
        modes.append("counter")
        return modes

    def banks(self) -> tuple[SngBank, SngBank]:
        """Activation bank and weight bank."""
        return (
            self.activation_source.bank(self.bits, self.lanes),
            self.weight_source.bank(self.bits, self.lanes),
        )

    def with_length(self, length: int) -> Self:
        """The same with whole-period streams of ``length``: n = log2 L.

        Taps and seeds are made to fit n; sources that see the same values then become the default.
        """
        bits = length.bit_length() - 1
        sources = {name: getattr(self, name).with_bits(self.bits, bits) for name in _SOURCES}
        changes = {"bits": bits, "stream_length": length, "layer_lengths": {}, "lengths": ()}
        changes |= sources
        try:
            return type(self).model_validate({**self.model_dump(), **changes})
        except ValidationError:
            defaults = {name: type(self).model_fields[name].default for name in _SOURCES}
            return type(self).model_validate({**self.model_dump(), **changes, **defaults})


def _check_names(option: str, given: Collection[str], names: Sequence[str]) -> None:
    if unknown := set(given) - set(names):
        raise BitrainError(
            f"{option}: no layer is named {sorted(unknown)[0]!r}; there are {', '.join(names)}"
        )


def _reversed(value: int, bits: int) -> int:
    return int(f"{value:0{bits}b}"[::-1], 2)
