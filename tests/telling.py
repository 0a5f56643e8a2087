"""Images that tell a network from those with one bit of a weight or a bias turned over."""

from collections.abc import Iterator

import numpy as np
from networks import random_images
from pydantic import ValidationError

from bitrain import golden
from bitrain.spec import Layer, Network

POOL = 96
"""Images that are tried."""
BIAS_BITS = 6
"""Low bits of the biases that are turned over."""


def telling_images(
    network: Network, count: int, arithmetic: str = "stochastic"
) -> tuple[np.ndarray, list[str]]:
    """The images whose scores differ for the most flips, and the flips that none tells.

    Images of noise, full scale and black and white are there in any case, and images of as many
    classes as there is room for.
    """
    pool, full = random_images(network, POOL), network.one
    pool[1] = full
    pool[2:POOL:4] = np.where(pool[2:POOL:4] > full // 2, full, 0)
    wanted = golden.predict(network, pool, arithmetic)
    told = {
        where: (golden.predict(other, pool, arithmetic) != wanted).any(1)
        for where, other in flips(network)
    }
    chosen, classes = [0, 1, 2], wanted.argmax(1)
    for rare in sorted(np.unique(classes), key=lambda each: (classes == each).sum()):
        if len(chosen) < count // 2 + 2 and rare not in classes[chosen]:
            chosen.append(int(np.flatnonzero(classes == rare)[0]))
    while len(chosen) < count:
        open_ = [rows for rows in told.values() if not rows[chosen].any()]
        gains = np.sum(open_, 0) if open_ else np.zeros(POOL)
        chosen.append(int(np.argmax(np.where(np.isin(range(POOL), chosen), -1, gains))))
    return pool[chosen], [where for where, rows in told.items() if not rows[chosen].any()]


def flips(network: Network) -> Iterator[tuple[str, Network]]:
    """Networks with one bit of a weight or of a bias turned over, and which."""
    for index, layer in enumerate(network.layers):
        for where, other in _layers(layer, network.one):
            layers = (*network.layers[:index], other, *network.layers[index + 1 :])
            try:
                changed = Network.model_validate({**dict(network), "layers": layers})
            except ValidationError:  # beyond the contract: sums of too many bits
                continue
            yield f"layer {index} {where}", changed


def _layers(layer: Layer, one: int) -> Iterator[tuple[str, Layer]]:
    for place in np.ndindex(layer.weight.shape):
        weight = int(layer.weight[place])
        sizes = [abs(weight) ^ 1 << bit for bit in range(one.bit_length())]
        others = [size if weight >= 0 else -size for size in sizes if size <= one]
        for other in [*others, -weight] if weight else others:
            yield f"weight {place}: {weight} -> {other}", _changed(layer, "weight", place, other)
    for channel in range(layer.out_channels):
        for bit in range(BIAS_BITS):
            other = int(layer.bias[channel]) ^ 1 << bit
            yield f"bias {channel}, bit {bit}", _changed(layer, "bias", (channel,), other)


def _changed(layer: Layer, name: str, place: tuple[int, ...], value: int) -> Layer:
    array = getattr(layer, name).copy()
    array[place] = value
    return Layer.model_validate({**dict(layer), name: array})
