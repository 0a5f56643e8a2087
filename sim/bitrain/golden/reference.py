"""The slow, obviously right model: streams as arrays of bits, straight from the definitions."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from math import floor
from typing import Any

import numpy as np

from bitrain.spec import Layer, Network, SngBank


def run_reference(
    network: Network,
    images: np.ndarray,
    arithmetic: str = "stochastic",
    *,
    length: int | None = None,
    bits: int | None = None,
) -> list[np.ndarray]:
    """What :func:`bitrain.golden.run` computes, one neuron and one bit at a time.

    length: cycles after which every stream is stopped, with what the contract then makes of biases,
    shifts and gains (docs/interfaces.md). bits: most significant ones that bit-serial integers
    have, as :func:`bitrain.golden.run_shorter` gives them.
    """
    step = 2 ** (network.bits - bits) if bits else 1
    outputs, stored = [], {-1: images // step * step}
    for index, layer in enumerate(network.layers):
        layer = _stopped(layer, length) if length else _coarser(layer, step)
        source = index - 1 if layer.source is None else layer.source
        activations = stored[source].reshape(-1, *layer.in_shape)
        shortcuts = [None] * len(images)
        if layer.shortcut:
            shortcuts = [stored[-1], *outputs][layer.shortcut.source + 1]
        pairs = zip(activations, shortcuts, strict=True)
        neurons = [_layer(network, layer, *pair, arithmetic, step=step) for pair in pairs]
        activations = np.stack(neurons)
        outputs.append(activations)
        stored[index] = activations
        if layer.concat_after is not None:
            stored[index] = np.concatenate([stored[layer.concat_after], activations], axis=1)
    return outputs


def _stopped(layer: Layer, length: int) -> Layer:
    """As it is when its streams end after so many cycles, if they are longer."""
    ratio = Fraction(max(1, layer.stream_length // length))
    biases = []
    for bias, upscale in zip(layer.bias.tolist(), layer.upscale.tolist(), strict=True):
        # Half an output step, which export put into the bias, where the shift was to the right.
        half = Fraction(2) ** (layer.shift + upscale) / 2
        coarse = half >= 1 and half / ratio < 1
        biases.append(_rounded((bias - half * (coarse and layer.relu)) / ratio))
    changes: dict[str, Any] = {"bias": np.array(biases)}
    changes["stream_length"] = min(layer.stream_length, length)
    if layer.relu:
        changes["shift"] = layer.shift - ratio.numerator.bit_length() + 1
    if layer.shortcut:
        gain = _rounded(layer.shortcut.gain / ratio)
        changes["shortcut"] = layer.shortcut.model_copy(update={"gain": gain})
    return Layer.model_validate(dict(layer) | changes)


def _coarser(layer: Layer, step: int) -> Layer:
    """As it is where numbers are multiples of ``step``, which stand where they stood.

    The bias loses as many bits, of those that it has, beside the half that rounds.
    """
    unit = min(step, layer.stream_length)
    biases = []
    for bias, upscale in zip(layer.bias.tolist(), layer.upscale.tolist(), strict=True):
        half = Fraction(2) ** (layer.shift + upscale) / 2
        half *= layer.relu and half >= 1
        biases.append(int(_rounded((bias - half) / unit) * unit + half))
    magnitudes = abs(layer.weight.astype(np.int64)) // step * step
    changes = {
        "bias": np.array(biases),
        "weight": np.sign(layer.weight) * magnitudes,
        "padding_value": layer.padding_value // step * step,
    }
    return layer.model_copy(update=changes)


def _rounded(value: Fraction) -> int:
    return floor(value + Fraction(1, 2))


def _layer(
    network: Network,
    layer: Layer,
    image: np.ndarray,
    added: np.ndarray | None,
    arithmetic: str,
    *,
    step: int,
) -> np.ndarray:
    exact = arithmetic != "stochastic"
    if layer.neuron == "stream" and not exact:
        return _fire(network, layer, image)
    # Exact sums have more places behind the point than product bits; floats hold them.
    finer = 4.0**network.bits / layer.stream_length if exact else 1.0
    neurons = np.empty(layer.conv_shape)
    for (o, y, x), inputs in _windows(layer, image):
        weights = layer.weight_matrix[o].astype(np.int64)
        products = inputs.astype(np.int64) @ weights
        if arithmetic == "bitserial":
            products = _by_planes(network.bits, inputs, weights, step)
        neurons[o, y, x] = (
            products / finer + layer.bias[o] if exact else _accumulate(network, layer, o, inputs)
        )
        if layer.shortcut and added is not None:
            channel = o - layer.shortcut.before
            if 0 <= channel < len(added):
                row, column = y * layer.shortcut.stride[0], x * layer.shortcut.stride[1]
                gain = layer.shortcut.gain * 2 ** int(layer.upscale[o])
                neurons[o, y, x] += gain * int(added[channel, row, column])
    if not layer.relu:
        return (neurons * finer).astype(np.int64)
    scale = 2.0 ** (layer.shift + layer.upscale[:, None, None])
    # Half an output step, where product bits are too coarse to have it in the bias.
    half = (scale < 2) & (scale * finer >= 2)
    neurons += (scale >= 2) * scale / 2 * (step - 1)  # half of ``step`` of them instead
    steps = np.floor(neurons / (scale * step) + half / 2)
    neurons = np.clip(steps, 0, network.one // step).astype(np.int64) * step
    return _max_pool(layer, neurons)


def _by_planes(bits: int, inputs: np.ndarray, weights: np.ndarray, step: int) -> int:
    """Σ w x, one pair of bits after the other, from ``step`` on; full scale has ones alone."""
    total = 0
    for i, j in product(range(step.bit_length() - 1, bits), repeat=2):
        for x, w in zip(inputs.tolist(), weights.tolist(), strict=True):
            first = x >> i & 1 if x < 2**bits else 1
            second = abs(w) >> j & 1 if abs(w) < 2**bits else 1
            total += (1 if w > 0 else -1) * (first & second) * 2 ** (i + j)
    return total


def _windows(layer: Layer, image: np.ndarray) -> Iterator[tuple[tuple[int, int, int], np.ndarray]]:
    """Every neuron (channel, row, column), with its K inputs."""
    channels, height, width = layer.weight.shape[1], *image.shape[1:]
    for o, y, x in np.ndindex(*layer.conv_shape):
        first, inputs = o // layer.group_channels * channels, []
        for c, i, j in np.ndindex(*layer.weight.shape[1:]):
            row = y * layer.stride[0] + i * layer.dilation[0] - layer.padding[0]
            column = x * layer.stride[1] + j * layer.dilation[1] - layer.padding[1]
            inside = 0 <= row < height and 0 <= column < width
            outside = layer.padding_value[first + c]
            inputs.append(image[first + c, row, column] if inside else outside)
        yield (o, y, x), np.array(inputs)


def _fire(network: Network, layer: Layer, image: np.ndarray) -> np.ndarray:
    """Stream mode, cycle by cycle: neurons of a window accumulate, and fire together."""
    inputs = dict(_windows(layer, image))
    length, lanes = layer.stream_length, network.num_lanes
    first = (layer.num_inputs - 1) // lanes * lanes
    out = np.zeros(layer.out_shape, np.int64)
    for o, y, x in np.ndindex(*layer.out_shape):
        theta = 2 ** (layer.shift + int(layer.upscale[o])) * network.one // length
        members = [inputs[o, row, column] for row, column in _members(layer, y, x)]
        bits = [_product_bits(network, layer, o, member) for member in members]
        sums = [int(layer.bias[o]) + int(b[:first].sum()) for b in bits]
        for t in range(length):
            sums = [s + int(b[first:, t].sum()) for s, b in zip(sums, bits, strict=True)]
            if any(s >= theta for s in sums):
                sums = [s - theta for s in sums]
                out[o, y, x] += network.one // length
    return out


def _product_bits(network: Network, layer: Layer, channel: int, inputs: np.ndarray) -> np.ndarray:
    """Product bits with their signs: (K, L)."""
    rows = []
    slots = _slots(layer)
    for k, (a, w) in enumerate(zip(inputs, layer.weight_matrix[channel], strict=True)):
        lane = slots[k] % network.num_lanes
        x = _stream(network.activation_bank, lane, int(a), layer.stream_length)
        y = _stream(network.weight_bank, lane, abs(int(w)), layer.stream_length)
        rows.append(np.sign(w) * (x & y))
    return np.array(rows, np.int64)


def _stream(bank: SngBank, lane: int, number: int, length: int) -> np.ndarray:
    """The stream of a number at a lane, bit by bit: (length,), 0 or 1."""
    values = [int(value) for value in bank.values(length)[lane]]
    if bank.generator == "comparator":
        return np.array([int(value < number) for value in values])
    if number == 2**bank.sequence.width:
        return np.ones(length, int)
    return np.array([number >> value.bit_length() - 1 & 1 if value else 0 for value in values])


def _slots(layer: Layer) -> list[int]:
    """The slot of each input, counted as the engine meets them."""
    window = layer.flattened or layer.weight.shape[1:]
    inputs = list(np.ndindex(*window))
    if layer.word is None:
        return list(range(len(inputs)))
    channels, rows, columns = window
    size, order = layer.word.size, []
    if layer.word.along == "columns":
        for c, y, first in product(range(channels), range(rows), range(0, columns, size)):
            order += [(c, y, first + i) for i in range(size)]
    else:
        for first, y, x in product(range(0, channels, size), range(rows), range(columns)):
            order += [(first + i, y, x) for i in range(size)]
    return [order.index(place) for place in inputs]


def _accumulate(network: Network, layer: Layer, channel: int, inputs: np.ndarray) -> int:
    bits = _product_bits(network, layer, channel, inputs)
    if network.or_lanes > 1:
        firsts = range(0, layer.num_inputs, network.or_lanes)
        groups = [bits[k : k + network.or_lanes] for k in firsts]
        bits = np.array([(group > 0).any(0).astype(int) - (group < 0).any(0) for group in groups])
    return int(layer.bias[channel]) + int(bits.sum())


def _max_pool(layer: Layer, neurons: np.ndarray) -> np.ndarray:
    pooled = np.empty(layer.out_shape, np.int64)
    for o, y, x in np.ndindex(*layer.out_shape):
        pooled[o, y, x] = max(neurons[o, row, column] for row, column in _members(layer, y, x))
    return pooled


def _members(layer: Layer, y: int, x: int) -> list[tuple[int, int]]:
    """Neurons of a pooling window; what lies beyond the map counts for nothing."""
    pool, (_, height, width) = layer.pool_window, layer.conv_shape
    rows = (y * pool.stride[0] - pool.padding[0] + i for i in range(pool.kernel[0]))
    columns = [x * pool.stride[1] - pool.padding[1] + j for j in range(pool.kernel[1])]
    places = ((row, column) for row in rows for column in columns)
    return [(row, column) for row, column in places if 0 <= row < height and 0 <= column < width]
