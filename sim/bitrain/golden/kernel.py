"""The hot loop: AND and population count over 64-bit words in registers, on all cores.

A tile of 16 positions is packed word by word, so that a vector register holds one word of 8
positions, or of 4 or 2 where registers are shorter; each word of a neuron's weights meets all of
them at once and no sum is ever taken across a register. For a product of streams, with w the
weight's stream and s all ones where the weight is negative,

    |x & w|  or  L - |x & w|  =  |(x & w) ^ s|

so that a signed product takes one population count; L times the number of negative weights is
taken off at the end.

A processor that has no instruction for this count takes several for it. There, carry-save adders
add 2^d products bit by bit: they keep a plane of ones, a plane of twos and so on, and only the
carry of weight 2^d is counted (Harley and Seal; W. Muła, N. Kurz, D. Lemire, "Faster Population
Counts Using AVX2 Instructions", arXiv:1611.07612). With d = 0 every product is counted. The code is
written in the compiler's own vector type, so it is correct on every processor; ``tile_of`` chooses
d and the size of a tile for its registers.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit, prange, types
from numba.core import cgutils
from numba.core.cgutils import ir
from numba.extending import intrinsic

from .or_kernel import count_groups

WORD = 64
TILE = 16
"""Positions packed together."""
BLOCK = 4
"""Neurons whose weights lie together."""

_INT = ir.IntType(WORD)


class Tile(NamedTuple):
    """What is counted at a time, in registers: a part of a block and of a packed tile."""

    simd: int
    """Words of a vector register."""
    vectors: int
    """Vectors of positions: ``simd`` · ``vectors`` divides TILE."""
    neurons: int
    """A divisor of BLOCK."""
    depth: int
    """d: a population count is taken for every 2^d products."""


def tile_of(features: str) -> Tile:
    """The fastest tile for a processor with these features, in LLVM's names: "+avx2,-avx512f,…"."""
    has = set(features.split(","))
    if "+avx512vpopcntdq" in has:
        return Tile(simd=8, vectors=2, neurons=4, depth=0)
    simd = 8 if "+avx512f" in has else 4 if "+avx2" in has else 2
    # Planes and adders of two vectors fill 16 registers; more neurons would spill.
    return Tile(simd, vectors=2, neurons=1, depth=3)


