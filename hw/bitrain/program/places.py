"""Places: where the members of pooling windows lie, in programs whose windows reach beyond a map.

The engine walks the places of a window's members one by one and reads the nearest of the map, which
lies in the same window. Places count from the map's first neuron, in the coordinates of what a
neuron reads.
"""

from collections.abc import Iterable

from bitrain.spec import Layer, Network


def pools_beyond(layer: Layer) -> bool:
    """Whether pooling windows reach beyond the map."""
    return any(layer.pool_window.padding + layer.pool_window.padding_after)


def place_fields(layer: Layer) -> dict[str, int]:
    """Fields of a layer's descriptor: the first place and the last of the map."""
    (sh, sw), width, before = layer.stride, layer.in_shape.width, layer.pool_window.padding
    _, rows, columns = layer.conv_shape
    return {
        "first_place_row": -before[0] * sh,
        "first_place_column": -before[1] * sw,
        "first_place_line": -before[0] * sh * width,
        "last_place_row": (rows - 1) * sh,
        "last_place_column": (columns - 1) * sw,
        "last_place_line": (rows - 1) * sh * width,
    }


def place_bits(layers: Iterable[Layer]) -> int:
    """Bits of a place's row and of its column, two's complement."""
    return max(_signed_bits(reach) for layer in layers for reach in _reaches(layer, layer.stride))


def line_bits(layers: Iterable[Layer]) -> int:
    """Bits of the address step to a place's row, two's complement."""
    return max(_signed_bits(_reaches(y, y.stride)[0], y.in_shape.width) for y in layers)


def shortcut_place_bits(network: Network) -> int:
    """Bits of the address steps to a place's row and column in an added map, two's complement."""
    found = []
    for layer in network.layers:
        if layer.shortcut:
            rows, columns = _reaches(layer, layer.shortcut.stride)
            width = network.added_shape(layer.shortcut.source).width
            found += [_signed_bits(rows, width), _signed_bits(columns)]
    return max(found)


def _reaches(layer: Layer, step: tuple[int, int]) -> list[range]:
    """Rows and columns of all places, ``step`` from each to the next."""
    pool, sizes = layer.pool_window, layer.conv_shape[1:]
    ends = zip(sizes, pool.padding, pool.padding_after, step, strict=True)
    return [range(-before * s, (size - 1 + after) * s + 1) for size, before, after, s in ends]


def _signed_bits(values: range, scale: int = 1) -> int:
    """Bits of all values times ``scale``, two's complement."""
    low, high = values[0] * scale, values[-1] * scale
    return max(-low - 1, high).bit_length() + 1
