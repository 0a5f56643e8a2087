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


def reference(
    streams: Streams, activations: np.ndarray, weight: np.ndarray, stride, padding
) -> np.ndarray:
    """The contract's sum without its bias, one neuron at a time."""
    (sh, sw), (ph, pw) = stride, padding
    r_activation = streams.activation_bank.values(streams.length)
    r_weight = streams.weight_bank.values(streams.length)
    num_out, _, kh, kw = weight.shape
    g = streams.or_lanes
    padded = np.pad(activations, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    rows, columns = (padded.shape[2] - kh) // sh + 1, (padded.shape[3] - kw) // sw + 1
    sums = np.zeros((len(padded), num_out, rows, columns), np.int64)
    lane = np.arange(weight[0].size) % len(r_activation)
    for image, y, x in np.ndindex(len(padded), rows, columns):
        a = padded[image, :, y * sh : y * sh + kh, x * sw : x * sw + kw].ravel()
        for o, w in enumerate(weight.reshape(num_out, -1)):
            both = (r_activation[lane] < a[:, None]) & (r_weight[lane] < np.abs(w)[:, None])
            firsts = range(0, w.size, g)
            for sign in 1, -1:
                bits = both & (np.sign(w) == sign)[:, None]
                joined = [np.any(bits[k : k + g], 0) for k in firsts] if g > 1 else bits
                sums[image, o, y, x] += sign * np.sum(joined)
    return sums
