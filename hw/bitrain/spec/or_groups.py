"""OR groups: product bits of neighbouring inputs are ORed before they are counted.

A network of ``or_lanes`` g > 1 joins the inputs k of a neuron with the same k div g to a group G.
In each cycle a group gives one bit for its positive weights and one for its negative ones:

    A = bias + Σ_G [ |{t < L : ∃ k ∈ G, w_k > 0 : r_t(k) < a_k and r'_t(k) < |w_k|}|
                   - |{t < L : ∃ k ∈ G, w_k < 0 : r_t(k) < a_k and r'_t(k) < |w_k|}| ]

so that the array counts 2 N / g bits of a neuron instead of N, at the price of saturation: two ones
of a group and sign in one cycle count once. OR as adder: W. Romaszkan et al., *ACOUSTIC:
Accelerating Convolutional Neural Networks through Or-Unipolar Skipped Stochastic Computing*, DATE
2020. Groups lie in one chunk, as g divides N, so the sum does not depend on the array. A prefix of
the streams is the same sum over fewer cycles. Binary arithmetic multiplies exactly and has no OR.
"""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from .layer import Layer

OrLanes = Annotated[Literal[1, 2, 4, 8], Field(exclude_if=lambda lanes: lanes == 1)]
"""g; 1 counts every product bit, and is not written, as it was not before there were OR groups."""


def num_groups(num_inputs: int, or_lanes: int) -> int:
    """Groups of a neuron of so many inputs; the last one may lack some."""
    return -(-num_inputs // or_lanes)


def grouped(inputs: np.ndarray, or_lanes: int) -> np.ndarray:
    """Rows of (…, K) as (…, groups, g), with zeros for the inputs that the last group lacks."""
    missing = -inputs.shape[-1] % or_lanes
    padded = np.pad(inputs, [(0, 0)] * (inputs.ndim - 1) + [(0, missing)])
    return padded.reshape(*inputs.shape[:-1], -1, or_lanes)


def sum_range(layer: Layer, or_lanes: int) -> tuple[int, int]:
    """Least and greatest value of an accumulator with OR groups, its shortcut left out."""
    bias, groups = layer.bias.astype(np.int64), grouped(layer.weight_matrix, or_lanes)
    low = bias - layer.stream_length * (groups < 0).any(2).sum(1)
    high = bias + layer.stream_length * (groups > 0).any(2).sum(1)
    return min(0, int(low.min())), max(0, int(high.max()))


def always_counted(layer: Layer, lanes: int, or_lanes: int) -> int:
    """What an array of N = ``lanes`` counts too much.

    It inverts the bits of negative weights, so that each group of each chunk, those beyond the
    last input too, counts one more per cycle.
    """
    chunks = -(-layer.num_inputs // lanes)
    return layer.stream_length * chunks * (lanes // or_lanes)
