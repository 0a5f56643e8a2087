"""Accelerators whose bits flip: scores of a program with faults at one site (docs/faults.md).

Each bit of a site flips with one probability, once for each image. A site's bits in a layer have an
order, that of the array returned by :func:`exposed`; which of them flip follows from the seed, the
image's number, the site and the layer alone. Neurons are computed tile by tile, as the array of the
program does, because an SNG and a source serve all neurons of a tile.
"""

from dataclasses import dataclass
from math import isqrt, log1p, prod
from typing import Literal, get_args

import numpy as np

from bitrain.program import Program
from bitrain.spec import BitrainError, Layer, plane_pairs

from .fault_kernel import NONE, SOURCES, STREAMS, count_integers, count_planes, count_streams
from .sums import streams_of
from .windows import padded

Site = Literal["streams", "sources", "weights", "counters", "activations"]
SITES: tuple[Site, ...] = get_args(Site)
ARITHMETICS = ("stochastic", "binary", "bitserial")
"""Arithmetics whose faults are defined."""
_STRIKES: dict[str | None, int] = {"streams": STREAMS, "sources": SOURCES}


@dataclass(frozen=True, kw_only=True)
class Faults:
    """What flips."""

    site: Site
    rate: float
    """Probability of a bit and image, above 0 and up to 1."""
    seed: int
    """From 0."""

    def __post_init__(self):
        if self.site not in SITES or not 0 < self.rate <= 1 or self.seed < 0:
            raise ValueError(f"{self}: expected one of {SITES}, a rate in (0, 1], a seed from 0")

    def flips(self, image: int, layer: int, bits: int) -> np.ndarray:
        """Which of a site's ``bits`` in a layer flip for an image: rising, int64.

        The steps from one to the next are geometric, 1 + floor(E / -ln(1 - rate)) with E
        exponential, of numpy's default generator seeded by (seed, image, site, layer).
        """
        rng = np.random.default_rng((self.seed, image, SITES.index(self.site), layer))
        mean = -1 / log1p(-self.rate) if self.rate < 1 else 0.0
        found, last = [np.zeros(0, np.int64)], -1
        while last < bits - 1:
            most = int((bits - 1 - last) * self.rate)
            draws = rng.standard_exponential(most + 4 * isqrt(most) + 4)
            found.append(last + (1 + np.minimum(draws * mean, bits).astype(np.int64)).cumsum())
            last = int(found[-1][-1])
        joined = np.concatenate(found)
        return joined[: np.searchsorted(joined, bits)]


def sites_of(arithmetic: str) -> tuple[Site, ...]:
    """Sites that an arithmetic has; integers have no sequences.

    In place of streams they have operands, or bit by bit those bits that are selected.

    Raises :class:`BitrainError` for one whose faults are not defined.
    """
    if arithmetic not in ARITHMETICS:
        raise BitrainError(f"faults of {arithmetic!r}: expected one of {', '.join(ARITHMETICS)}")
    return SITES if arithmetic == "stochastic" else tuple(s for s in SITES if s != "sources")


def check_program(program: Program) -> None:
    """Raise :class:`BitrainError` unless faults of the program are defined."""
    sites_of(program.array.arithmetic)
    if program.stream_layers:
        raise BitrainError(
            f"layer {program.stream_layers[0].name!r} is in stream mode, whose faults are not "
            "defined; export the network in counter mode, or take integers"
        )


def exposed(program: Program, site: Site, index: int) -> tuple[int, ...]:
    """Shape of the bits of a site in layer ``index``, least significant bits first.

    With tiles in the order in which they run, M neurons of a channel (those of a pooling window
    after each other, a neuron in several windows in each), S slots in whole chunks, L, n, and P and
    Q, or as many channels of a group and positions as there are:
    streams (tiles, Q + P, S, L), of operands (tiles, Q + P, S, n + 1) in binary arithmetic, of
    selected bits (tiles, Q + P, S, n²) in a bit-serial one; sources (tiles, 2, S / N, L, n), first
    the activations'; weights (out, S, n + 2), signs last; counters (out, M, their bits);
    activations (channels, rows, columns, n + 1) of what the layer before stores, or of the image.
    """
    network, array = program.network, program.array
    layer, tiling, bits = network.layers[index], program.tilings[index], network.bits
    slots = tiling.chunks * array.lanes
    if site == "streams":
        each = array.rules.cycles(network, layer) if array.rules.counts_bits else bits + 1
        return tiling.tiles, sum(_at_work(program, index)), slots, each
    if site == "sources":
        return tiling.tiles, 2, tiling.chunks, layer.stream_length, bits
    if site == "weights":
        return layer.out_channels, slots, bits + 2
    if site == "counters":
        return layer.out_channels, tiling.positions, program.count_bits
    return *network.added_shape(index - 1), bits + 1


