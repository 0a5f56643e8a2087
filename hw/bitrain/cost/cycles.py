"""Closed-form cycles of a layer on an array.

The engine loads the operands of the next chunk (N / W cycles) while the streams of the present one
run (L cycles), and sends the results of a tile away (P Q / W cycles) while the next tile runs. With
``chunk = max(L, N / W)`` and ``tile = max(chunks · chunk, P Q / W)``, a layer of T tiles takes

    Q + N / W + (chunks - 1) · chunk + L   the first tile, nothing to hide behind
    + (T - 1) · tile                       the others
    + P Q / W + overhead                   the last results, pipeline and descriptor fetch

cycles, where the overhead is LAYER_OVERHEAD, SHORTCUT_OVERHEAD more in every layer of a network
that has shortcuts, whose addition takes a stage of the pipeline, PIPELINED_OVERHEAD more on arrays
whose population counts take one, and LENGTH_OVERHEAD more if the stream length is chosen at run
time. Stream mode takes no cycle more: neurons fire while the last chunk's streams run. Where
W > 1, scores are judged at the end of each run, one per cycle and JUDGE_OVERHEAD cycles. Simulation
must find exactly these numbers.
"""

from bitrain.program import Array, Tiling
from bitrain.spec import Network

LAYER_OVERHEAD = 16
"""Cycles a layer spends on descriptor fetch and pipeline depth."""
SHORTCUT_OVERHEAD = 1
"""More of them, if any layer of the network adds a shortcut."""
LENGTH_OVERHEAD = 3
"""More of them, if the stream length is chosen at run time: biases are scaled as they are read."""
PIPELINED_OVERHEAD = 1
"""More of them, if the array's population counts are pipelined."""
IMAGE_OVERHEAD = 2
"""Cycles to start, and to read the first score."""
JUDGE_OVERHEAD = 3
"""Cycles to judge scores on arrays that are wider than one, beside one for each."""


def judge_cycles(network: Network, array: Array) -> int:
    """Cycles in which the scores are looked at when all are there, if W results come at once."""
    if array.width == 1 or not network.gives_scores:
        return 0
    return network.num_scores + JUDGE_OVERHEAD


def layer_overhead(network: Network, array: Array, *, run_time_length: bool = False) -> int:
    """Cycles that each layer spends on descriptor fetch and pipeline depth."""
    shortcut = any(layer.shortcut for layer in network.layers)
    overhead = LAYER_OVERHEAD + SHORTCUT_OVERHEAD * shortcut + PIPELINED_OVERHEAD * array.pipelined
    return overhead + LENGTH_OVERHEAD * run_time_length


def layer_cycles(tiling: Tiling, array: Array, length: int, overhead: int = LAYER_OVERHEAD) -> int:
    """Cycles of a layer with streams of ``length`` bits (see the module's formula)."""
    chunk = max(length, array.loading_cycles)
    tile = max(tiling.chunks * chunk, array.leaving_cycles)
    first = array.positions + array.loading_cycles + (tiling.chunks - 1) * chunk + length
    return first + (tiling.tiles - 1) * tile + array.leaving_cycles + overhead
