"""The exact rule of early termination: when no bits to come can change the class any more.

It looks at the last layer alone, at every cycle: what a class can still gain on the best one is
bounded by the weights, so a class that leads by more has won, whatever the inputs do.
"""

from typing import Literal

import numpy as np

from bitrain.spec import Layer, Network

from .windows import padded, windows_of

Bound = Literal["signs", "streams"]
"""What bounds the cycles to come: the weights' signs alone, or their streams, known beforehand."""


def decided_after(network: Network, activations: np.ndarray, bound: Bound = "signs") -> np.ndarray:
    """Cycles 0 … L of the last layer after which no bits to come can change the class: (images,).

    activations: what the last layer reads, integers in [0, 2^n], (images, …). ``signs`` lets every
    product bit of a later cycle be anything, so that class j can gain on class i one per cycle for
    each positive weight of j and each negative one of i; ``streams`` knows the bits of the weights
    and lets only those of the activations be anything. Both never err. Raises ValueError for a last
    layer with more than one position, with groups or with a shortcut.
    """
    layer = network.layers[-1]
    if layer.conv_shape[1:] != (1, 1) or layer.groups > 1 or layer.shortcut:
        raise ValueError(f"layer {layer.name!r} has several positions, groups, or a shortcut")
    window = _window(layer, activations)
    lanes = layer.input_slots % network.num_lanes
    bank = network.activation_bank
    selects = bank.selects(layer.stream_length)[lanes]
    weights = _signed_streams(network, layer, lanes)
    gains = _gains(layer, weights, bound)
    channel, image = np.arange(layer.out_channels), np.arange(len(window))
    scores = np.tile(layer.bias.astype(np.int64), (len(window), 1))
    cycles = np.zeros(len(window), np.int64)
    for cycle in range(layer.stream_length):
        best = scores.argmax(1)
        lead = scores[image, best][:, None] - scores
        gain = gains[cycle][:, best].T
        wins_ties = channel < best[:, None]
        cycles += ((gain > lead) | ((gain == lead) & wins_ties)).any(1)
        bits = bank.bits(selects[:, cycle], window)
        # float32 is exact: a cycle adds at most K < 2^24, and BLAS is far faster.
        scores += (bits.astype(np.float32) @ weights[cycle].T).astype(np.int64)
    return cycles


def _window(layer: Layer, activations: np.ndarray) -> np.ndarray:
    """The one window of every image, (images, K)."""
    maps = activations.reshape(-1, *layer.in_shape)
    return windows_of(layer, padded(layer, maps))[:, :, 0, 0].reshape(len(maps), -1)


def _signed_streams(network: Network, layer: Layer, lanes: np.ndarray) -> np.ndarray:
    """Weight bits with their signs, -1, 0 or 1: (L, out, K), float32."""
    selects = network.weight_bank.selects(layer.stream_length)[lanes].T[:, None]
    matrix = layer.weight_matrix
    bits = network.weight_bank.bits(selects, np.abs(matrix).astype(np.int64))
    return (np.sign(matrix) * bits).astype(np.float32)


def _gains(layer: Layer, weights: np.ndarray, bound: Bound) -> np.ndarray:
    """Most that channel j can gain on channel i from cycle t on: (t, j, i), int64."""
    if bound == "signs":
        matrix = layer.weight_matrix
        each = (matrix > 0).sum(1)[:, None] + (matrix < 0).sum(1)
        np.fill_diagonal(each, 0)
        return np.arange(layer.stream_length, 0, -1)[:, None, None] * each
    each = np.array([np.maximum(w[:, None] - w, 0).sum(-1) for w in weights], np.int64)
    return each[::-1].cumsum(0)[::-1]
