"""A layer as its handshakes have it, chunk by chunk: where cycles depend on more than its shape.

The loader moves as a whole or stands still: it has a slot for an element in every cycle in which it
moves. Between tiles slots may be empty, as finding Q positions takes Q cycles, or weights are late.
An element that nobody takes waits behind the loader, which goes on through empty slots and stands
still with the next element.
"""

from collections import deque
from collections.abc import Sequence

from bitrain.program import Array

LOADER_DEPTH = 3
"""Cycles from the first look at a tile's positions to its first element."""
_REMEMBERED = 6
"""Moves of the loader that may still matter: what is on the way through it, and what was before."""


class LayerRun:
    """Follows the tiles of a layer; cycles are counted from the layer's first.

    Parameters
    ----------
    array
        That runs it.
    length
        Cycles that a chunk is at work.
    """

    def __init__(self, array: Array, length: int):
        self.array, self.length = array, length
        self.slot = 0
        """In which the first element of the next tile enters the loader at the earliest."""
        self._earliest = array.positions - LOADER_DEPTH
        """When the positions of the next tile are found."""
        self._known = deque([(0, self._earliest)], maxlen=_REMEMBERED)
        """Slots and when the loader moved them on, from each of them on a slot per cycle."""
        self._held: int | None = None
        """When the last element was accepted, if the slot of the next one is not known."""
        self._freed = self._computed = 0
        """When the registers that the loader fills were free, and the streams at work over."""
        self._ended = -array.leaving_cycles
        """When the last tile's streams were over."""

    @property
    def cycles(self) -> int:
        """From the first to the last result of the tiles so far."""
        return self._ended + self.array.leaving_cycles

    def moved(self, slot: int) -> int:
        """When the loader moved on a slot that is not far behind the last element's."""
        return max(when + slot - at for at, when in self._known if at <= slot)

    def tile(self, zero: Sequence[bool], not_before: int | None = None) -> None:
        """A tile, of whose chunks some are zero and left out; ``not_before`` its weights came."""
        earliest = self._earliest if not_before is None else max(self._earliest, not_before)
        free = min(max(at, at + earliest - when) for at, when in self._known)
        slot = max(self.slot, free)
        self._earliest = self.moved(slot) + self.array.positions
        lanes = self.array.loading_cycles
        for chunk, skipped in enumerate(zero):
            self._chunk(slot + chunk * lanes, skipped=skipped, last=chunk == len(zero) - 1)
        self.slot = slot + len(zero) * lanes

    def _chunk(self, slot: int, *, skipped: bool, last: bool) -> None:
        lanes, shown = self.array.loading_cycles, slot + LOADER_DEPTH + 1
        if self._held is not None:
            self._known.append((shown, max(self.moved(shown), self._held + 2)))
        accepted = max(self.moved(shown) - 1, self._freed)
        if lanes > 1:
            self._known.append((shown + 1, accepted + 2))
        else:
            self._held = accepted
        full = accepted + lanes
        taken = max(full, self._computed)
        if not last:
            self._freed = full if skipped else taken
            self._computed = self._computed if skipped else taken + self.length
        else:  # results of the tile before leave W per cycle
            self._freed, steps = taken, 1 if skipped else self.length
            left = self._ended + self.array.leaving_cycles
            self._computed = self._ended = max(taken + steps, left)
