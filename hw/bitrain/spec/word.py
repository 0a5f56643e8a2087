"""The order in which a neuron's inputs meet lanes: by words, so that several can be read at once.

Without words input k, in C order over (input channel, kernel row, kernel column), is in slot k, and
slot k meets lane k mod N. With words of V inputs the window (channels C, rows, columns) is in slots
so, with holes where channels or columns are no multiple of V:

    along channels:   slot = ((⌊c / V⌋ · rows + y) · columns + x) · V + c mod V
    along columns:    slot = (c · rows + y) · V ⌈columns / V⌉ + x

The window of a linear layer is the whole map that it flattens. An engine that reads W inputs at a
time, for any W that divides V, reads whole words of a map stored by pixels (along channels) or by
rows (along columns).
"""

from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

WordSize = Literal[2, 4, 8]


class Word(BaseModel):
    """How the inputs of a layer's neurons are put into words."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: WordSize
    """V."""
    along: Literal["channels", "columns"]

    def slots(self, window: tuple[int, int, int]) -> np.ndarray:
        """For each slot the input in it, -1 where there is none: (slots,), int64.

        window: channels of a group, rows and columns of the kernel.
        """
        channels, rows, columns = window
        inputs = np.arange(channels * rows * columns).reshape(window)
        if self.along == "channels":
            inputs = inputs.transpose(1, 2, 0)
        missing = -inputs.shape[2] % self.size
        padded = np.pad(inputs, ((0, 0), (0, 0), (0, missing)), constant_values=-1)
        if self.along == "channels":
            padded = padded.reshape(rows, columns, -1, self.size).transpose(2, 0, 1, 3)
        return padded.ravel()


def best_word(
    window: tuple[int, int, int], size: WordSize, dilation: tuple[int, int] = (1, 1)
) -> Word:
    """The word of so many inputs that leaves the fewest holes; along channels of two alike.

    Columns that are dilated do not follow each other in a row.
    """
    words = [Word(size=size, along="channels")]
    if dilation[1] == 1:
        words.append(Word(size=size, along="columns"))
    return min(words, key=lambda word: len(word.slots(window)))


def input_slots(slots: np.ndarray) -> np.ndarray:
    """The slot of each input, (K,), of the input in each slot, (slots,)."""
    places = np.flatnonzero(slots >= 0)
    return places[np.argsort(slots[places])]
