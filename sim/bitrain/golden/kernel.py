"""The hot loop: AND and population count over 64-bit words in registers, on all cores.

A tile of 16 positions is packed word by word, so that a vector register holds one word of 8
positions; each word of a neuron's weights meets all of them at once and no sum is ever taken
across a register. For a product of streams, with w the weight's stream and s all ones where the
weight is negative,

    |x & w|  or  L - |x & w|  =  |(x & w) ^ s|

so that a signed product takes one population count; L times the number of negative weights is
taken off at the end. The code is written for 512-bit registers in the compiler's own vector type,
which it splits on machines that have less.
"""

from typing import Any

import numpy as np
from numba import njit, prange, types
from numba.core import cgutils
from numba.core.cgutils import ir
from numba.extending import intrinsic

from .or_kernel import count_groups

WORD = 64
SIMD = 8
"""Words of a vector."""
VECTORS = 2
TILE = SIMD * VECTORS
"""Positions worked on together."""
BLOCK = 4
"""Neurons worked on together: BLOCK · VECTORS counters and what they need fit the registers."""

_INT = ir.IntType(WORD)
_VECTOR = ir.VectorType(_INT, SIMD)


def _emit_count(context, builder, signature, arguments):
    rows, weights, block, counts = arguments
    rows, weights, counts = (
        context.make_array(kind)(context, builder, value)
        for kind, value in zip(signature.args, arguments, strict=True)
        if isinstance(kind, types.Array)
    )
    words = builder.extract_value(rows.shape, 0)
    popcount = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(_VECTOR, [_VECTOR]), f"llvm.ctpop.v{SIMD}i{WORD}"
    )
    number = cgutils.intp_t
    undefined = ir.Constant(_VECTOR, ir.Undefined)
    first_lane = ir.Constant(ir.VectorType(ir.IntType(32), SIMD), [0] * SIMD)

    def at(array, index, offset):
        return builder.gep(array.data, [builder.add(index, number(offset))])

    def vector_at(array, index, offset):
        return builder.bitcast(at(array, index, offset), _VECTOR.as_pointer())

    def broadcast(index, offset):
        word = builder.load(at(weights, index, offset))
        single = builder.insert_element(undefined, word, ir.IntType(32)(0))
        return builder.shuffle_vector(single, undefined, first_lane)

    zero = ir.Constant(_VECTOR, [0] * SIMD)
    tile = [(o, v) for o in range(BLOCK) for v in range(VECTORS)]
    sums = {pair: cgutils.alloca_once_value(builder, zero) for pair in tile}
    start = builder.mul(block, words)
    with cgutils.for_range(builder, words) as loop:
        row = builder.mul(loop.index, number(TILE))
        word = builder.mul(builder.add(start, loop.index), number(2 * BLOCK))
        x = [builder.load(vector_at(rows, row, v * SIMD), align=8) for v in range(VECTORS)]
        for o in range(BLOCK):
            w, s = broadcast(word, o), broadcast(word, BLOCK + o)
            for v in range(VECTORS):
                ones = builder.call(popcount, [builder.xor(builder.and_(x[v], w), s)])
                builder.store(builder.add(builder.load(sums[o, v]), ones), sums[o, v])
    for o, v in tile:
        place = vector_at(counts, number(0), o * TILE + v * SIMD)
        builder.store(builder.load(sums[o, v]), place, align=8)
    return context.get_dummy_value()


def _type_count(_context, rows, weights, block, counts):
    return types.void(rows, weights, types.intp, counts), _emit_count


# Typed Any: a checker would take the typing context for an argument of the call.
_count: Any = intrinsic(_type_count)


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
    step = np.uint64(WORD // 8 // cells.itemsize)
    for p in range(0, TILE, 4):
        first, second, third, fourth = bases[p], bases[p + 1], bases[p + 2], bases[p + 3]
        offset = np.uint64(p) * step
        for k in range(plan.shape[1]):
            source, row, to = plan[0, k], plan[1, k], plan[2, k] + offset
            cells[to] = table[row + flat[first + source]]
            cells[to + step] = table[row + flat[second + source]]
            cells[to + step + step] = table[row + flat[third + source]]
            cells[to + step + step + step] = table[row + flat[fourth + source]]


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
    images, num_out, size = sums.shape
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
                    _count(rows, words, block, counts)
                else:
                    count_groups(rows, words, block, or_lanes, counts)
                for o in range(block * BLOCK, min(num_out, (block + 1) * BLOCK)):
                    image, position = divmod(tile * TILE, size)
                    for p in range(min(TILE, positions - tile * TILE)):
                        sums[image, o, position] = counts[o - block * BLOCK, p] + offsets[o]
                        position += 1
                        if position == size:
                            image, position = image + 1, 0
