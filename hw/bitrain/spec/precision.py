"""Fewer bits of the same numbers: what the integer baseline runs as its shorter network.

Bit-serial integers take most significant bits first, so a network of n bits holds those of fewer:
with d bits less, weights are w' = sign(w) · floor(|w| / 2^d), activations are requantised to n - d
bits, and biases lose d bits beyond the half that rounds. Streams lose cycles instead
(``bitrain.spec.prefix``).
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

    Its streams have 2^d cycles less and sequences of no meaning. Raises :class:`BitrainError` for
    more bits than there are, or fewer than two.
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


def _fewer(layer: Layer, lost: int) -> Layer:
    right = layer.shift + layer.upscale.astype(np.int64)
    half = (1 << np.maximum(right, 1) >> 1) * ((right >= 1) & layer.relu)
    weight = layer.weight.astype(np.int64)
    changes = {
        "weight": np.sign(weight) * (np.abs(weight) >> lost),
        "bias": _scaled(layer.bias.astype(np.int64) - half, lost) + half,
        "stream_length": max(1, layer.stream_length >> lost),
    }
    if layer.padding_value is not None:
        changes["padding_value"] = _scaled(layer.padding_value.astype(np.int64), lost)
    return Layer.model_validate(dict(layer) | changes)


def _scaled(value: np.ndarray, lost: int) -> np.ndarray:
    """The quotient value / 2^lost, rounded half up."""
    return value + (1 << lost >> 1) >> lost
