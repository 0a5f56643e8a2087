"""The hot loop: AND and population count over flat, contiguous 64-bit words, on all cores.

A stream of L bits takes L / 64 words, or a part of one where L < 64; the K streams of a neuron's
inputs follow each other, so that one product sum is one pass over two flat arrays.
"""

from typing import Any

import numpy as np
from numba import njit, prange, types
from numba.extending import intrinsic

WORD = 64


def _emit_popcount(_context, builder, _signature, arguments):
    return builder.ctpop(arguments[0])


# Typed Any: a checker would take the typing context for an argument of the call.
_popcount: Any = intrinsic(lambda _context, _word: (types.uint64(types.uint64), _emit_popcount))


def pack_streams(values: np.ndarray, one: int) -> np.ndarray:
    """Stream of every number at every lane: (lanes, 2^n + 1, words), uint64.

    ``values``: what each lane compares with, (lanes, L). Bit t of a stream is bit t mod 64 of word
    t div 64.
    """
    lanes, length = values.shape
    bits = values[:, None, :] < np.arange(one + 1)[None, :, None]
    words = max(1, length // WORD)
    chunked = bits.reshape(lanes, one + 1, words, -1).astype(np.uint64)
    return (chunked << np.arange(chunked.shape[-1], dtype=np.uint64)).sum(-1, dtype=np.uint64)


@njit(cache=True)
def _pack_row(numbers, table, length, out):
    """Concatenate the streams of K numbers, lane k mod N, into ``out``."""
    lanes, words = table.shape[0], table.shape[2]
    out[:] = 0
    if length >= WORD:
        for k in range(numbers.size):
            for w in range(words):
                out[k * words + w] = table[k % lanes, numbers[k], w]
    else:
        per_word = WORD // length
        for k in range(numbers.size):
            stream = table[k % lanes, numbers[k], 0]
            out[k // per_word] |= stream << np.uint64(k % per_word * length)


@njit(cache=True, parallel=True)
def pack_rows(numbers, table, length):
    """Concatenated streams of each row of numbers: (rows, K) to (rows, words), uint64."""
    num_words = (numbers.shape[1] * length + WORD - 1) // WORD
    packed = np.empty((numbers.shape[0], num_words), np.uint64)
    for row in prange(numbers.shape[0]):
        _pack_row(numbers[row], table, length, packed[row])
    return packed


@njit(cache=True, parallel=True)
def accumulate(padded, geometry, table, length, weights):
    """Accumulators of a layer, (images, out, rows, columns), int32.

    padded: zero-padded activations (images, channels, height, width). geometry: kernel, stride and
    output size, (rows, columns) each. table: activation streams. weights: packed streams of the
    positive and of the negative weights, (out, words) each, and the biases (out,).
    """
    images, channels = padded.shape[:2]
    (kh, kw), (sh, sw), (height, width) = geometry
    positive, negative, bias = weights
    num_out, num_words = positive.shape
    result = np.empty((images, num_out, height, width), np.int32)
    for row in prange(images * height):
        image, y = row // height, row % height
        numbers = np.empty(channels * kh * kw, np.int32)
        streams = np.empty(num_words, np.uint64)
        for x in range(width):
            k = 0
            for c in range(channels):
                for i in range(kh):
                    for j in range(kw):
                        numbers[k] = padded[image, c, y * sh + i, x * sw + j]
                        k += 1
            _pack_row(numbers, table, length, streams)
            for o in range(num_out):
                plus = np.uint64(0)
                minus = np.uint64(0)
                for w in range(num_words):
                    plus += _popcount(streams[w] & positive[o, w])
                    minus += _popcount(streams[w] & negative[o, w])
                result[image, o, y, x] = bias[o] + np.int32(plus) - np.int32(minus)
    return result
