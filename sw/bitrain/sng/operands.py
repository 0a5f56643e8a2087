"""The operands that a network really multiplies: windows of activations, sampled, per layer."""

from dataclasses import dataclass

import numpy as np

from bitrain import golden
from bitrain.golden.windows import padded, windows_of
from bitrain.spec import Layer, Network, Shape

WINDOWS = 96
"""Windows per layer: samples of the digits network then agree within some hundredths."""


@dataclass(frozen=True, eq=False)
class Operands:
    """What some neurons of a layer multiply: every window with the weights of every channel.

    In a layer of several groups windows of any group, with the weights of channels of any group.
    """

    name: str
    """The layer."""
    neurons: Network
    """The layer's neurons, bias and products, as the scores of a window (K, 1, 1)."""
    windows: np.ndarray
    """Activations (windows, K, 1, 1), in the order of the weights: k uses lane k mod N."""
    exact: np.ndarray
    """Scores with exact products, (windows, out), float64, in product bits (1/L)."""
    step: np.ndarray
    """Product bits that make a step of the output, (out,): 2^(shift + upscale) where it is
    requantised; for scores, the mean margin between best and second."""

    @property
    def layer(self) -> Layer:
        """The one layer of the neurons."""
        return self.neurons.layers[0]


def sample_operands(
    network: Network, images: np.ndarray, rng: np.random.Generator, windows: int = WINDOWS
) -> tuple[Operands, ...]:
    """Operands of every layer at random places of random images; images as in ``golden.run``."""
    outputs = golden.run(network, images)
    margin = _margin(outputs[-1].reshape(len(images), -1))
    sampled = []
    inputs = golden.layer_inputs(network, images, outputs)
    for layer, activations in zip(network.layers, inputs, strict=True):
        step = np.exp2(layer.shift + layer.upscale) if layer.relu else margin
        neurons = _neurons(network, layer)
        rows = _windows(layer, activations, rng, windows)
        finer = network.one**2 / layer.stream_length
        exact = golden.run(neurons, rows, "binary")[-1].reshape(windows, -1) / finer
        step = np.broadcast_to(step, exact.shape[1:])
        sampled.append(Operands(layer.name, neurons, rows, exact, step))
    return tuple(sampled)


def _neurons(network: Network, layer: Layer) -> Network:
    scores = Layer(
        kind="linear",
        name=layer.name,
        in_shape=Shape(layer.num_inputs, 1, 1),
        weight=layer.weight_matrix[:, :, None, None],
        bias=layer.bias,
        stream_length=layer.stream_length,
        relu=False,
        word=layer.word,
        flattened=(layer.flattened or Shape(*layer.weight.shape[1:])) if layer.word else None,
    )
    return network.model_copy(update={"layers": (scores,)})


def _windows(
    layer: Layer, activations: np.ndarray, rng: np.random.Generator, count: int
) -> np.ndarray:
    found = windows_of(layer, padded(layer, activations))
    places = rng.integers((len(activations), *layer.conv_shape[1:]), size=(count, 3))
    inputs = layer.weight.shape[1]
    firsts = rng.integers(layer.groups, size=count) * inputs if layer.groups > 1 else [0] * count
    rows = [
        found[image, first : first + inputs, y, x].reshape(-1, 1, 1)
        for first, (image, y, x) in zip(firsts, places, strict=True)
    ]
    return np.stack(rows).astype(np.int32)


def _margin(scores: np.ndarray) -> float:
    """Mean distance of the two best scores, (images, scores); at least 1."""
    best = np.sort(scores, axis=1)[:, -2:]
    return max(1.0, float((best[:, -1] - best[:, 0]).mean()))