def _at_work(program: Program, index: int) -> tuple[int, int]:
    """P and Q of a layer, or as many channels of a group and positions as there are."""
    array, layer = program.array, program.network.layers[index]
    positions = program.tilings[index].positions
    return min(array.channels, layer.group_channels), min(array.positions, positions)


def faulty_scores(
    program: Program, images: np.ndarray, numbers: np.ndarray, faults: Faults | None
) -> np.ndarray:
    """Scores (images, classes), int64, of an accelerator whose bits flip.

    images: integers in 0 … 2^n, (images, channels, rows, columns). numbers: of each image, by which
    its faults are drawn (images,). Without faults these are the scores of ``golden.predict``.
    """
    check_program(program)
    network = program.network
    network.check_images(images.shape)
    strike = _Strike(program, numbers, faults)
    stored = {-1: strike.toggled("activations", 0, images.astype(np.int64))}
    for index, (layer, parts) in enumerate(zip(network.layers, network.reads, strict=True)):
        joined = np.concatenate([stored[part] for part in parts], 1)
        counts = strike.toggled(
            "counters", index, _counts(program, index, joined.reshape(-1, *layer.in_shape), strike)
        )
        added = stored[layer.shortcut.source] if layer.shortcut else None
        stored[index] = _stored(program, layer, counts, added)
        if layer.relu:
            stored[index] = strike.toggled("activations", index + 1, stored[index])
    return stored[len(network.layers) - 1].reshape(len(images), -1)


