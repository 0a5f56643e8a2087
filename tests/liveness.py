"""Whether a network's layers live: a fault in a layer of nothing but zeros shows nowhere."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from pydantic import ValidationError

from bitrain import golden
from bitrain.golden.model import layer_sums, run_layer
from bitrain.spec import Layer, Network
from bitrain.spec.layer import MAX_UPSCALE

VALUES = 16
MOST_EXTREME = 0.6
FEW = 6
"""Activations that make no shares."""
QUANTILES = 0.35, 0.2, 0.5, 0.1, 0.65, 0.05
"""Shares of a channel's sums that its bias makes negative, in the order in which they are tried."""
NUDGES = 0, -1, 1, -2
"""Octaves by which shifts are off."""
REDRAWS = 4


@dataclass(frozen=True)
class Liveness:
    """What a layer gives on some images."""

    layer: str
    values: int
    """Different ones."""
    needed: int
    """16 or half of what the layer can give, and at most a third of the number of activations."""
    zeros: float
    """Share of the activations."""
    saturated: float
    """Share of the activations that are at full scale."""

    @property
    def alive(self) -> bool:
        """Whether a fault would show."""
        return self.values >= self.needed and max(self.zeros, self.saturated) < MOST_EXTREME

    @property
    def spare(self) -> float:
        """How well it lives; from 1 on it will on other images too."""
        return min(self.values / self.needed, 1.5 * (1 - self.zeros), 1.5 * (1 - self.saturated))


def liveness(
    network: Network, images: np.ndarray, arithmetic: str = "stochastic"
) -> list[Liveness]:
    """Of each layer; scores have no extremes."""
    outputs = golden.run(network, images, arithmetic)
    pairs = zip(network.layers, outputs, strict=True)
    return [_of(layer, output, network.one) for layer, output in pairs]


def _of(layer: Layer, output: np.ndarray, one: int) -> Liveness:
    extremes = [float((output == value).mean()) * layer.relu for value in (0, one)]
    sums = layer.stream_length * layer.num_inputs + 1
    most = min(one + 1, sums) if layer.relu else sums
    needed = max(1, min(VALUES, (most + 1) // 2, output.size // 3))
    few = output.size < FEW  # may well be zeros
    return Liveness(layer.name, len(np.unique(output)), needed, *([0, 0] if few else extremes))


def enlivened(network: Network, images: np.ndarray, arithmetic: str = "stochastic") -> Network:
    """The network with biases, shifts and, where need be, weights with which each layer lives.

    Layer by layer, as far as that can be done: a bias makes some sums of its channel negative, and
    shifts bring the largest near full scale.
    """
    layers, outputs = list[Layer](), list[np.ndarray]()
    for layer, parts in zip(network.layers, network.reads, strict=True):
        maps = [outputs[part] if part >= 0 else images for part in parts]
        inputs = np.concatenate(maps, 1).reshape(-1, *layer.in_shape)
        best, found = None, (layer, inputs)
        given = inputs, (*outputs, images), arithmetic
        for number, candidate in enumerate(_candidates(network, layer, *given)):
            output = run_layer(network, candidate, *given)
            measured = _of(candidate, output, network.one)
            if best is None or measured.spare > best.spare:
                best, found = measured, (candidate, output)
            if best.spare >= 1 or (best.alive and number > len(QUANTILES) * len(NUDGES)):
                break
        layers.append(found[0])
        outputs.append(found[1])
    return Network.model_validate(dict(network) | {"layers": tuple(layers)})


def _candidates(
    network: Network,
    layer: Layer,
    inputs: np.ndarray,
    stored: Sequence[np.ndarray],
    arithmetic: str,
) -> Iterator[Layer]:
    """The layer, it with other biases and shifts, and the same with other weights."""
    rng = np.random.default_rng(0)
    yield layer
    for redraw in range(REDRAWS):
        if redraw:
            weight = rng.integers(-network.one, network.one + 1, layer.weight.shape)
            layer = Layer.model_validate(dict(layer) | {"weight": weight})
        if not layer.relu:
            yield layer
            continue
        sums, fraction = layer_sums(network, layer, inputs, stored, arithmetic)
        sums = np.moveaxis(sums, 1, 0).reshape(layer.out_channels, -1) / (1 << fraction)
        for quantile, nudge in product(QUANTILES, NUDGES):
            bias = -np.floor(np.quantile(sums, quantile, axis=1)).astype(int)
            high = np.maximum(np.quantile(sums, 0.97, axis=1) + bias, 1)
            octaves = np.ceil(np.log2(high / network.one)).astype(int) + nudge
            shift = int(np.clip(octaves.min(), _least_shift(network, layer), 24))
            upscale = np.clip(octaves - shift, 0, MAX_UPSCALE)
            changes = {"bias": bias, "shift": shift, "upscale": upscale}
            try:
                yield Layer.model_validate(dict(layer) | changes)
            except ValidationError:  # sums of too many bits
                continue


def _least_shift(network: Network, layer: Layer) -> int:
    longest = layer.stream_length.bit_length() - 1
    return longest - network.bits if layer.neuron == "stream" else -16
