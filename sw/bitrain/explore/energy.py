"""Array energy of any P and Q, from that of a few arrays.

A chunk of N inputs takes, in an array of P channels and Q positions,

    E(P, Q) = e_0 + e_P P + e_Q Q + e_PQ P Q + e_d d P Q

e_P and e_Q are the SNGs of weights and of activations, e_PQ is a neuron, and d is 1 where
population counts are pipelined, which gives every neuron more registers. An image takes E for each
of its chunks.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bitrain.program import Array, Program


@dataclass(frozen=True, kw_only=True)
class ChunkEnergy:
    """Energy of a chunk, for arrays of one network, arithmetic, N and L."""

    coefficients: tuple[float, ...]
    """e_0, e_P, e_Q, e_PQ and e_d in pJ."""

    @classmethod
    def of(cls, measured: Sequence[tuple[Array, float]]) -> "ChunkEnergy":
        """Coefficients from arrays and their pJ a chunk.

        With four arrays e_d is 0: either all of them have pipelined counts, or none has.
        """
        rows = np.array([_terms(array)[: len(measured)] for array, _ in measured])
        found = np.linalg.solve(rows, [energy for _, energy in measured]).tolist()
        return cls(coefficients=(*found, *[0.0] * (5 - len(found))))

    def chunk(self, array: Array) -> float:
        """Energy of a chunk in pJ."""
        return float(np.dot(self.coefficients, _terms(array)))

    def image(self, program: Program) -> float:
        """Energy of an image in nJ."""
        return 1e-3 * num_chunks(program) * self.chunk(program.array)


def _terms(array: Array) -> list[float]:
    neurons = array.neurons
    return [1, array.channels, array.positions, neurons, neurons * array.pipelined]


def num_chunks(program: Program) -> int:
    """Chunks of an image, all layers together."""
    return sum(tiling.tiles * tiling.chunks for tiling in program.tilings)
