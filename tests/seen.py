"""What a campaign has seen: kinds of layers with options, and cases at the bounds, counted."""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from bitrain import golden
from bitrain.program import AcceleratorConfig, Array
from bitrain.spec import Layer, Network

KINDS = (
    "convolution",
    "1 x 1",
    "grouped",
    "depthwise",
    "linear",
    "pooled",
    "strided",
    "padded",
    "uneven margins",
    "padding values",
    "dilated",
    "padded pool",
    "shortcut",
    "behind another",
    "of an earlier map",
    "scores",
)
OPTIONS = (
    "plain",
    "unshared",
    "binary",
    "bitserial",
    "OR groups",
    "stream mode",
    "skip_zeros",
    "engines",
    "axi",
    "run_time_length",
    "early_termination",
    "weights ram",
    "weights stream",
)
BOUNDS = (
    "L = 1",
    "L = 2^n",
    "n = 2",
    "n = 8",
    "one lane",
    "one neuron",
    "one pixel",
    "one score",
    "one product",
    "weight 0",
    "weight 2^n",
    "weight -2^n",
    "part of a chunk",
    "part of a tile",
    "pipelined counts",
    "shift to the left",
    "upscale",
    "overlapping windows",
    "strided shortcut",
    "activation 0",
    "activation 2^n",
    "negative score",
)


def kinds(layer: Layer) -> Iterator[str]:
    """Those of ``KINDS`` that a layer is of."""
    depthwise = layer.groups == layer.in_shape.channels > 1
    found = {
        "linear": layer.kind == "linear",
        "depthwise": depthwise,
        "grouped": layer.groups > 1 and not depthwise,
        "1 x 1": layer.kind == "conv2d" and layer.kernel == (1, 1),
        "convolution": layer.kernel != (1, 1),
        "pooled": layer.pool is not None,
        "strided": layer.stride != (1, 1),
        "padded": any(map(any, layer.margins)),
        "uneven margins": layer.margins[0] != layer.margins[1],
        "padding values": any(map(any, layer.margins)) and bool(layer.padding_value.any()),
        "dilated": layer.dilation != (1, 1),
        "padded pool": any(layer.pool_window.padding + layer.pool_window.padding_after),
        "shortcut": layer.shortcut is not None,
        "behind another": layer.concat_after is not None,
        "of an earlier map": layer.source is not None,
        "scores": not layer.relu,
    }
    return (kind for kind, holds in found.items() if holds)


def options(config: AcceleratorConfig, network: Network, layer: Layer) -> list[str]:
    """Those of ``OPTIONS`` with which a layer runs."""
    found = {
        "unshared": config.array.sharing == "unshared",
        "binary": config.array.arithmetic == "binary",
        "bitserial": config.array.arithmetic == "bitserial",
        "OR groups": network.or_lanes > 1,
        "stream mode": layer.neuron == "stream",
        "skip_zeros": config.skip_zeros,
        "engines": config.engines > 1,
        "axi": config.interface.is_axi,
        "run_time_length": config.run_time_length,
        "early_termination": config.early_termination,
        "weights ram": config.weights == "ram",
        "weights stream": config.weights == "stream",
    }
    return [option for option, holds in found.items() if holds] or ["plain"]


def bounds(array: Array, network: Network, images: np.ndarray) -> Iterator[str]:
    """Those of ``BOUNDS`` that a case meets."""
    layers, one = network.layers, network.one
    *stored, scores = golden.run(network, images, array.arithmetic)
    found = {
        "L = 1": any(layer.stream_length == 1 for layer in layers),
        "L = 2^n": any(layer.stream_length == one for layer in layers),
        "n = 2": network.bits == 2,
        "n = 8": network.bits == 8,
        "one lane": array.lanes == 1,
        "one neuron": array.neurons == 1,
        "one pixel": network.in_shape.size == 1,
        "one score": network.num_scores == 1,
        "one product": any(layer.num_inputs == 1 for layer in layers),
        "weight 0": any((layer.weight == 0).any() for layer in layers),
        "weight 2^n": any((layer.weight == one).any() for layer in layers),
        "weight -2^n": any((layer.weight == -one).any() for layer in layers),
        "part of a chunk": any(layer.num_inputs % array.lanes for layer in layers),
        "part of a tile": any(
            layer.conv_shape.height * layer.conv_shape.width % array.positions
            or layer.group_channels % array.channels
            for layer in layers
        ),
        "pipelined counts": array.pipelined,
        "shift to the left": any(layer.shift < 0 for layer in layers),
        "upscale": any(layer.upscale.any() for layer in layers),
        "overlapping windows": any(
            layer.pool is not None and min(np.subtract(layer.pool.kernel, layer.pool.stride)) > 0
            for layer in layers
        ),
        "strided shortcut": any(
            layer.shortcut is not None and layer.shortcut.stride != (1, 1) for layer in layers
        ),
        "activation 0": any((output == 0).any() for output in stored),
        "activation 2^n": any((output == one).any() for output in stored),
        "negative score": bool((scores < 0).any()),
    }
    return (bound for bound, holds in found.items() if holds)


class Seen:
    """Counts over cases."""

    def __init__(self) -> None:
        self.layers: Counter[tuple[str, str]] = Counter()
        """By kind and option."""
        self.bounds: Counter[str] = Counter()
        """Cases."""

    def add(self, config: AcceleratorConfig, network: Network, images: np.ndarray) -> None:
        """Count a case."""
        for layer in network.layers:
            pairs = [(k, o) for k in kinds(layer) for o in options(config, network, layer)]
            self.layers.update(pairs)
        self.bounds.update(bounds(config.array, network, images))

    def table(self) -> str:
        """Layers by kind and option, and the cases at the bounds, as Markdown."""
        rows = [("layers", *OPTIONS), ("---", *("---:" for _ in OPTIONS))]
        rows += [(k, *(str(self.layers[k, o] or "") for o in OPTIONS)) for k in KINDS]
        lines = ["| " + " | ".join(row) + " |" for row in rows]
        met = ", ".join(f"{bound} {self.bounds[bound]}" for bound in BOUNDS)
        return "\n".join([*lines, "", f"Cases with: {met}"])
