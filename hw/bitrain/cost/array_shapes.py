"""Which array runs a network fastest, of those with as many multipliers."""

from dataclasses import dataclass
from typing import Literal

from bitrain.program import AcceleratorConfig, Array, Tiling, check_conflicts, find_arithmetic
from bitrain.spec import BitrainError, Network
from bitrain.spec.bank import MAX_LANES

from .cycles import IMAGE_OVERHEAD, judge_cycles, layer_cycles, layer_overhead

WIDTHS: tuple[Literal[1, 2, 4, 8], ...] = (1, 2, 4, 8)
"""W of an array."""
LARGEST = 64
"""P and Q of an array."""


@dataclass(frozen=True, kw_only=True)
class ArrayChoice:
    """An array and what the closed form says of it."""

    array: Array
    latency: int
    """From the last pixel to the first score, as ``NetworkCost.latency``."""
    useful: tuple[float, ...]
    """Share of the lane-cycles that compute products, by layer."""


def fastest_arrays(
    network: Network, multipliers: int, arithmetic: str = "stochastic", *, count: int = 8
) -> list[ArrayChoice]:
    """The ``count`` arrays P x Q x N of at most so many multipliers that take fewest cycles.

    N is a multiple of the network's lanes, but in binary arithmetic; of each array all widths W
    are tried that the network's words permit. Where two arrays take equal
    cycles, the smaller one comes first. Raises :class:`BitrainError` where even one neuron is too
    large.
    """
    least = network.num_lanes if find_arithmetic(arithmetic).has_streams else 1
    if multipliers < least:
        raise BitrainError(
            f"{multipliers} multipliers: network {network.name!r} was exported for "
            f"{network.num_lanes} lanes, which a neuron needs at least"
        )
    found = []
    for lanes in range(least, min(MAX_LANES, multipliers) + 1, least):
        for channels in range(1, min(LARGEST, multipliers // lanes) + 1):
            for positions in range(1, min(LARGEST, multipliers // (lanes * channels)) + 1):
                for width in WIDTHS:
                    if channels % width or lanes % width:
                        break
                    array = Array(
                        channels=channels,
                        positions=positions,
                        lanes=lanes,
                        width=width,
                        arithmetic=arithmetic,
                    )
                    try:
                        check_conflicts(AcceleratorConfig(array=array), network)
                    except BitrainError:  # words, and windows in stream mode, ask for others
                        break
                    found.append(_choice(network, array))
    found.sort(key=_rank)
    return found[:count]


def _rank(choice: ArrayChoice) -> tuple[int, ...]:
    array = choice.array
    return choice.latency, array.multipliers, array.sngs, array.width


def _choice(network: Network, array: Array) -> ArrayChoice:
    overhead = layer_overhead(network, array)
    cycles, useful = [], []
    for layer in network.layers:
        tiling = Tiling.of(layer, array)
        length = array.rules.cycles(network, layer)
        cycles.append(layer_cycles(tiling, array, length, overhead))
        work = layer.out_channels * tiling.positions * layer.num_inputs * length
        useful.append(work / (cycles[-1] * array.multipliers))
    latency = sum(cycles) + judge_cycles(network, array) + IMAGE_OVERHEAD
    return ArrayChoice(array=array, latency=latency, useful=tuple(useful))
