"""Exact convolution of stochastic streams, with activations and weights given as integers.

Everything here is small next to the kernel: the streams of all numbers are packed once and kept,
weights once per layer, and the kernel packs activations as it goes, by table look-up.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from bitrain.spec import SngBank

from .kernel import BLOCK, TILE, WORD, accumulate


@dataclass(frozen=True)
class Streams:
    """Stream of every number at every lane, for both factors of a product."""

    activation_bank: SngBank
    weight_bank: SngBank
    length: int
    """L, a power of two, at most 2^n."""
    or_lanes: int = 1
    """g, inputs whose product bits are ORed before they count (``bitrain.spec.or_groups``)."""

    def __post_init__(self):
        first, second = (
            (len(bank.lanes), bank.sequence.width)
            for bank in (self.activation_bank, self.weight_bank)
        )
        if first != second:
            raise ValueError(f"banks of (lanes, bits) {first} and {second} do not fit each other")
        if self.length & (self.length - 1) or not 1 <= self.length <= self.one:
            raise ValueError(f"stream length {self.length} is no power of two in 1 … {self.one}")

    @property
    def one(self) -> int:
        """2^n, the integer that stands for 1."""
        return 1 << self.activation_bank.sequence.width

    @property
    def tables(self) -> tuple[np.ndarray, np.ndarray]:
        """Packed streams of activations and of weights, (lanes, cells, 2^n + 1) each, read-only.

        A stream is one cell of 8 to 64 bits, or several of 64: bit t of it is bit t mod 64 of
        cell t div 64.
        """
        return _tables(self)


@dataclass(frozen=True, eq=False)
class PackedWeights:
    """Weights of a layer as the kernel reads them."""

    shape: tuple[int, int, int, int]
    """(out, in / groups, kernel rows, kernel columns)"""
    words: np.ndarray
    """Streams and sign masks: (groups, blocks, words, 2, BLOCK), uint64. With OR groups, streams of
    positive and of negative weights."""
    offsets: np.ndarray
    """What sign masks add to the counts, taken off: (groups, out / groups), int64."""
    or_lanes: int
    slots: np.ndarray
    """Of each input: (K,), integers."""


@lru_cache(maxsize=16)
def _tables(streams: Streams) -> tuple[np.ndarray, np.ndarray]:
    return (
        _pack_numbers(streams.activation_bank, streams.length),
        _pack_numbers(streams.weight_bank, streams.length),
    )


def _pack_numbers(bank: SngBank, length: int) -> np.ndarray:
    numbers = np.arange((1 << bank.sequence.width) + 1)[:, None]
    bits = (bank.bits(lane, numbers) for lane in bank.selects(length))
    lanes = [np.packbits(lane, axis=1, bitorder="little") for lane in bits]
    cells = np.stack(lanes).view(f"<u{min(WORD // 8, lanes[0].shape[1])}")
    table = np.ascontiguousarray(cells.transpose(0, 2, 1))
    table.setflags(write=False)
    return table


def pack_weights(
    streams: Streams, weight: np.ndarray, groups: int = 1, slots: np.ndarray | None = None
) -> PackedWeights:
    """Pack signed magnitudes in [-2^n, 2^n], once for many batches.

    weight: (out, in / groups, kernel rows, kernel columns), with the groups one after the other.
    slots: of each input, by which it meets lanes; its own number by default.
    """
    if weight.ndim != 4 or np.abs(weight).max(initial=0) > streams.one:
        raise ValueError(f"expected four dimensions of weights in ±{streams.one}")
    if len(weight) % groups:
        raise ValueError(f"{len(weight)} output channels are no multiple of {groups} groups")
    matrix = weight.reshape(groups, len(weight) // groups, -1)
    _, num_out, inputs = matrix.shape
    if inputs * streams.length >= 1 << 31:
        raise ValueError(f"sums of {inputs} streams of {streams.length} bits exceed 32 bits")
    _, table = streams.tables
    lanes, per_stream, _ = table.shape
    per_word = WORD // 8 // table.itemsize
    word, cell = _places(inputs, per_stream, per_word, streams.or_lanes)
    num_words = -(-(word[-1] + 1) // streams.or_lanes) * streams.or_lanes
    num_blocks = -(-num_out // BLOCK)
    slots = np.arange(inputs) if slots is None else slots
    magnitude = table[slots % lanes, :, np.abs(matrix)]
    negative = (matrix < 0)[..., None]
    if streams.or_lanes == 1:
        pair = magnitude, negative * table.dtype.type((1 << min(WORD, streams.length)) - 1)
    else:
        pair = magnitude * ~negative, magnitude * negative
    full = np.zeros((2, groups, num_blocks * BLOCK, num_words * per_word), table.dtype)
    for plane, values in zip(full, pair, strict=True):
        values = np.broadcast_to(values, magnitude.shape).reshape(groups, num_out, -1)
        plane[:, :num_out, word * per_word + cell] = values
    blocks = full.view(np.uint64).reshape(2, groups, num_blocks, BLOCK, num_words)
    return PackedWeights(
        shape=weight.shape,
        words=np.ascontiguousarray(blocks.transpose(1, 2, 4, 0, 3)),
        offsets=-streams.length * negative.sum((2, 3), dtype=np.int64) * (streams.or_lanes == 1),
        or_lanes=streams.or_lanes,
        slots=slots,
    )


def convolve(
    streams: Streams,
    activations: np.ndarray,
    weight: np.ndarray | PackedWeights,
    stride: tuple[int, int] = (1, 1),
    padding: tuple[int, int] = (0, 0),
    *,
    dilation: tuple[int, int] = (1, 1),
    groups: int = 1,
    slots: np.ndarray | None = None,
) -> np.ndarray:
    """Product sums of a layer without its bias: (images, out, rows, columns), int32.

    activations: whole numbers up to 2^n, (images, in, rows, columns), of any type; those below
    zero have the stream of zero. weight: signed magnitudes in [-2^n, 2^n], (out, in / groups,
    kernel rows, kernel columns), or what :func:`pack_weights` made of them with the same streams
    and groups. slots: as there. Raises ``ValueError`` for numbers out of range and shapes that do
    not fit.
    """
    packed = weight
    if not isinstance(packed, PackedWeights):
        packed = pack_weights(streams, packed, groups, slots)
    groups = len(packed.words)
    num_out, channels, *_ = packed.shape
    if activations.ndim != 4 or activations.shape[1] != channels * groups:
        raise ValueError(f"activations {activations.shape} do not fit weights {packed.shape}")
    if activations.max(initial=0) > streams.one:
        raise ValueError(f"an activation exceeds {streams.one}")
    maps = _pad(activations, padding, np.promote_types(np.uint16, np.min_scalar_type(streams.one)))
    images, _, height, width = maps.shape
    window_rows, window_columns = (
        np.arange(size) * step for size, step in zip(packed.shape[2:], dilation, strict=True)
    )
    rows = (height - window_rows[-1] - 1) // stride[0] + 1
    columns = (width - window_columns[-1] - 1) // stride[1] + 1
    if min(rows, columns) < 1:
        raise ValueError(f"kernel {packed.shape[2:]} exceeds the padded input {maps.shape[1:]}")
    window = np.arange(channels)[:, None, None] * height + window_rows[:, None]
    starts = np.arange(rows)[:, None] * (stride[0] * width) + np.arange(columns) * stride[1]
    sums = [np.empty((images, num_out // groups, rows * columns), np.int32) for _ in range(groups)]
    tiles = -(-images * rows * columns // TILE)
    table, _ = streams.tables
    window = (window * width + window_columns).ravel()
    plan = _plan(window, table, packed)
    for group in range(groups):
        first = group * channels * height * width
        accumulate(
            maps.reshape(images, groups * channels * height * width),
            ((starts.ravel() + first).astype(np.uint64), plan, table.ravel()),
            (packed.words[group], packed.offsets[group], packed.or_lanes),
            min(32, tiles // 64 + 1),
            sums[group],
        )
    joined = np.concatenate(sums, 1) if groups > 1 else sums[0]
    return joined.reshape(images, num_out, rows, columns)


def _pad(activations: np.ndarray, padding: tuple[int, int], kind: np.dtype) -> np.ndarray:
    (images, channels, height, width), (ph, pw) = activations.shape, padding
    maps = np.zeros((images, channels, height + 2 * ph, width + 2 * pw), kind)
    inner = maps[:, :, ph : ph + height, pw : pw + width]
    np.maximum(activations, 0, out=inner, casting="unsafe")
    return maps


def _places(
    inputs: int, per_stream: int, per_word: int, or_lanes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Word of each cell of a neuron's streams and its place there, input by input: (cells,) each.

    Members of a group meet in as many words, at the same place.
    """
    k, part = np.divmod(np.arange(inputs * per_stream), per_stream)
    group, member = np.divmod(k, or_lanes)
    word, cell = np.divmod(group * per_stream + part, per_word)
    return word * or_lanes + member, cell


def _plan(window: np.ndarray, table: np.ndarray, packed: PackedWeights) -> np.ndarray:
    """Where each cell of a window is read, looked up and packed: (3, cells), uint64."""
    lanes, per_stream, numbers = table.shape
    per_word = WORD // 8 // table.itemsize
    cell = np.arange(window.size * per_stream)
    source = window.repeat(per_stream)
    row = packed.slots[cell // per_stream] % lanes * per_stream + cell % per_stream
    word, at = _places(window.size, per_stream, per_word, packed.or_lanes)
    place = word * (TILE * per_word) + at
    return np.stack([source, row * numbers, place]).astype(np.uint64)
