"""What the windows of a layer see of the maps that it reads."""

import numpy as np

from bitrain.spec import Layer


def padded(layer: Layer, activations: np.ndarray) -> np.ndarray:
    """Maps (images, in, rows, columns) with what stands around them."""
    (top, left), (bottom, right) = layer.margins
    if not any((top, left, bottom, right)):
        return activations
    images, channels, height, width = activations.shape
    shape = (images, channels, top + height + bottom, left + width + right)
    maps = np.empty(shape, activations.dtype)
    maps[:] = layer.padding_value.astype(activations.dtype)[:, None, None]
    maps[:, :, top : top + height, left : left + width] = activations
    return maps


def windows_of(layer: Layer, maps: np.ndarray) -> np.ndarray:
    """Windows of padded maps: (images, in, rows, columns, kernel rows, kernel columns), a view."""
    windows = np.lib.stride_tricks.sliding_window_view(maps, layer.window, axis=(2, 3))
    (sh, sw), (dh, dw) = layer.stride, layer.dilation
    return windows[:, :, ::sh, ::sw, ::dh, ::dw]
