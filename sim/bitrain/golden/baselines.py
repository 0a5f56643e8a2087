"""In-stream ReLU and max by themselves, on given increments: the exact ones, and cheaper ones."""

import numpy as np


def pooled_fire(
    increments: np.ndarray, threshold: int, low: int | None = None, high: int | None = None
) -> np.ndarray:
    """Fires (windows, L), bool, of windows whose neurons fire as one.

    increments: P_t - N_t, (windows, members, L). low, high: where S saturates; nowhere by default.
    """
    windows, members, length = increments.shape
    states = np.zeros((windows, members), np.int64)
    fires = np.zeros((windows, length), bool)
    whole = np.iinfo(np.int64)
    limits = (whole.min if low is None else low, whole.max if high is None else high)
    for t in range(length):
        states = np.clip(states + increments[:, :, t], *limits)
        fires[:, t] = (states >= threshold).any(1)
        states -= threshold * fires[:, t, None]
    return fires


def fsm_max(bits: np.ndarray, state_bits: int) -> np.ndarray:
    """What a tree of multiplexers passes on, (windows, L), bool, of ``bits`` (windows, width, L).

    Each chooses by the top bit of a saturating counter: up where only its first stream has a one.
    """
    streams = [bits[:, i] for i in range(bits.shape[1])]
    middle = 1 << state_bits - 1
    while len(streams) > 1:
        first, second, *rest = streams
        passed, states = np.zeros_like(first), np.full(len(first), middle)
        for t in range(first.shape[1]):
            passed[:, t] = np.where(states >= middle, first[:, t], second[:, t])
            steps = first[:, t].astype(int) - second[:, t]
            states = (states + steps).clip(0, 2 * middle - 1)
        streams = [*rest, passed]
    return streams[0]
