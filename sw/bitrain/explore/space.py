"""The accelerators to choose from: networks in their arithmetics, arrays, engines, options."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from statistics import median
from typing import Any

from bitrain.program import AcceleratorConfig, Interface
from bitrain.program.interface import Streams
from bitrain.spec import BitrainError, Network, network_digest
from bitrain.studies.arithmetic import KINDS
from bitrain.studies.contenders import Contender
from bitrain.studies.judging import Judged

from .energy import ChunkEnergy

CHANNELS, POSITIONS, WIDTHS = (1, 2, 4, 8, 16, 32), (1, 2, 4, 8, 16), (1, 2, 4, 8)
"""P, Q and W to choose from, unless others are given."""
_MULTIPLES, _MOST_LANES = (1, 2, 4), 64
"""N of streams: so many times the lanes that a network was exported for, up to a most."""
_LANES = {"bitserial": (4, 8, 16, 32), "binary": (1, 2, 4, 8), "dsp": (1, 2, 4, 8)}
"""N of integers."""
Shares = tuple[tuple[int, float], ...]
"""Lengths of runs, and the share of images that take each."""
FIELDS = "channels", "positions", "lanes", "width", "engines"


@dataclass(frozen=True, kw_only=True)
class Way:
    """A way to run a network on its accelerator: at one length, or with exits."""

    title: str
    family: str
    bits: int
    lengths: tuple[int, ...]
    """Of its runs, shortest first."""
    accuracy: float
    """Per cent of the test images, the median of the seeds."""
    shares: tuple[Shares, ...]
    """One for each seed."""
    exits: str
    """``file`` for those of the network file, ``tolerance T`` for others, empty without exits."""

    @property
    def from_file(self) -> bool:
        """Exits are those of the network file, which hardware has after reset."""
        return self.exits == "file"

    @classmethod
    def of(cls, contender: Contender, judged: Judged) -> "Way":
        """What a contender was judged to be."""
        pairs = zip(judged.ladders, judged.places, strict=True)
        shares = tuple(
            tuple((length, float((places >= i).mean())) for i, length in enumerate(ladder))
            for ladder, places in pairs
        )
        exits = ""
        if len(contender.lengths) > 1:
            tolerance = contender.tolerance
            exits = "file" if tolerance is None else f"tolerance {tolerance:g}"
        return cls(
            title=contender.title,
            family=contender.family,
            bits=contender.bits,
            lengths=contender.lengths,
            accuracy=round(median(judged.accuracies), 4),
            shares=shares,
            exits=exits,
        )

    def mean(self, costs: Mapping[int, float]) -> float:
        """Mean cost of an image, of which each run costs what ``costs`` say for its length.

        The median of the seeds.
        """
        return median(sum(share * costs[length] for length, share in each) for each in self.shares)


@dataclass(frozen=True, kw_only=True)
class Accelerator:
    """A network in an arithmetic: what an array, ports and options make an accelerator of."""

    name: str
    kind: str
    """Of ``studies.arithmetic.KINDS``."""
    network: Network
    """Of the first seed."""
    file: str
    options: Mapping[str, Any]
    ways: tuple[Way, ...]
    energies: Mapping[int, Mapping[int, ChunkEnergy]] = field(default_factory=dict)
    """Of a chunk, by N and L; empty where energy is not asked for."""

    @cached_property
    def digest(self) -> str:
        """Changes with all that a design's numbers depend on."""
        parts = [network_digest(self.network), repr(self.ways), repr(self.energies)]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def registers(self, way: Way) -> str:
        """What a host writes so that images run in this way; see docs/interfaces.md."""
        if not self.options:
            return ""
        if way.from_file:
            return "as after reset"
        if way.exits:
            return f"as `bitrain progressive {self.file} --{way.exits.replace(' ', '=')}` prints"
        no_exits = ", LADDER_MARGIN.RUN = 0" if "early_termination" in self.options else ""
        return f"STREAM_LENGTH = {way.lengths[-1]}{no_exits}"

    @property
    def lengths(self) -> tuple[int, ...]:
        """All lengths at which it runs, shortest first."""
        return tuple(sorted({length for way in self.ways for length in way.lengths}))

    def lanes(self, asked: Sequence[int]) -> tuple[int, ...]:
        """N to choose from: of those that are ``asked`` for, or of the usual ones."""
        if self.kind != "stochastic":
            return tuple(asked) or _LANES[self.kind]
        least = self.network.num_lanes  # with other wires a network would compute something else
        if asked:
            return tuple(n for n in asked if n % least == 0)
        usual = [least * factor for factor in _MULTIPLES]
        return tuple(n for n in usual if n <= max(_MOST_LANES, least))


