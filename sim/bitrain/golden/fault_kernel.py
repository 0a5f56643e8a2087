"""The hot loops of fault injection: counts of neurons tile by tile, as an array works on them.

Each image has faults of its own. What strikes operands, streams or sequences is applied to the
operands of a tile before its neurons count; see ``faults`` for the order of the bits.
"""

import numpy as np
from numba import njit, prange

from .popcount import ones

NONE, STREAMS, SOURCES = 0, 1, 2
"""What the faults of a kernel strike: nothing here, streams (or what integers have in their place),
number sequences."""


@njit(cache=True)
def _load_weights(codes, channel, bits, numbers, signs):
    """Magnitudes and signs (P, slots) of channels from one on, of codes (out, slots)."""
    for p in range(len(numbers)):
        for s in range(codes.shape[1]):
            code = codes[channel + p, s]
            numbers[p, s], signs[p, s] = code & ((2 << bits) - 1), code >> (bits + 1)


@njit(cache=True)
def _load_activations(flat, reads, place, numbers):
    """Activations (Q, slots) of a group at positions from one on; zero in slots without input."""
    starts, offsets, plane = reads
    group, position = place
    for q in range(len(numbers)):
        start = starts[position + q] + group * plane
        for s in range(len(offsets)):
            numbers[q, s] = flat[start + offsets[s]] if offsets[s] >= 0 else 0


@njit(cache=True)
def _pack(numbers, table, bits, packed):
    """Streams of numbers (vectors, slots) to cells (vectors, cells of a row)."""
    lanes, cells, _ = table.shape
    for v in range(len(numbers)):
        lane, to = 0, 0
        for s in range(numbers.shape[1]):
            number = min(numbers[v, s], 1 << bits)
            for c in range(cells):
                packed[v, to] = table[lane, c, number]
                to += 1
            lane = lane + 1 if lane + 1 < lanes else 0


@njit(cache=True)
def _select(value, rotate, invert, bits, multiplexed):
    """What a lane makes of its source's value: the value that it sees, or that one's highest."""
    one = 1 << bits
    value = (((value << rotate) | (value >> (bits - rotate))) & (one - 1)) ^ invert
    if multiplexed:
        highest = one >> 1
        while highest > value:
            highest >>= 1
        return highest
    return value


@njit(cache=True)
def _strike_streams(flips, length, pitch, xs, ws):
    """Flip bits of packed streams xs (Q, words) and ws (P, words) of S slots.

    flips: counted from the tile's first. length: S, L. pitch: bits from slot to slot in a row.
    """
    slots, cycles = length
    row_bits = slots * cycles
    first, row = 0, 0
    for flip in flips:  # they rise
        while flip >= first + row_bits:
            first += row_bits
            row += 1
        bit = flip - first
        if pitch != cycles:
            bit = bit // cycles * pitch + bit % cycles
        one = np.uint64(1) << np.uint64(bit & 63)
        if row < len(xs):
            xs[row, bit >> 6] ^= one
        else:
            ws[row - len(xs), bit >> 6] ^= one


@njit(cache=True)
def _strike_sequences(flips, operands, banks, sizes, streams):
    """Write the bits anew that lanes make of altered values; flips count from the tile's first.

    operands, streams: numbers (vectors, slots) and packed streams (vectors, words) of activations
    and of weights. sizes: n, L, N, bits from slot to slot in a row.
    """
    values, wires, multiplexed = banks
    bits, length, lanes, pitch = sizes
    steps = operands[0].shape[1] // lanes * length
    at = 0
    while at < len(flips):
        place = flips[at] // bits
        mask = 0
        while at < len(flips) and flips[at] // bits == place:
            mask |= 1 << (flips[at] % bits)
            at += 1
        bank, step = divmod(place, steps)
        chunk, t = divmod(step, length)
        numbers, rows = (operands[1], streams[1]) if bank else (operands[0], streams[0])
        for s in range(chunk * lanes, (chunk + 1) * lanes):
            rotate, invert = wires[bank, s % wires.shape[1]]
            select = _select(values[bank, t] ^ mask, rotate, invert, bits, multiplexed[bank])
            bit = s * pitch + t
            word, one = bit >> 6, np.uint64(1) << np.uint64(bit & 63)
            for v in range(len(numbers)):
                number = numbers[v, s]
                if multiplexed[bank]:
                    is_one = (select & number) != 0 or number >> bits != 0
                else:
                    is_one = select < number
                rows[v, word] = rows[v, word] | one if is_one else rows[v, word] & ~one


@njit(cache=True)
def _count_group(x, w, negative, length):
    """Ones of an OR group's positive bits and zeros of its negative ones: x, w (members cells,)."""
    count, cells = np.int64(length), len(x) // len(negative)
    for cell in range(cells):
        plus, minus = np.uint64(0), np.uint64(0)
        for member in range(len(negative)):
            place = member * cells + cell
            product = np.uint64(x[place]) & np.uint64(w[place])
            if negative[member]:
                minus |= product
            else:
                plus |= product
        count += np.int64(ones(plus)) - np.int64(ones(minus))
    return count