def _emit_count(context, builder, signature, arguments):
    _, _, block, used, _ = arguments
    rows, weights, counts = (
        context.make_array(kind)(context, builder, value)
        for kind, value in zip(signature.args, arguments, strict=True)
        if isinstance(kind, types.Array)
    )
    # From the key of numba's cache, so that code for another processor is never loaded.
    _triple, _processor, features = context.codegen().magic_tuple()
    simd, vectors, neurons, depth = tile_of(features)
    words = builder.extract_value(rows.shape, 0)
    vector = ir.VectorType(_INT, simd)
    popcount = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(vector, [vector]), f"llvm.ctpop.v{simd}i{WORD}"
    )
    number = cgutils.intp_t
    zero = ir.Constant(vector, [0] * simd)
    first_lane = ir.Constant(ir.VectorType(ir.IntType(32), simd), [0] * simd)
    pairs = [(o, v) for o in range(neurons) for v in range(vectors)]

    def plus(index, offset):
        return builder.add(index, number(offset))

    def times(index, factor):
        return builder.mul(index, number(factor))

    def at(array, index):
        return builder.gep(array.data, [index])

    def vector_at(array, index):
        return builder.bitcast(at(array, index), vector.as_pointer())

    def broadcast(index):
        single = builder.insert_element(zero, builder.load(at(weights, index)), ir.IntType(32)(0))
        return builder.shuffle_vector(single, zero, first_lane)

    def scaled(count, level):
        return builder.shl(count, ir.Constant(vector, [level] * simd))

    start = builder.mul(block, words)

    def count_part(neuron, position):
        """Count the products of the neurons and positions that begin here."""

        def planes():
            return {pair: cgutils.alloca_once_value(builder, zero) for pair in pairs}

        totals, partial = planes(), [planes() for _ in range(depth)]

        def products(word):
            row = builder.add(times(word, TILE), position)
            weight = builder.add(times(builder.add(start, word), 2 * BLOCK), neuron)
            x = [
                builder.load(vector_at(rows, plus(row, v * simd)), align=8) for v in range(vectors)
            ]
            signed = {}
            for o in range(neurons):
                w, s = broadcast(plus(weight, o)), broadcast(plus(weight, BLOCK + o))
                for v in range(vectors):
                    signed[o, v] = builder.xor(builder.and_(x[v], w), s)
            return signed

        def carries(word, level):
            """Add 2^level words to the planes; the carries are bits of weight 2^level."""
            if level == 0:
                return products(word)
            first = carries(word, level - 1)
            second = carries(plus(word, 1 << level - 1), level - 1)
            carried = {}
            for pair in pairs:
                place = partial[level - 1][pair]
                odd, kept = builder.xor(first[pair], second[pair]), builder.load(place)
                builder.store(builder.xor(odd, kept), place)
                both = builder.and_(first[pair], second[pair])
                carried[pair] = builder.or_(both, builder.and_(odd, kept))
            return carried

        # The planes can hold the sum of 2^d - 1 words, so the words left over need no count.
        rest = builder.and_(words, number((1 << depth) - 1))
        with cgutils.for_range(builder, rest) as loop:
            for pair, carry in products(loop.index).items():
                for plane in partial:
                    kept = builder.load(plane[pair])
                    builder.store(builder.xor(kept, carry), plane[pair])
                    carry = builder.and_(kept, carry)
        step = number(1 << depth)
        with cgutils.for_range_slice(builder, rest, words, step, number) as (word, _):
            for pair, carry in carries(word, depth).items():
                ones = builder.call(popcount, [carry])
                builder.store(builder.add(builder.load(totals[pair]), ones), totals[pair])
        for o, v in pairs:
            count = scaled(builder.load(totals[o, v]), depth)
            for level, plane in enumerate(partial):
                ones = builder.call(popcount, [builder.load(plane[o, v])])
                count = builder.add(count, scaled(ones, level))
            place = builder.add(times(plus(neuron, o), TILE), plus(position, v * simd))
            builder.store(count, vector_at(counts, place), align=8)

    parts = builder.udiv(plus(used, neurons - 1), number(neurons))
    with cgutils.for_range(builder, parts) as outer:
        with cgutils.for_range(builder, number(TILE // (simd * vectors))) as inner:
            count_part(times(outer.index, neurons), times(inner.index, simd * vectors))
    return context.get_dummy_value()


def _type_count(_context, rows, weights, block, _used, counts):
    return types.void(rows, weights, types.intp, types.intp, counts), _emit_count


# Typed Any: a checker would take the typing context for an argument of the call.
_count: Any = intrinsic(_type_count)


def _emit_per_word(context, _builder, signature, _arguments):
    return context.get_constant(types.uint64, WORD // signature.args[0].dtype.bitwidth)


# A constant of the compiler: addresses of neighbouring positions then differ by constants.
_per_word: Any = intrinsic(lambda _context, cells: (types.uint64(cells), _emit_per_word))
"""Cells of such an array in a word."""


@njit(cache=True)
def _locate(tile, starts, stride, positions, bases):
    """Where the window of each position of a tile begins; the last one stands in for none."""
    image, position = divmod(tile * TILE, starts.size)
    for p in range(TILE):
        bases[p] = np.uint64(image * stride) + starts[position]
        if tile * TILE + p + 1 < positions:
            position += 1
            if position == starts.size:
                image, position = image + 1, 0


@njit(cache=True)
def _pack(flat, bases, plan, table, cells):
    """Streams of a tile's activations: cell k of position p at plan[2, k] + p cells per word."""
    step = _per_word(cells)
    for p in range(0, TILE, 4):
        first, second, third, fourth = bases[p], bases[p + 1], bases[p + 2], bases[p + 3]
        offset = np.uint64(p) * step
        for k in range(plan.shape[1]):
            source, row, to = plan[0, k], plan[1, k], plan[2, k] + offset
            cells[to] = table[row + flat[first + source]]
            cells[to + step] = table[row + flat[second + source]]
            cells[to + step + step] = table[row + flat[third + source]]
            cells[to + step + step + step] = table[row + flat[fourth + source]]


@njit(cache=True)
def _store(counts, offsets, block, tile, sums):
    """Write the counts of a tile and a block to ``sums``.

    Indices are unsigned, so that the compiler need not look for negative ones.
    """
    images, num_out, size = sums.shape
    start, first = divmod(np.uint64(tile * TILE), np.uint64(size))
    for o in range(block * BLOCK, min(num_out, (block + 1) * BLOCK)):
        row, offset = np.uint64(o - block * BLOCK), offsets[o]
        if first + np.uint64(TILE) <= np.uint64(size):
            for p in range(np.uint64(TILE)):
                sums[start, o, first + p] = counts[row, p] + offset
        else:
            image, position = start, first
            for p in range(np.uint64(min(TILE, images * size - tile * TILE))):
                sums[image, o, position] = counts[row, p] + offset
                position += np.uint64(1)
                if position == np.uint64(size):
                    image, position = image + np.uint64(1), np.uint64(0)


@njit(cache=True, parallel=True)
def accumulate(maps, windows, weights, tiles_at_once, sums):
    """Fill ``sums``, (images, out, positions), int32, with the signed counts of a layer.

    maps: zero-padded activations (images, size). windows: where the window of each position begins
    in a map (positions,); for each cell of a window where its activation lies from there, where its
    lane begins in the table and its place in a packed tile, (3, cells); the table of streams, flat.
    weights: streams and sign masks (blocks, words, 2, BLOCK), or as ``count_groups`` takes them for
    OR groups; what is added to each neuron's counts (out,), int64; g. tiles_at_once: what a thread
    takes at a time. The others are unsigned.
    """
    starts, plan, table = windows
    words, offsets, or_lanes = weights
    blocks, num_words = words.shape[:2]
    images, _, size = sums.shape
    positions = images * size
    tiles = (positions + TILE - 1) // TILE
    flat = maps.reshape(-1)
    for part in prange((tiles + tiles_at_once - 1) // tiles_at_once):
        rows = np.empty((num_words, TILE), np.uint64)
        cells = rows.reshape(-1).view(table.dtype)
        counts = np.empty((BLOCK, TILE), np.int64)
        bases = np.empty(TILE, np.uint64)
        for tile in range(part * tiles_at_once, min(tiles, (part + 1) * tiles_at_once)):
            _locate(tile, starts, maps.shape[1], positions, bases)
            _pack(flat, bases, plan, table, cells)
            for block in range(blocks):
                if or_lanes == 1:
                    used = min(BLOCK, sums.shape[1] - block * BLOCK)
                    _count(rows, words, block, used, counts)
                else:
                    count_groups(rows, words, block, or_lanes, counts)
                _store(counts, offsets, block, tile, sums)
