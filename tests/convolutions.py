"""Streams of lanes that are wired, and the contract's sums of products one by one."""

import numpy as np

from bitrain.golden import Streams
from bitrain.spec import Lfsr, SngBank, VanDerCorput


def wired(bits: int, num_lanes: int, length: int) -> Streams:
    lfsr, van_der_corput = Lfsr(width=bits), VanDerCorput(width=bits)
    return Streams(
        SngBank.wired(lfsr, num_lanes, "rotated"),
        SngBank.wired(van_der_corput, num_lanes, "rotated"),
        length,
    )


def lane_bits(bank: SngBank, lanes, numbers, length: int) -> np.ndarray:
    """Streams of numbers at lanes, which broadcast, from the contract's words: (…, L), bool."""
    values = bank.values(length)[np.asarray(lanes) % len(bank.lanes)].astype(int)
    numbers = np.asarray(numbers, int)[..., None]
    if bank.generator == "comparator":
        return values < numbers
    place = np.frexp(values)[1] - 1  # of the highest one; -1 for 0
    chosen = (values > 0) & (numbers >> np.maximum(place, 0) & 1 == 1)
    return chosen | (numbers == 1 << bank.sequence.width)


def reference(
    streams: Streams, activations: np.ndarray, weight: np.ndarray, stride, padding
) -> np.ndarray:
    """The contract's sum without its bias, one neuron at a time."""
    (sh, sw), (ph, pw) = stride, padding
    num_out, _, kh, kw = weight.shape
    g = streams.or_lanes
    padded = np.pad(activations, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    rows, columns = (padded.shape[2] - kh) // sh + 1, (padded.shape[3] - kw) // sw + 1
    sums = np.zeros((len(padded), num_out, rows, columns), np.int64)
    lane = np.arange(weight[0].size)
    for image, y, x in np.ndindex(len(padded), rows, columns):
        a = padded[image, :, y * sh : y * sh + kh, x * sw : x * sw + kw].ravel()
        for o, w in enumerate(weight.reshape(num_out, -1)):
            both = lane_bits(streams.activation_bank, lane, a, streams.length)
            both &= lane_bits(streams.weight_bank, lane, np.abs(w), streams.length)
            firsts = range(0, w.size, g)
            for sign in 1, -1:
                bits = both & (np.sign(w) == sign)[:, None]
                joined = [np.any(bits[k : k + g], 0) for k in firsts] if g > 1 else bits
                sums[image, o, y, x] += sign * np.sum(joined)
    return sums
