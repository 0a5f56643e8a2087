"""What follows a layer's sums: ReLU, requantisation and max pooling in one pass, on all cores."""

import numpy as np
from numba import njit, prange


@njit(cache=True, parallel=True)
def finish(sums, requantisation, pool, one, out):
    """Fill ``out``, (images, channels, rows, columns), int32, with the largest of each window.

    sums: (images, channels, rows, columns), integers. requantisation: what is added to the sums of
    each channel, and how far they are shifted right then, or left if negative, (2, channels),
    int64. pool: rows and columns that windows read,
    (windows, kernel) each (``MaxPool2d.places``). one: 2^n, what results saturate at.
    """
    constants, shifts = requantisation
    rows, columns = pool
    images, channels, height, width = out.shape
    for plane in prange(images * channels):
        image, channel = plane // channels, plane % channels
        constant, shift = constants[channel], shifts[channel]
        for y in range(height):
            for x in range(width):
                # Shift and clip are monotone: the largest sum gives the largest activation.
                largest = np.int64(sums[image, channel, rows[y, 0], columns[x, 0]])
                for row in rows[y]:
                    for column in columns[x]:
                        largest = max(largest, np.int64(sums[image, channel, row, column]))
                value = largest + constant
                value = value >> shift if shift >= 0 else value << -shift
                out[image, channel, y, x] = min(max(value, 0), one)
