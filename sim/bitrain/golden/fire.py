"""Stream mode: accumulate and fire, a pooling window at a time (contract: ``bitrain.spec.stream``).

What the chunks before the last add is a sum as in counter mode. For the last chunk the streams of a
neuron's inputs are packed by cycle, one word for up to 64 lanes, so that a cycle of a neuron is an
AND, an XOR, a population count and an addition; a window's largest accumulator is compared with
θ (Y + 1), Y being its fires so far. Loops over output channels are innermost: they fill vector
registers.
"""

import numpy as np
from numba import njit, prange

from bitrain.spec import Layer
from bitrain.spec.stream import first_emitting, left_shift, threshold_bits

from .convolution import Streams, convolve
from .popcount import ones
from .windows import padded

WORD = 64


def accumulate_and_fire(streams: Streams, activations: np.ndarray, layer: Layer) -> np.ndarray:
    """What a layer in stream mode stores: (images, out, rows, columns), int32.

    activations: whole numbers in [0, 2^n], (images, in, rows, columns).
    """
    lanes, bits = len(streams.activation_bank.lanes), streams.activation_bank.sequence.width
    matrix, channels = layer.weight_matrix.astype(np.int64), layer.weight.shape[1]
    first = first_emitting(layer, lanes)
    maps = padded(layer, np.maximum(activations, 0).astype(np.int32))
    sums = _before(streams, maps, layer, first)

    rows, columns = map(layer.pool_window.places, (0, 1), layer.conv_shape[1:])
    geometry = (rows, columns, *layer.stride)
    k = np.arange(first, layer.num_inputs)
    inputs = np.stack(np.unravel_index(k, layer.weight.shape[1:]), 1) * (1, *layer.dilation)
    bank = streams.activation_bank
    selects = bank.selects(streams.length)[k % lanes].astype(np.int32)
    top = bits if bank.generator == "multiplexer" else 0
    thresholds = np.int64(1) << threshold_bits(layer, bits)
    fires = np.empty((len(maps), *layer.out_shape), np.int32)
    size = layer.group_channels
    for group in range(layer.groups):
        part = slice(group * size, (group + 1) * size)
        last = matrix[part, first:]
        _fire(
            (maps[:, group * channels : (group + 1) * channels], inputs, selects, top),
            (_pack_weights(streams, last), (last < 0).sum(1)),
            (sums[:, part], thresholds[part]),
            geometry,
            fires[:, part],
        )
    return fires << left_shift(layer, bits)


def _before(streams: Streams, maps: np.ndarray, layer: Layer, first: int) -> np.ndarray:
    """Bias and all chunks before the last, whose input is ``first``, of every neuron: int64.

    maps: padded.
    """
    kept = layer.weight.copy()
    kept.reshape(len(kept), -1)[:, first:] = 0
    geometry = {"stride": layer.stride, "dilation": layer.dilation, "groups": layer.groups}
    sums = convolve(streams, maps, kept, **geometry)
    return sums + layer.bias.astype(np.int64)[:, None, None]


def _pack_weights(streams: Streams, matrix: np.ndarray) -> np.ndarray:
    """Bits and signs of the last chunk, by cycle: (L, words, 2, out), uint64."""
    num_out, inputs = matrix.shape
    selects = streams.weight_bank.selects(streams.length)[:inputs]  # lane 0 begins every chunk
    packed = np.zeros((streams.length, -(-inputs // WORD), 2, num_out), np.uint64)
    for j in range(inputs):
        bit = np.uint64(j % WORD)
        bits = streams.weight_bank.bits(selects[j][:, None], np.abs(matrix[:, j]))
        packed[:, j // WORD, 0] |= bits.astype(np.uint64) << bit
        packed[:, j // WORD, 1] |= (matrix[:, j] < 0).astype(np.uint64) << bit
    return packed


@njit(cache=True, parallel=True)
def _fire(last_chunk, last_weights, neurons, geometry, fires):
    """Fill ``fires`` (images, out, rows, columns) of one group of channels.

    last_chunk: padded maps (images, in, rows, columns); (channel, row, column) of each input
    in a neuron's window; what its lane selects, (inputs, L); n of multiplexers, 0 of comparators.
    last_weights: as ``_pack_weights``; how many are negative (out,). neurons: sums of the bias and
    the chunks before (images, out, …); θ (out,). geometry: rows and columns of neurons that pooling
    windows read, (windows, kernel) each; stride of neurons.
    """
    maps, inputs, selects, top = last_chunk
    weights, negatives = last_weights
    sums, thresholds = neurons
    window_rows, window_columns, sh, sw = geometry
    images, num_out, rows, columns = fires.shape
    length, words = weights.shape[:2]
    ww = window_columns.shape[1]
    members = window_rows.shape[1] * ww
    for task in prange(images * rows):
        image, y = task // rows, task % rows
        streams = np.empty((members, length, words), np.uint64)
        state = np.empty((members, num_out), np.int64)
        level, largest = np.empty(num_out, np.int64), np.empty(num_out, np.int64)
        count = np.empty(num_out, np.int64)
        for x in range(columns):
            streams[:] = 0
            for m in range(members):
                row, column = window_rows[y, m // ww], window_columns[x, m % ww]
                for j in range(len(inputs)):
                    channel, i, k = inputs[j]
                    number = maps[image, channel, row * sh + i, column * sw + k]
                    bit, word = np.uint64(j % WORD), j // WORD
                    for t in range(length):
                        if top:
                            one = (selects[j, t] & number | number >> top) != 0
                        else:
                            one = selects[j, t] < number
                        streams[m, t, word] |= np.uint64(one) << bit
                for o in range(num_out):
                    state[m, o] = sums[image, o, row, column]
            level[:] = thresholds
            count[:] = 0
            for t in range(length):
                for m in range(members):
                    for o in range(num_out):
                        state[m, o] -= negatives[o]
                    for word in range(words):
                        bits, both = streams[m, t, word], weights[t, word]
                        for o in range(num_out):
                            state[m, o] += np.int64(ones((bits & both[0, o]) ^ both[1, o]))
                largest[:] = state[0]
                for m in range(1, members):
                    for o in range(num_out):
                        largest[o] = max(largest[o], state[m, o])
                for o in range(num_out):
                    fired = np.int64(largest[o] >= level[o])
                    count[o] += fired
                    level[o] += fired * thresholds[o]
            for o in range(num_out):
                fires[image, o, y, x] = count[o]