@dataclass(frozen=True, kw_only=True)
class Design:
    """An accelerator with all that it is made of."""

    accelerator: int
    """Its place among those of the space."""
    config: AcceleratorConfig

    @property
    def key(self) -> str:
        """A unique name in its space."""
        return f"{self.accelerator} {self.config.model_dump_json()}"

    @classmethod
    def of_key(cls, key: str) -> "Design":
        """The design of a key."""
        index, config = key.split(" ", 1)
        return cls(accelerator=int(index), config=AcceleratorConfig.model_validate_json(config))


@dataclass(frozen=True, kw_only=True)
class Space:
    """Sizes of arrays, engines, ports and weights, for each of some accelerators."""

    accelerators: tuple[Accelerator, ...]
    channels: tuple[int, ...] = CHANNELS
    positions: tuple[int, ...] = POSITIONS
    lanes: tuple[int, ...] = ()
    """None: usual ones of each arithmetic."""
    widths: tuple[int, ...] = WIDTHS
    engines: tuple[int, ...] = (1,)
    interface: Streams | None = None
    """By default axi where its registers choose how images run or load weights, else raw."""
    weights: str = "rom"

    def choices(self, accelerator: int) -> dict[str, tuple[int, ...]]:
        """Values of each of ``FIELDS`` for one accelerator."""
        lanes = self.accelerators[accelerator].lanes(self.lanes)
        values = (self.channels, self.positions, lanes, self.widths, self.engines)
        return dict(zip(FIELDS, values, strict=True))

    def check(self) -> None:
        """Raise :class:`BitrainError` for options whose effect the models do not know."""
        if self.weights == "stream" and max(self.engines) > 1:
            raise BitrainError(
                f"--engines {max(self.engines)}: cycles of several engines with --weights stream "
                "depend on each other's streams, and are not searched; give --engines 1"
            )

    @property
    def size(self) -> int:
        """Designs, those included that do not go together."""
        found = 0
        for index in range(len(self.accelerators)):
            count = 1
            for values in self.choices(index).values():
                count *= len(values)
            found += count
        return found

    def design(self, accelerator: int, sizes: Mapping[str, int]) -> Design:
        """One design; :class:`BitrainError` where its sizes do not go together."""
        made = self.accelerators[accelerator]
        needs_bus = len(made.ways) > 1 or self.weights == "ram"
        streams: Streams = self.interface or ("axi" if needs_bus else "raw")
        fields = {name: sizes[name] for name in FIELDS[:-1]}
        for name in ("channels", "lanes"):
            if sizes[name] % sizes["width"]:
                raise BitrainError(f"W = {sizes['width']} does not divide {name} {sizes[name]}")
        config = AcceleratorConfig.model_validate(
            {
                "array": fields | KINDS[made.kind],
                "interface": Interface.usual(streams),
                "engines": sizes["engines"],
                "weights": self.weights,
                **made.options,
            }
        )
        return Design(accelerator=accelerator, config=config)

    def designs(self) -> Iterator[Design]:
        """All of them."""
        for index in range(len(self.accelerators)):
            choices = self.choices(index)
            for values in product(*choices.values()):
                try:
                    yield self.design(index, dict(zip(choices, values, strict=True)))
                except BitrainError:  # sizes that do not divide each other
                    continue
