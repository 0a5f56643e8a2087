"""Engines: a network compiled for one array, or shared out to several with an image in each.

An engine takes an image, or what the engine before it gives, word by word, runs its layers, and
sends its last layer's activations on word by word, so that it takes as long for an image as it
would by itself. It waits with its words until the next engine is idle.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise
from typing import Any, ClassVar

from bitrain.cost import NetworkCost, estimate
from bitrain.program import AcceleratorConfig, Array, Program, check_conflicts
from bitrain.spec import BitrainError, Layer, Network


class Part(Network):
    """Layers of a network without its last: they give activations, not scores."""

    gives_scores: ClassVar[bool] = False


@dataclass(frozen=True, kw_only=True)
class EnginesCost:
    """What an image costs in one engine, or in several in a row."""

    parts: tuple[NetworkCost, ...]
    """Cost of each engine by itself."""

    @property
    def latency(self) -> int:
        """Cycles from the last pixel taken to the first score offered, no other image around."""
        return sum(part.latency for part in self.parts) + sum(
            part.load_cycles for part in self.parts[1:]
        )

    @property
    def initiation_interval(self) -> int:
        """Cycles per image at full rate on both streams: those of the slowest engine."""
        return max(part.initiation_interval for part in self.parts)

    @property
    def between_cycles(self) -> int:
        """Those of ``latency`` in which no engine runs layers."""
        return self.latency - sum(part.latency for part in self.parts)

    def at_full_rate(
        self, images: int, cycles: Callable[[int, int, int], int] | None = None
    ) -> tuple[list[int], list[int]]:
        """Cycles of each of so many images, and from each to the next, if neither stream pauses.

        The first images wait for none, so both settle once the pipeline is full, if all take as
        long. cycles: of an engine for an image whose last word it takes in some cycle, counted from
        that of the first image in the first engine, where they differ.
        """
        cycles = cycles or (lambda engine, image, taken: self.parts[engine].latency)
        free = [0] * len(self.parts)
        """When each engine can take a word."""
        loaded, found = [], []
        for image in range(images):
            taken = free[0] + self.parts[0].load_cycles - 1
            loaded.append(taken)
            offered = taken
            for i, part in enumerate(self.parts):
                offered = taken + cycles(i, image, taken - loaded[0]) + 1
                begin = max(offered, free[i + 1]) if i + 1 < len(free) else offered
                taken = begin + part.output_cycles - 1
                free[i] = taken + 1
            found.append(offered - loaded[-1] - 1)
        return found, [later - earlier for earlier, later in pairwise(loaded)]


@dataclass(frozen=True)
class Engines:
    """A network compiled for an accelerator: one program for each engine.

    The layers are shared out so that the slowest engine is as fast as possible.
    """

    network: Network
    config: AcceleratorConfig
    programs: tuple[Program, ...]
    """One for each engine, in the order in which an image passes them."""

    @classmethod
    def of(cls, program: Program) -> "Engines":
        """A single engine, with the ports that its options need."""
        needs_bus = program.weights_writable or program.early_termination
        config = AcceleratorConfig.model_validate(
            {
                "array": program.array,
                "interface": "axi" if needs_bus else "raw",
                **program.options,
            }
        )
        return cls(program.network, config, (program,))

    @property
    def are_several(self) -> bool:
        """Whether there is more than one."""
        return self.config.engines > 1

    @property
    def array(self) -> Array:
        """The array of each engine, but for the last one's if it has another."""
        return self.config.array

    @property
    def run_time_length(self) -> bool:
        """Whether the stream length can be chosen while the accelerator runs."""
        return self.programs[0].run_time_length

    @property
    def early_termination(self) -> bool:
        """Whether images run at short lengths first."""
        return self.config.early_termination

    @property
    def weights_writable(self) -> bool:
        """Whether other weights and biases can be loaded; there is one engine then."""
        return self.config.weights == "ram"

    @property
    def weights_streamed(self) -> bool:
        """Whether weights come from outside, for each engine on a stream of its own."""
        return self.config.weights == "stream"

    @property
    def weight_streams(self) -> list[str]:
        """Names of these streams, one for each engine."""
        names = (
            ["weights"]
            if not self.are_several
            else [f"weights{i}" for i in range(len(self.programs))]
        )
        return names * self.weights_streamed

    @property
    def prefixes(self) -> dict[int, Network]:
        """The networks that run, by the L of their longest streams, longest first."""
        if self.are_several:
            return {self.longest: self.network}
        return self.programs[0].prefixes

    @property
    def longest(self) -> int:
        """L of the longest streams."""
        return max(program.longest for program in self.programs)

    @property
    def activation_bits(self) -> int:
        """Bits of an activation, n + 1: values 0 … 2^n."""
        return self.programs[0].activation_bits

    @property
    def score_bits(self) -> int:
        """Bits of a signed score, which the last engine gives."""
        return self.programs[-1].score_bits

    @property
    def traces(self) -> list[str]:
        """Names of the trace ports, one for each engine."""
        if not self.are_several:
            return ["trace"]
        return [f"trace{i}" for i in range(len(self.programs))]

    @cached_property
    def cost(self) -> EnginesCost:
        """Cycles at full length, exactly."""
        return EnginesCost(parts=tuple(map(estimate, self.programs)))

    @cached_property
    def prefix_costs(self) -> dict[int, EnginesCost]:
        """Cycles of each network that runs, by its L, longest first."""
        if self.are_several:
            return {self.longest: self.cost}
        programs = self.programs[0].prefix_programs
        return {
            length: EnginesCost(parts=(estimate(program),)) for length, program in programs.items()
        }