@njit(cache=True, parallel=True)
def count_streams(maps, layer, faults, sizes, counts):
    """Fill ``counts`` (images, out, positions), int64: (x AND w) XOR s over a neuron's streams.

    maps: padded activations (images, size), int64. layer: where the window of each position begins
    (positions,), in their order, where each slot lies from there (slots,), -1 for none, and
    activations of a group; weights with their signs above (images or 1, out, slots); of the banks
    of activations and of weights, tables (lanes, cells, 2^n + 1), values (2, L), rotation and mask
    of each lane (2, lanes, 2), whether there are multiplexers (2,). faults: what they strike, the
    bits of all images, and where those of each begin (images + 1,). sizes: groups, P, Q, N, n, L,
    g; at most P channels of a group and Q positions are there.
    """
    reads, codes, banks = layer
    x_table, w_table, values, wires, multiplexed = banks
    kind, flips, ends = faults
    groups, channels, positions, lanes, bits, length, or_lanes = sizes
    images, num_out, num_positions = counts.shape
    group_channels, slots, cells = num_out // groups, len(reads[1]), x_table.shape[1]
    pitch = cells * 8 * x_table.itemsize
    words = (slots * pitch + 63) // 64
    size = 2 * slots // lanes * length * bits
    if kind == STREAMS:
        size = (positions + channels) * slots * length
    for index in prange(images):
        image = np.int64(index)  # the index is unsigned
        xs = np.zeros((positions, words), np.uint64)
        ws = np.zeros((channels, words), np.uint64)
        kept, masks = np.zeros_like(ws), np.zeros_like(ws)
        x_cells, w_cells = xs.view(x_table.dtype), ws.view(x_table.dtype)
        kept_cells, mask_cells = kept.view(x_table.dtype), masks.view(x_table.dtype)
        activations = np.zeros((positions, slots), np.int64)
        weights = np.zeros((channels, slots), np.int64)
        signs = np.zeros((channels, slots), np.int64)
        at, tile_end = ends[image], np.int64(0)
        for tile in range(groups * ((group_channels + channels - 1) // channels)):
            group, channel = divmod(tile, (group_channels + channels - 1) // channels)
            channel *= channels
            here, out = min(channels, group_channels - channel), group * group_channels + channel
            weights[:], signs[:] = 0, 0
            memory = codes[min(image, len(codes) - 1)]
            _load_weights(memory, out, bits, weights[:here], signs[:here])
            _pack(weights, w_table, bits, kept_cells)
            _pack(signs << bits, w_table, bits, mask_cells)  # streams of 2^n, which are all ones
            for position in range(0, num_positions, positions):
                last = min(positions, num_positions - position)
                _load_activations(maps[image], reads, (group, position), activations[:last])
                _pack(activations[:last], x_table, bits, x_cells)
                ws[:] = kept
                tile_start, tile_end = tile_end, tile_end + size
                first = at
                while at < ends[image + 1] and flips[at] < tile_end:
                    at += 1
                struck = flips[first:at] - tile_start
                if kind == STREAMS:
                    _strike_streams(struck, (slots, length), pitch, xs, ws)
                elif kind == SOURCES:
                    _strike_sequences(
                        struck,
                        (activations, weights),
                        (values, wires, multiplexed),
                        (bits, length, lanes, pitch),
                        (xs, ws),
                    )
                for p in range(here):
                    for q in range(last):
                        total = np.int64(0)
                        if or_lanes == 1:
                            for word in range(words):
                                product = (xs[q, word] & ws[p, word]) ^ masks[p, word]
                                total += np.int64(ones(product))
                        else:
                            for s in range(0, slots, or_lanes):
                                part = slice(s * cells, (s + or_lanes) * cells)
                                total += _count_group(
                                    x_cells[q, part],
                                    w_cells[p, part],
                                    signs[p, s : s + or_lanes],
                                    length,
                                )
                        counts[image, out + p, position + q] = total


@njit(cache=True, parallel=True)
def count_integers(maps, layer, faults, sizes, counts):
    """Fill ``counts`` (images, out, positions), int64: (x |w|) XOR s over a neuron's products.

    As :func:`count_streams`, without banks; sizes: groups, P, Q, n. A factor above 2^n is
    multiplied as the circuit does it: the product of the low n bits, OR a factor shifted by n if
    the other one has bit n.
    """
    reads, codes = layer
    kind, flips, ends = faults
    groups, channels, positions, bits = sizes
    images, num_out, num_positions = counts.shape
    group_channels, slots, low = num_out // groups, len(reads[1]), (1 << bits) - 1
    size = (positions + channels) * slots * (bits + 1) if kind == STREAMS else 0
    for index in prange(images):
        image = np.int64(index)  # the index is unsigned
        # Activations, then weights.
        numbers = np.zeros((positions + channels, slots), np.int64)
        kept, signs = np.zeros((2, channels, slots), np.int64)
        at, tile_end = ends[image], np.int64(0)
        for tile in range(groups * ((group_channels + channels - 1) // channels)):
            group, channel = divmod(tile, (group_channels + channels - 1) // channels)
            channel *= channels
            here, out = min(channels, group_channels - channel), group * group_channels + channel
            memory = codes[min(image, len(codes) - 1)]
            _load_weights(memory, out, bits, kept[:here], signs[:here])
            for position in range(0, num_positions, positions):
                last = min(positions, num_positions - position)
                _load_activations(maps[image], reads, (group, position), numbers[:last])
                numbers[positions:] = kept
                tile_start, tile_end = tile_end, tile_end + size
                while kind == STREAMS and at < ends[image + 1] and flips[at] < tile_end:
                    operand, bit = divmod(flips[at] - tile_start, bits + 1)
                    numbers[operand // slots, operand % slots] ^= 1 << bit
                    at += 1
                for p in range(here):
                    for q in range(last):
                        total = np.int64(0)
                        for s in range(slots):
                            a, b = numbers[q, s], numbers[positions + p, s]
                            top = a * (b >> bits) | b * (a >> bits)
                            product = (a & low) * (b & low) | top << bits
                            total += product ^ -signs[p, s]
                        counts[image, out + p, position + q] = total


@njit(cache=True)
def _select_planes(numbers, places, bits, planes, selected):
    """Bits of numbers (vectors, slots) in each cycle: ``selected`` (vectors, cycles, words).

    places: which bit that is (cycles,). planes: room for each bit by itself (vectors, n, words).
    """
    planes[:] = 0
    for v in range(len(numbers)):
        for s in range(numbers.shape[1]):
            number = min(numbers[v, s], (1 << bits) - 1)
            for place in range(bits):
                planes[v, place, s >> 6] |= np.uint64(number >> place & 1) << np.uint64(s & 63)
        for t in range(len(places)):
            selected[v, t] = planes[v, places[t]]


@njit(cache=True)
def _strike_planes(flips, slots, xs, ws):
    """Flip selected bits xs (Q, cycles, words) and ws (P, …); flips count from the tile's first."""
    cycles = xs.shape[1]
    for flip in flips:
        row, t = divmod(flip, cycles)
        vector, slot = divmod(row, slots)
        one = np.uint64(1) << np.uint64(slot & 63)
        if vector < len(xs):
            xs[vector, t, slot >> 6] ^= one
        else:
            ws[vector - len(xs), t, slot >> 6] ^= one


@njit(cache=True, parallel=True)
def count_planes(maps, layer, faults, sizes, counts):
    """Fill ``counts`` (images, out, positions), int64: 2^t (x AND w) XOR s over a neuron's bits.

    As :func:`count_integers`, with the bits of activations and of weights that are at work in each
    cycle as the last of ``layer``, (2, cycles); t is their sum. A number from 2^n on has ones for
    bits.
    """
    reads, codes, places = layer
    kind, flips, ends = faults
    groups, channels, positions, bits = sizes
    images, num_out, num_positions = counts.shape
    group_channels, slots, cycles = num_out // groups, len(reads[1]), places.shape[1]
    words = (slots + 63) // 64
    size = (positions + channels) * slots * cycles if kind == STREAMS else 0
    for index in prange(images):
        image = np.int64(index)  # the index is unsigned
        planes = np.zeros((max(positions, channels), bits, words), np.uint64)
        xs = np.zeros((positions, cycles, words), np.uint64)
        ws = np.zeros((channels, cycles, words), np.uint64)
        kept, masks = np.zeros_like(ws), np.zeros((channels, 1, words), np.uint64)
        activations = np.zeros((positions, slots), np.int64)
        weights, signs = np.zeros((2, channels, slots), np.int64)
        at, tile_end = ends[image], np.int64(0)
        for tile in range(groups * ((group_channels + channels - 1) // channels)):
            group, channel = divmod(tile, (group_channels + channels - 1) // channels)
            channel *= channels
            here, out = min(channels, group_channels - channel), group * group_channels + channel
            memory = codes[min(image, len(codes) - 1)]
            _load_weights(memory, out, bits, weights[:here], signs[:here])
            _select_planes(weights, places[1], bits, planes, kept)
            _select_planes(signs, np.zeros(1, np.int64), 1, planes, masks)
            for position in range(0, num_positions, positions):
                last = min(positions, num_positions - position)
                _load_activations(maps[image], reads, (group, position), activations[:last])
                _select_planes(activations, places[0], bits, planes, xs)
                ws[:] = kept
                tile_start, tile_end = tile_end, tile_end + size
                first = at
                while kind == STREAMS and at < ends[image + 1] and flips[at] < tile_end:
                    at += 1
                _strike_planes(flips[first:at] - tile_start, slots, xs, ws)
                for p in range(here):
                    for q in range(last):
                        total = np.int64(0)
                        for t in range(cycles):
                            found = np.int64(0)
                            for word in range(words):
                                product = (xs[q, t, word] & ws[p, t, word]) ^ masks[p, 0, word]
                                found += np.int64(ones(product))
                            total += found << (places[0, t] + places[1, t])
                        counts[image, out + p, position + q] = total
