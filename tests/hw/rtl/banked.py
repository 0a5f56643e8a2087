"""Where maps lie in W banks, straight from the words of ``program.memory_map``."""

import numpy as np
from networks import worded

from bitrain.program import Array, Program
from bitrain.spec import Network, Shape
from bitrain.spec.word import WordSize

Places = tuple[np.ndarray, np.ndarray]
"""Bank and word of each element of a map, (channels, rows, columns) each."""


def places(shape: Shape, width: int, base: int = 0, before: int = 0) -> Places:
    """Those of a map that begins ``before`` channels behind the word ``base``."""
    c, y, x = np.indices(shape)
    c = c + before
    return (x + c) % width, base + (c // width * shape.height + y) * shape.width + x


def stored_places(program: Program, index: int) -> Places:
    """Those of what a layer stores, or of the image, -1."""
    network = program.network
    first = network.stored[index][0]
    holders = [first in (buffer.first, *buffer.sums) for buffer in program.buffers]
    base = program.buffer_bases[holders.index(True)]
    shape, whole = network.added_shape(index), network.stored_shape(index)
    return places(shape, program.width, base, whole.channels - shape.channels)


def score_places(shape: Shape, width: int) -> Places:
    """Those of scores, which are not rotated by their column."""
    c, y, x = np.indices(shape)
    return c % width, (c // width * shape.height + y) * shape.width + x


def by_place(found: Places, numbers: np.ndarray) -> dict[tuple[int, int], int]:
    """The number in each word of a bank, by (bank, word)."""
    keys = zip(*(each.ravel().tolist() for each in found), strict=True)
    return dict(zip(keys, numbers.ravel().tolist(), strict=True))


def beats_of(image: np.ndarray, width: int) -> list[list[int]]:
    """The pixels of each beat of an image (channels, rows, columns)."""
    rows = image.reshape(-1, image.shape[-1]).tolist()
    return [row[x : x + width] for row in rows for x in range(0, len(row), width)]


def writes(view) -> dict[tuple[int, int], int]:
    """What banks are to write in a cycle, by (bank, word), from a value of ``write_layout``."""
    enable = int(view.enable)
    pairs = enumerate(zip(view.address, view.number, strict=True))
    return {(bank, address): number for bank, (address, number) in pairs if enable >> bank & 1}


def wide_program(
    network: Network, width: WordSize, channels: int, positions: int, **options
) -> Program:
    """A network of four lanes, put into words of W, on an array of that width."""
    array = Array(channels=channels, positions=positions, lanes=max(4, width), width=width)
    return Program(worded(network, width), array, **options)