@dataclass(frozen=True)
class _Strike:
    """Faults of a batch of images."""

    program: Program
    numbers: np.ndarray
    faults: Faults | None

    def flips(self, site: Site, index: int) -> list[np.ndarray]:
        """Of each image, in the layer; none at all for another site than that of the faults."""
        if self.faults is None or self.faults.site != site:
            return []
        bits = prod(exposed(self.program, site, index))
        return [self.faults.flips(int(image), index, bits) for image in self.numbers]

    def toggled(self, site: Site, index: int, values: np.ndarray) -> np.ndarray:
        """``values`` (images or 1, …) with faults in the low bits of each image's."""
        found = self.flips(site, index)
        if not found:
            return values
        width = exposed(self.program, site, index)[-1]
        struck = np.broadcast_to(values, (len(found), *values.shape[1:])).copy()
        for each, flips in zip(struck.reshape(len(found), -1), found, strict=True):
            np.bitwise_xor.at(each, flips // width, values.dtype.type(1) << flips % width)
        return struck


def _counts(program: Program, index: int, maps: np.ndarray, strike: _Strike) -> np.ndarray:
    """What the array counts, (images, out, positions), int64, of what a layer reads."""
    network, array = program.network, program.array
    layer, tiling = network.layers[index], program.tilings[index]
    maps = np.ascontiguousarray(padded(layer, maps))
    reads = _reads(layer, maps.shape, tiling.chunks * array.lanes)
    codes = strike.toggled("weights", index, _codes(layer, reads[1], network.bits))
    site = strike.faults.site if strike.faults else None
    kind = _STRIKES.get(site, NONE)
    found = strike.flips(site, index) if site and kind else [np.zeros(0, np.int64)] * len(maps)
    faults = kind, np.concatenate(found), np.cumsum([0, *map(len, found)])
    counts = np.empty((len(maps), layer.out_channels, tiling.positions), np.int64)
    flat = maps.reshape(len(maps), -1)
    sizes = layer.groups, *_at_work(program, index)
    if not array.rules.counts_bits:
        count_integers(flat, (reads, codes), faults, (*sizes, network.bits), counts)
        return counts
    if not array.rules.has_streams:
        places = network.bits - 1 - np.array(plane_pairs(network.bits)).T
        count_planes(flat, (reads, codes, places), faults, (*sizes, network.bits), counts)
        return counts
    banks = network.activation_bank, network.weight_bank
    values = np.stack([bank.sequence.values[: layer.stream_length] for bank in banks])
    wires = [[(lane.rotate, lane.invert) for lane in bank.lanes] for bank in banks]
    multiplexed = [bank.generator == "multiplexer" for bank in banks]
    kept = values.astype(np.int64), np.array(wires, np.int64), np.array(multiplexed)
    sizes = *sizes, array.lanes, network.bits, layer.stream_length, network.or_lanes
    tables = streams_of(network, layer).tables
    count_streams(flat, (reads, codes, (*tables, *kept)), faults, sizes, counts)
    return counts


def _reads(
    layer: Layer, shape: tuple[int, ...], num_slots: int
) -> tuple[np.ndarray, np.ndarray, int]:
    """Where windows begin in a padded map, where each slot lies from there, size of a group."""
    _, channels, height, width = shape
    rows, columns = map(layer.pool_window.places, (0, 1), layer.conv_shape[1:])
    (sh, sw), (dh, dw) = layer.stride, layer.dilation
    starts = rows[:, None, :, None] * (sh * width) + columns[None, :, None, :] * sw
    c, y, x = np.unravel_index(np.arange(layer.num_inputs), layer.weight.shape[1:])
    offsets = np.full(num_slots, -1)
    offsets[layer.input_slots] = (c * height + y * dh) * width + x * dw
    return starts.ravel(), offsets, channels // layer.groups * height * width


def _codes(layer: Layer, offsets: np.ndarray, bits: int) -> np.ndarray:
    """Weights in their slots as the memory has them, sign above: (1, out, slots), int64."""
    codes = np.zeros((1, layer.out_channels, len(offsets)), np.int64)
    matrix = layer.weight_matrix.astype(np.int64)
    codes[0][:, layer.input_slots] = np.abs(matrix) | (matrix < 0).astype(np.int64) << bits + 1
    return codes


def _stored(
    program: Program, layer: Layer, counts: np.ndarray, added: np.ndarray | None
) -> np.ndarray:
    """What a layer stores of its counts, or the scores: (images, out, rows, columns), int64.

    Constants are those of the weights as they were, and sums wrap as the accumulators do.
    """
    network = program.network
    negatives = (layer.weight_matrix < 0).sum(1)
    fraction, constants = 0, layer.bias.astype(np.int64)
    shifts = layer.shift + layer.upscale.astype(np.int64)
    if not program.array.rules.has_streams:
        fraction = 2 * network.bits - (layer.stream_length.bit_length() - 1)
        # Half a unit, where the bias was too coarse to hold it.
        finer = layer.relu & (shifts < 1) & (shifts + fraction >= 1)
        # A negative lane counts 2^t too many in each cycle, or a product one too few.
        excess = (network.one - 1) ** 2 if program.array.rules.counts_bits else -1
        constants = (constants << fraction) - excess * negatives
        constants += np.where(finer, 1 << np.maximum(shifts + fraction - 1, 0), 0)
        shifts = shifts + fraction
    elif network.or_lanes > 1:
        chunks = -(-layer.num_slots // program.array.lanes)
        constants = constants - layer.stream_length * chunks * (
            program.array.lanes // network.or_lanes
        )
    else:
        constants = constants - layer.stream_length * negatives
    sums = (counts & ((1 << program.count_bits) - 1)) + constants[:, None]
    (kernel_rows, kernel_columns), (_, rows, columns) = layer.pool_window.kernel, layer.out_shape
    if layer.shortcut and added is not None:
        shortcut = np.zeros((len(added), *layer.conv_shape), np.int64)
        (sh, sw), before = layer.shortcut.stride, layer.shortcut.before
        shortcut[:, before : before + added.shape[1]] = added[:, :, ::sh, ::sw]
        places = [*map(layer.pool_window.places, (0, 1), layer.conv_shape[1:])]
        y, x = places[0][:, None, :, None], places[1][None, :, None, :]
        gains = layer.shortcut.gain << fraction + layer.upscale.astype(np.int64)
        sums += shortcut[:, :, y, x].reshape(sums.shape) * gains[:, None]
    half = 1 << program.score_bits - 1
    sums = (sums + half & 2 * half - 1) - half
    if layer.relu:
        right, left = np.maximum(shifts, 0)[:, None], np.maximum(-shifts, 0)[:, None]
        sums = (sums << left >> right).clip(0, network.one)
    windows = sums.reshape(len(sums), -1, rows, columns, kernel_rows * kernel_columns)
    return windows.max(-1)
