"""Words of the weight and bias ROMs, in the order in which the engine reads them."""

from collections.abc import Iterator, Sequence

import numpy as np

from bitrain.spec import Layer

from .arithmetics import Accumulation
from .array import Array
from .tiling import Tiling


def weights(layer: Layer, tiling: Tiling, array: Array, bits: int) -> Iterator[int]:
    """For each tile of channels and each W slots, W times P weights of ``bits`` bits, lowest first.

    A tile holds channels of one group. The sign is a weight's most significant bit. Slots are
    rounded up to whole chunks; what has no input is zero, as are channels beyond a group's last.
    """
    return _joined(_weight_numbers(layer, tiling, array, bits), bits)


def varying_weight_bits(
    layers: Sequence[Layer], tilings: Sequence[Tiling], array: Array, bits: int
) -> int:
    """Bits of a weight word that are not the same in all words of all layers."""
    pairs = zip(layers, tilings, strict=True)
    numbers = [_weight_numbers(*pair, array, bits) for pair in pairs]
    some = np.bitwise_or.reduce([np.bitwise_or.reduce(each) for each in numbers])
    every = np.bitwise_and.reduce([np.bitwise_and.reduce(each) for each in numbers])
    return sum(map(int.bit_count, (some & ~every).tolist()))


def _weight_numbers(layer: Layer, tiling: Tiling, array: Array, bits: int) -> np.ndarray:
    """Signs and magnitudes of the weights of each word: (words, W P)."""
    slots = np.full(tiling.chunks * array.lanes, -1)
    slots[: layer.num_slots] = layer.slots
    rows = layer.weight_matrix[:, slots]
    rows[:, slots < 0] = 0
    size, tile = layer.group_channels, array.channels
    numbers = (np.abs(rows) | (rows < 0) << (bits - 1)).reshape(layer.groups, size, -1)
    numbers = np.pad(numbers, ((0, 0), (0, -size % tile), (0, 0))).reshape(-1, tile, len(slots))
    return numbers.transpose(0, 2, 1).reshape(-1, array.width * tile).astype("<u4")


def _joined(numbers: np.ndarray, bits: int) -> Iterator[int]:
    """A word for each row of ``numbers``, lowest first, of ``bits`` bits each: (words, numbers)."""
    octets = np.ascontiguousarray(numbers, "<u4")[..., None].view(np.uint8)
    single = np.unpackbits(octets, axis=-1, count=bits, bitorder="little")
    packed = np.packbits(single.reshape(len(numbers), -1), axis=-1, bitorder="little")
    data, size = packed.tobytes(), packed.shape[1]
    return (int.from_bytes(data[i : i + size], "little") for i in range(0, len(data), size))


def is_padded(layer: Layer) -> bool:
    """Whether something else than zero stands around the map that a layer reads."""
    return any(map(any, layer.margins)) and bool(layer.padding_value.any())


def padding_values(layer: Layer, width: int, bits: int) -> list[int]:
    """What stands around the map for each of the inputs that are read at once, lowest first.

    A word per channel, of W times the same value where inputs are read along columns; along
    channels a word per W channels of a group. Empty where nothing but zero stands there.
    """
    if not is_padded(layer):
        return []
    values = layer.padding_value.reshape(layer.groups, -1)
    if width == 1:
        return values.ravel().tolist()
    if layer.word and layer.word.along == "columns":
        values = np.repeat(values.ravel()[:, None], width, axis=1)
    else:
        size = layer.word.size if layer.word else width
        values = np.pad(values, ((0, 0), (0, -values.shape[1] % size))).reshape(-1, width)
    return [sum(int(value) << i * bits for i, value in enumerate(word)) for word in values]


def num_biases(layer: Layer, array: Array) -> int:
    """Biases that a layer takes in its ROM: its channels, rounded up to whole tiles.

    The tiles of all groups together where one is read at a time, of each group where several are.
    """
    if array.width == 1:
        return -(-layer.out_channels // array.channels) * array.channels
    return layer.groups * -(-layer.group_channels // array.channels) * array.channels


def bias_places(layer: Layer, array: Array) -> list[int]:
    """Place of each output channel's bias among those of its layer."""
    if array.width == 1:
        return list(range(layer.out_channels))
    size = layer.group_channels
    step = num_biases(layer, array) // layer.groups
    return [channel // size * step + channel % size for channel in range(layer.out_channels)]


def biases(
    layer: Layer, sums: Accumulation, array: Array, widths: tuple[int, int, int]
) -> Iterator[int]:
    """Words of W output channels, lowest first: constants, upscales and negative weights of each.

    widths: bits of these three; none for what is not there. Zero beyond the last channel; of each
    group, where W > 1.
    """
    score_bits, upscale_bits, negative_bits = widths
    bits, mask = sum(widths), (1 << score_bits) - 1
    words = [0] * num_biases(layer, array)
    negatives = (layer.weight_matrix < 0).sum(1) * (negative_bits > 0)
    parts = zip(
        *(bias_places(layer, array), sums.constants.tolist(), sums.upscale.tolist()),
        negatives.tolist(),
        strict=True,
    )
    for place, constant, upscale, negative in parts:
        words[place] = constant & mask | upscale << score_bits
        words[place] |= negative << score_bits + upscale_bits
    for start in range(0, len(words), array.width):
        yield sum(word << i * bits for i, word in enumerate(words[start : start + array.width]))
