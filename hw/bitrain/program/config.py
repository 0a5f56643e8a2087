"""What a user asks of an accelerator: the one object of command line, YAML and IP folder."""

from typing import Any, cast, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from .array import Array
from .interface import Interface, Streams
from .options import BEATS, DEFAULT_BEAT, Options, Weights


def sizes_of(text: str) -> dict[str, int]:
    """P and Q of an array as ``16x1``; ValueError for anything else."""
    sizes = text.split("x")
    if len(sizes) != 2 or not all(size.isdecimal() and 1 <= int(size) <= 64 for size in sizes):
        raise ValueError(f"{text}: expected PxQ, each 1 … 64, as 16x1")
    return {"channels": int(sizes[0]), "positions": int(sizes[1])}


class AcceleratorConfig(BaseModel):
    """An accelerator without its network; ``CONFLICTS`` says what does not go together."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    array: Array = Array()
    """Shape and arithmetic of each engine's array."""
    interface: Interface = Interface()
    """Ports: raw handshakes, or AXI4-Stream with registers on AXI4-Lite."""
    engines: int = Field(default=1, ge=1)
    """Arrays in a row that share out the layers, an image in each."""
    last_array: Array | None = Field(default=None, exclude_if=lambda array: array is None)
    """The last engine's array, if it is another: linear layers have one position. What is not given
    is as in ``array``; ``16x1`` gives P and Q alone."""
    run_time_length: bool = False
    """The stream length can be chosen while the accelerator runs."""
    early_termination: bool = False
    """Images run at short lengths first, and stop where the best two scores lie far apart."""
    weights: Weights = "rom"
    """Weights and biases are fixed, or can be loaded while the accelerator runs (ram), or weights
    come on a stream of their own (stream)."""
    weight_beat: int = DEFAULT_BEAT
    """Bits of a beat of that stream: a power of two from 8 to 1024."""
    skip_zeros: bool = False
    """Chunks of zeros take no cycles of streams."""

    @field_validator("weight_beat")
    @classmethod
    def _is_beat(cls, bits: int) -> int:
        if bits not in BEATS:
            raise ValueError(f"{bits} is not a power of two from {BEATS[0]} to {BEATS[-1]}")
        return bits

    @field_validator("interface", mode="before")
    @classmethod
    def _by_name(cls, interface: Any) -> Any:
        """``axi`` stands for AXI streams with their usual reset."""
        if not isinstance(interface, str):
            return interface
        if interface not in get_args(Streams):
            raise ValueError(f"{interface!r} is not {' or '.join(get_args(Streams))}")
        return Interface.usual(cast(Streams, interface))

    @model_validator(mode="before")
    @classmethod
    def _fill_last_array(cls, fields: Any) -> Any:
        given = fields.get("last_array") if isinstance(fields, dict) else None
        if isinstance(given, str):
            given = sizes_of(given)
        if not isinstance(given, dict):
            return fields
        array = fields.get("array", {})
        array = dict(array) if isinstance(array, Array | dict) else {}
        return {**fields, "last_array": {**array, **given}}

    @property
    def arrays(self) -> list[Array]:
        """The array of each engine."""
        return [self.array] * (self.engines - 1) + [self.last_array or self.array]

    @property
    def options(self) -> Options:
        """What each engine's layer program depends on, beside the array."""
        return {
            "run_time_length": self.run_time_length,
            "early_termination": self.early_termination,
            "weights": self.weights,
            "weight_beat": self.weight_beat,
            "skip_zeros": self.skip_zeros,
        }
