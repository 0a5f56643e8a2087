"""Fewer bits of the same numbers: what integers run as their shorter network.

Bit-serial integers take most significant bits first, so a network of n bits holds those of fewer.
With d bits less, numbers are those that the first planes give (``bitrain.spec.planes``): weights
sign(w) · floor(|w| / 2^d), pixels and padding values floor(x / 2^d). Activations are requantised to
n - d bits, and round as before: with the half that rounds apart, a bias b of a layer of streams of
L bits becomes floor(b / 2^m + 1/2), m = min(d, log2 L), whose unit is 2^m / L. Streams lose cycles
instead (``bitrain.spec.prefix``).
"""

import numpy as np

from .bank import SngBank
from .errors import BitrainError
from .layer import Layer
from .network import Network
from .sequence import Ramp, VanDerCorput

LEAST_BITS = 2


def with_precision(network: Network, bits: int) -> Network:
    """``network`` of the ``bits`` most significant bits, for exact products of integers.

    Its L, which are 2^m times less, say in what unit biases are; its sequences mean nothing. Raises
    :class:`BitrainError` for more bits than there are, or fewer than two.
    """
    lost = network.bits - bits
    if bits < LEAST_BITS or lost < 0:
        raise BitrainError(
            f"{bits} bits: expected {LEAST_BITS} to {network.bits}, which the network has"
        )
    if not lost:
        return network
    layers = tuple(_fewer(layer, lost) for layer in network.layers)
    kinds = {"activation_bank": Ramp, "weight_bank": VanDerCorput}
    banks = {
        name: SngBank.wired(kind(width=bits), network.num_lanes, "identical")
        for name, kind in kinds.items()
    }
    return Network.model_validate({**dict(network), **banks, "layers": layers, "exits": ()})


def all_precisions(network: Network) -> dict[int, Network]:
    """``network`` and those of fewer bits, by the L of their longest streams, longest first."""
    length = max(layer.stream_length for layer in network.layers)
    most = min(network.bits - LEAST_BITS, length.bit_length() - 1)
    fewer = range(1, most + 1)
    return {length: network} | {
        length >> lost: with_precision(network, network.bits - lost) for lost in fewer
    }


def _fewer(layer: Layer, lost: int) -> Layer:
    coarser = min(lost, layer.stream_length.bit_length() - 1)  # m
    right = layer.shift + layer.upscale.astype(np.int64)
    half, kept = (
        (1 << np.maximum(shift, 1) >> 1) * ((shift >= 1) & layer.relu)
        for shift in (right, right + lost - coarser)
    )
    weight = layer.weight.astype(np.int64)
    changes = {
        "weight": np.sign(weight) * (np.abs(weight) >> lost),
        "bias": _scaled(layer.bias.astype(np.int64) - half, coarser) + kept,
        "shift": layer.shift + (lost - coarser) * layer.relu,
        "stream_length": layer.stream_length >> coarser,
        "padding_value": layer.padding_value.astype(np.int64) >> lost,
    }
    if layer.shortcut:
        gain = layer.shortcut.gain << lost - coarser
        changes["shortcut"] = dict(layer.shortcut) | {"gain": gain}
    return Layer.model_validate(dict(layer) | changes)


def _scaled(value: np.ndarray, lost: int) -> np.ndarray:
    """The quotient value / 2^lost, rounded half up."""
    return value + (1 << lost >> 1) >> lost
