"""Stream mode: neurons that emit a stream while those of their last inputs run, and count it.

A layer of ``neuron="stream"`` cuts a neuron's K inputs into chunks of N, the lanes of the banks.
With A_t its accumulator, which is the bias, all products of the chunks before the last, and those
of the last chunk in cycles 0 … t, the neuron accumulates and fires:

    S += P_t - N_t                  products of positive and of negative weights in cycle t
    y_t = S >= θ;  S -= θ · y_t     θ = 2^(shift + upscale) · 2^n / L

for t = 0 … L - 1, S being A_{-1} at first. The stream y of L bits stands for the ReLU of the sum,
and so does the activation stored, out = 2^n / L · Σ y_t, which is in 0 … 2^n by itself. The neurons
i of a pooling window share one fire signal, which makes it ReLU and max in one:

    y_t = OR_i (S_i >= θ);  S_i -= θ · y_t

S_i may fall below zero without bound. As S_i,t = A_i,t - θ Y, with Y the fires so far, a window
fires when its largest A_i reaches θ (Y + 1). One fire per cycle apart, it hence emits

    max(0, max_t max_i floor(A_i,t / θ))

where counter mode has floor(max_i A_i,L-1 / θ): it is exact for a sum that never shrinks, for any
correlation of the streams, and what a later cycle takes back has been fired already. Chunks before
the last emit nothing, so only the last chunk's products can do that. With K <= N the neuron is that
of in-stream designs, whose inputs are all there in every cycle: accumulate and fire as in
integrate-and-fire neurons, the max by difference counters without saturation.
"""

import numpy as np

from .layer import MAX_ACCUMULATOR_BITS, Layer


def threshold_bits(layer: Layer, bits: int) -> np.ndarray:
    """log2 θ of every output channel at precision n = ``bits``: (out,), int64."""
    return layer.shift + layer.upscale.astype(np.int64) + left_shift(layer, bits)


def left_shift(layer: Layer, bits: int) -> int:
    """log2(2^n / L): how far the fires are shifted to be an activation."""
    return bits - (layer.stream_length.bit_length() - 1)


def first_emitting(layer: Layer, lanes: int) -> int:
    """Index of the last chunk's first input: those before it only accumulate."""
    return (layer.num_inputs - 1) // lanes * lanes


def check_thresholds(layer: Layer, bits: int) -> None:
    """Raise ValueError for a threshold below a product bit or beyond an accumulator."""
    exponents = threshold_bits(layer, bits)
    if exponents.min() < 0 or exponents.max() >= MAX_ACCUMULATOR_BITS:
        raise ValueError(
            f"layer {layer.name!r} fires at 2^{exponents.min()} … 2^{exponents.max()} product "
            f"bits, expected 2^0 … 2^{MAX_ACCUMULATOR_BITS - 1}"
        )


def state_range(layer: Layer, bits: int) -> tuple[int, int]:
    """Least and greatest value of S - θ."""
    bias, theta = layer.bias.astype(np.int64), 1 << threshold_bits(layer, bits)
    low = bias - layer.stream_length * (layer.weight_matrix < 0).sum(1)
    high = bias + layer.stream_length * (layer.weight_matrix > 0).sum(1)
    fires = np.clip(high // theta, 0, layer.stream_length)
    return int((low - theta * (fires + 1)).min()), int((high - theta).max())
