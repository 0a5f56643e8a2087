"""Pipelines: the layers of a network shared out to several engines, one image in each.

An engine takes an image, or what the engine before it gives, word by word, runs its layers, and
sends its last layer's activations on word by word, so that it takes as long for an image as it
would by itself. It waits with its words until the next engine is idle.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise
from typing import Any, ClassVar, Unpack

from bitrain.cost import NetworkCost, estimate
from bitrain.program import Array, Options, Program
from bitrain.spec import BitrainError, Layer, Network


class Part(Network):
    """Layers of a network without its last: they give activations, not scores."""

    gives_scores: ClassVar[bool] = False


@dataclass(frozen=True, kw_only=True)
class PipelineCost:
    """What an image costs in a pipeline of engines."""

    parts: tuple[NetworkCost, ...]
    """Of each engine by itself."""

    @property
    def cycles(self) -> int:
        """From the last pixel taken to the first score offered, with no other image on the way."""
        return sum(part.cycles for part in self.parts) + sum(
            part.load_cycles for part in self.parts[1:]
        )

    @property
    def image_cycles(self) -> int:
        """Cycles per image at full rate on both streams: those of the slowest engine."""
        return max(part.image_cycles for part in self.parts)

    @property
    def between_cycles(self) -> int:
        """Those of ``cycles`` in which no engine runs layers."""
        return self.cycles - sum(part.cycles for part in self.parts)

    def at_full_rate(
        self, images: int, cycles: Sequence[Sequence[int]] | None = None
    ) -> tuple[list[int], list[int]]:
        """Cycles of each of so many images, and from each to the next, if neither stream pauses.

        The first images wait for none, so both settle once the pipeline is full, if all take as
        long. cycles: of each engine, image by image, where they differ.
        """
        cycles = cycles or [[part.cycles] * images for part in self.parts]
        free = [0] * len(self.parts)
        """When each engine can take a word."""
        loaded, found = [], []
        for image in range(images):
            taken = free[0] + self.parts[0].load_cycles - 1
            loaded.append(taken)
            offered = taken
            for i, part in enumerate(self.parts):
                offered = taken + cycles[i][image] + 1
                begin = max(offered, free[i + 1]) if i + 1 < len(free) else offered
                taken = begin + part.output_cycles - 1
                free[i] = taken + 1
            found.append(offered - loaded[-1] - 1)
        return found, [later - earlier for earlier, later in pairwise(loaded)]


class Pipeline:
    """A network compiled for ``engines`` arrays of the same shape.

    Of all ways to share out its layers the one is taken whose slowest engine is fastest. Raises
    :class:`BitrainError` for a network that cannot be cut into so many parts.
    """

    run_time_length = loadable = early_termination = False

    def __init__(self, network: Network, array: Array, engines: int, *, skip_zeros: bool = False):
        self.network = network
        self.array = array
        self.skip_zeros = skip_zeros
        self.options: Options = {"skip_zeros": skip_zeros}
        parts = split(network, array, engines)
        self.programs = tuple(Program(part, array, **self.options) for part in parts)
        """Of each engine."""

    @property
    def prefixes(self) -> dict[int, Network]:
        """The network by the L of its longest streams."""
        return {self.longest: self.network}

    @property
    def longest(self) -> int:
        """L of the longest streams."""
        return max(program.longest for program in self.programs)

    @property
    def activation_bits(self) -> int:
        """n + 1: values 0 … 2^n."""
        return self.programs[0].activation_bits

    @property
    def score_bits(self) -> int:
        """Signed, of the last engine."""
        return self.programs[-1].score_bits

    @cached_property
    def cost(self) -> PipelineCost:
        """Cycles, exactly."""
        return PipelineCost(
            parts=tuple(
                estimate(program.network, self.array, **self.options) for program in self.programs
            )
        )


def compile_network(
    network: Network, array: Array, *, engines: int = 1, **options: Unpack[Options]
) -> Program | Pipeline:
    """For one engine or several; of the options these have ``skip_zeros`` alone.

    They cannot choose the stream length at run time, nor load weights while images are on the way.
    """
    if engines == 1:
        return Program(network, array, **options)
    if options.get("run_time_length") or options.get("early_termination"):
        raise BitrainError(
            f"engines = {engines}: images of different stream lengths would be in the pipeline at "
            "a time; use one engine, or leave out the run-time length and early termination"
        )
    if options.get("weights") == "ram":
        raise BitrainError(
            f"engines = {engines}: weights can be loaded into one engine; use one, or leave the "
            "weights in ROM"
        )
    return Pipeline(network, array, engines, skip_zeros=options.get("skip_zeros", False))


def traces_of(program: Program | Pipeline) -> list[str]:
    """Names of the trace ports, one for each engine."""
    engines = len(program.programs) if isinstance(program, Pipeline) else 1
    return ["trace"] if engines == 1 else [f"trace{i}" for i in range(engines)]


def split(network: Network, array: Array, engines: int) -> tuple[Network, ...]:
    """Parts for each engine; the cycles of the slowest are as few as they can be."""
    ends = [*cuts(network), len(network.layers)]
    if not 1 <= engines <= len(ends):
        where = ", ".join(repr(network.layers[cut - 1].name) for cut in ends[:-1])
        raise BitrainError(
            f"engines = {engines}: network {network.name!r} can be shared out to 1 … {len(ends)}; "
            + (f"it may be cut after {where}" if where else "later layers need earlier outputs")
        )

    @cache
    def cycles(begin: int, end: int) -> int:
        return estimate(part(network, begin, end), array).image_cycles

    @cache
    def best(end: int, number: int) -> tuple[int, tuple[int, ...]]:
        """Cycles of the slowest of so many engines for the layers before ``end``, and the ends."""
        if number == 1:
            return cycles(0, end), (end,)
        choices = []
        for cut in ends[number - 2 : ends.index(end)]:
            slowest, before = best(cut, number - 1)
            choices.append((max(slowest, cycles(cut, end)), (*before, end)))
        return min(choices)

    _, chosen = best(len(network.layers), engines)
    return tuple(part(network, *bounds) for bounds in pairwise((0, *chosen)))


def cuts(network: Network) -> Iterator[int]:
    """Numbers of layers after which a network may be cut: one map is all that goes on."""
    for cut in range(1, len(network.layers)):
        if network.stored[cut - 1] != (cut - 1,):
            continue
        later = zip(network.layers[cut:], network.reads[cut:], strict=True)
        if all(
            min(parts) >= cut - 1 and not (layer.shortcut and layer.shortcut.source < cut - 1)
            for layer, parts in later
        ):
            yield cut


def part(network: Network, begin: int, end: int) -> Network:
    """Layers ``begin`` to ``end``, the last not included, which read what comes as their image."""
    kind = Network if end == len(network.layers) else Part
    layers = tuple(_moved(layer, begin) for layer in network.layers[begin:end])
    image_shape = None if begin else network.image_shape
    return kind.model_validate(dict(network) | {"layers": layers, "image_shape": image_shape})


def _moved(layer: Layer, begin: int) -> Layer:
    """With its references to other layers counted from ``begin``."""
    update: dict[str, Any] = {}
    for name in ("source", "append"):
        if (index := getattr(layer, name)) is not None:
            update[name] = index - begin
    if (shortcut := layer.shortcut) is not None:
        update["shortcut"] = shortcut.model_copy(update={"source": shortcut.source - begin})
    return layer.model_copy(update=update) if update else layer