def compile_network(network: Network, config: AcceleratorConfig) -> Engines:
    """The layer program of each engine.

    Raises :class:`BitrainError` where the table of conflicts has a row for the network and what is
    asked for, and for a network that cannot be cut into so many parts.
    """
    check_conflicts(config, network)
    return Engines(network, config, split(network, config))


def split(network: Network, config: AcceleratorConfig) -> tuple[Program, ...]:
    """Programs of parts for each engine; the cycles of the slowest are as few as they can be."""
    engines, ends = config.engines, [len(network.layers)]
    if engines > 1:
        ends = [*cuts(network), *ends]
    if engines > len(ends):
        where = ", ".join(repr(network.layers[cut - 1].name) for cut in ends[:-1])
        raise BitrainError(
            f"engines = {engines}: network {network.name!r} can be shared out to 1 … {len(ends)}; "
            + (f"it may be cut after {where}" if where else "later layers need earlier outputs")
        )

    @cache
    def program(begin: int, end: int, number: int) -> Program:
        whole = end - begin == len(network.layers)
        layers = network if whole else part(network, begin, end)
        return Program(layers, config.arrays[number], **config.options)

    @cache
    def cycles(begin: int, end: int, number: int) -> int:
        return estimate(program(begin, end, number)).initiation_interval

    @cache
    def best(end: int, number: int) -> tuple[int, tuple[int, ...]]:
        """Cycles of the slowest of so many engines for the layers before ``end``, and the ends."""
        if number == 1:
            return cycles(0, end, 0), (end,)
        choices = []
        for cut in ends[number - 2 : ends.index(end)]:
            slowest, before = best(cut, number - 1)
            choices.append((max(slowest, cycles(cut, end, number - 1)), (*before, end)))
        return min(choices)

    chosen = best(len(network.layers), engines)[1] if engines > 1 else tuple(ends)
    bounds = enumerate(pairwise((0, *chosen)))
    return tuple(program(begin, end, number) for number, (begin, end) in bounds)


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
    # A map that the first layer reads flattened may be added by a shortcut as it is.
    image_shape = network.layers[begin - 1].out_shape if begin else network.image_shape
    if image_shape == layers[0].in_shape:
        image_shape = None
    changes = {"layers": layers, "image_shape": image_shape, "exits": ()}
    return kind.model_validate(dict(network) | changes)


def _moved(layer: Layer, begin: int) -> Layer:
    """With its references to other layers counted from ``begin``."""
    update: dict[str, Any] = {}
    for name in ("source", "concat_after"):
        if (index := getattr(layer, name)) is not None:
            update[name] = index - begin
    if (shortcut := layer.shortcut) is not None:
        update["shortcut"] = shortcut.model_copy(update={"source": shortcut.source - begin})
    return layer.model_copy(update=update) if update else layer
