"""The fast bit-exact model of a network, and its integer baseline."""

from collections.abc import Sequence

import numpy as np

from bitrain.program import find_arithmetic
from bitrain.spec import Layer, Network, to_unipolar

from .fire import accumulate_and_fire
from .requantise import finish
from .sums import SUMS, streams_of


def run(
    network: Network,
    images: np.ndarray,
    arithmetic: str = "stochastic",
    *,
    stored: Sequence[np.ndarray] = (),
) -> list[np.ndarray]:
    """Every layer's stored activations, and the scores, for a batch of images.

    images: integers in [0, 2^n], (batch, channels, height, width). arithmetic: ``binary`` keeps the
    numbers but multiplies them exactly, in counter mode throughout: the same-width integer
    baseline; ``bitserial`` does so with full scale taken as 2^n - 1. stored: what the first layers
    store, which are not run then. Returns one int64 array (batch, channels, height, width) per
    layer; the last holds the signed scores. Those of exact products are 2^(2n) / L times as fine.
    """
    _check(network, images)
    return [output.astype(np.int64) for output in _outputs(network, images, arithmetic, stored)]


def run_shorter(
    network: Network, shorter: Network, images: np.ndarray, arithmetic: str
) -> list[np.ndarray]:
    """What the accelerator of ``network`` stores when it runs a shorter network of its own.

    shorter: one of those that its arithmetic has (``Arithmetic.shorter``). As :func:`run`, with
    numbers of d bits less standing where all bits did: 2^d times as large as the shorter network's,
    and scores 2^2d times.
    """
    lost = network.bits - shorter.bits
    *stored, scores = run(shorter, images >> lost, arithmetic)
    return [*(each << lost for each in stored), scores << 2 * lost]


def _check(network: Network, images: np.ndarray) -> None:
    network.check_images(images.shape)
    integers = np.issubdtype(images.dtype, np.integer)
    if not integers or images.min(initial=0) < 0 or images.max(initial=0) > network.one:
        raise ValueError(f"images must hold integers in 0 … {network.one}")


def _outputs(
    network: Network, images: np.ndarray, arithmetic: str, stored: Sequence[np.ndarray] = ()
) -> list[np.ndarray]:
    outputs = list(stored)
    layers = list(zip(network.layers, network.reads, strict=True))
    for layer, parts in layers[len(stored) :]:
        activations = _read(layer, parts, images, outputs)
        outputs.append(run_layer(network, layer, activations, (*outputs, images), arithmetic))
    return outputs


def run_layer(
    network: Network,
    layer: Layer,
    activations: np.ndarray,
    stored: Sequence[np.ndarray],
    arithmetic: str = "stochastic",
) -> np.ndarray:
    """What a layer stores, or the scores: (batch, channels, rows, columns).

    activations: what it reads, before padding. stored: the outputs of the layers before it, and the
    images as the last, of which a shortcut may add one.
    """
    if layer.neuron == "stream" and find_arithmetic(arithmetic).has_streams:
        return accumulate_and_fire(streams_of(network, layer), activations, layer)
    sums, fraction = layer_sums(network, layer, activations, stored, arithmetic)
    constants = layer.bias.astype(np.int64) << fraction
    if not layer.relu:
        return sums + constants[:, None, None]
    shifts = layer.shift + layer.upscale.astype(np.int64) + fraction
    # Half a unit, where the bias was too coarse to hold it.
    finer = (shifts >= 1) & (shifts - fraction < 1)
    constants += np.where(finer, 1 << np.maximum(shifts - 1, 0), 0)
    output = np.empty((len(sums), *layer.out_shape), np.int32)
    pool = tuple(map(layer.pool_window.places, (0, 1), layer.conv_shape[1:]))
    finish(sums, np.stack([constants, shifts]), pool, network.one, output)
    return output


def layer_sums(
    network: Network,
    layer: Layer,
    activations: np.ndarray,
    stored: Sequence[np.ndarray],
    arithmetic: str = "stochastic",
) -> tuple[np.ndarray, int]:
    """What a layer's neurons in counter mode add up besides their biases.

    As :func:`run_layer`. Returns sums (batch, channels, rows, columns) and how many bits finer than
    product bits they are.
    """
    sums, fraction = SUMS[arithmetic](network, layer, activations)
    if layer.shortcut:
        added = _shortcut(layer, stored[layer.shortcut.source]) << fraction
        sums = sums.astype(np.int64) + added
    return sums, fraction


def layer_inputs(
    network: Network, images: np.ndarray, outputs: list[np.ndarray]
) -> list[np.ndarray]:
    """What each layer reads, (images, channels, height, width), before padding.

    images: integers (images, channels, height, width). outputs: :func:`run` of the images.
    """
    layers = zip(network.layers, network.reads, strict=True)
    return [_read(layer, parts, images, outputs) for layer, parts in layers]


def _read(
    layer: Layer, parts: tuple[int, ...], images: np.ndarray, outputs: list[np.ndarray]
) -> np.ndarray:
    maps = [images if part < 0 else outputs[part] for part in parts]
    joined = np.concatenate(maps, 1) if len(maps) > 1 else maps[0]
    return joined.reshape(len(joined), *layer.in_shape)


def predict(
    network: Network,
    images: np.ndarray,
    arithmetic: str = "stochastic",
    batch_size: int = 256,
) -> np.ndarray:
    """Scores (images, classes), computed in batches so that memory stays bounded."""
    batches = range(0, max(1, len(images)), batch_size)
    _check(network, images)
    scores = [_outputs(network, images[i : i + batch_size], arithmetic)[-1] for i in batches]
    return np.concatenate(scores).reshape(len(images), network.num_scores)


def accuracy(
    network: Network,
    images: np.ndarray,
    labels: np.ndarray,
    arithmetic: str = "stochastic",
) -> float:
    """Share of the images, 0 … 1, whose largest score is their class.

    images: real numbers in [0, 1], (batch, channels, height, width). labels: (batch,).
    """
    scores = predict(network, to_unipolar(images, network.bits), arithmetic)
    return float((scores.argmax(1) == labels).mean())


def _shortcut(layer: Layer, stored: np.ndarray) -> np.ndarray:
    """What the shortcut adds to every neuron, in product bits."""
    assert layer.shortcut is not None
    (sh, sw), before = layer.shortcut.stride, layer.shortcut.before
    after = layer.out_channels - before - stored.shape[1]
    kept = stored[:, :, ::sh, ::sw].astype(np.int64)
    kept = np.pad(kept, ((0, 0), (before, after), (0, 0), (0, 0)))
    gains = layer.shortcut.gain << layer.upscale.astype(np.int64)
    return kept * gains[:, None, None]
