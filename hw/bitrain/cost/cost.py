"""Closed-form cost of a network on an array: cycles, memory accesses, memory sizes.

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

from dataclasses import dataclass

from bitrain.program import Array, Program, Tiling
from bitrain.program.memory_map import beats
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


@dataclass(frozen=True, kw_only=True)
class LayerCost:
    """What one layer costs per image."""

    name: str
    cycles: int
    macs: int
    utilisation: float
    """Useful lane-cycles (products x L) over all lane-cycles of the array."""
    activation_reads: int
    """Words of n + 1 bits, all Q ports together, and the shortcut's."""
    weight_reads: int
    """Words of n + 2 bits, all P columns together."""
    bias_reads: int
    writes: int
    """Words of n + 1 bits (scores: of the score width)."""
    weight_bits: int
    """ROM bits, padding included."""
    stored_bits: int
    """Bits of activations (or scores) that the layer leaves in memory."""
    padding_reads: int = 0
    """Words of n + 1 bits, one for all positions; where other values than zero are around maps."""


@dataclass(frozen=True, kw_only=True)
class NetworkCost:
    """What a network costs per image, and the memories that it needs."""

    layers: tuple[LayerCost, ...]
    load_cycles: int
    """Pixels streamed in, a beat of W of a row per cycle."""
    output_cycles: int
    """Scores streamed out, one per cycle; or activations, a beat per cycle."""
    judge_cycles: int = 0
    """Scores looked at before they are streamed out."""
    activation_ram_bits: int
    """One copy of all W banks; the engine keeps one per read port, Q in all and one more for
    shortcuts."""
    weight_rom_bits: int
    bias_rom_bits: int
    program_rom_bits: int
    score_ram_bits: int
    stream_rom_bits: int = 0
    padding_rom_bits: int = 0

    @property
    def latency(self) -> int:
        """Cycles from the last pixel taken to the first score offered: what the counter shows."""
        return sum(layer.cycles for layer in self.layers) + self.judge_cycles + IMAGE_OVERHEAD

    @property
    def initiation_interval(self) -> int:
        """Cycles per image at full rate on both streams."""
        return self.load_cycles + self.latency + self.output_cycles

    @property
    def memory_bits(self) -> int:
        """All memories, one copy of the activation RAM."""
        return (
            self.activation_ram_bits
            + self.weight_rom_bits
            + self.bias_rom_bits
            + self.program_rom_bits
            + self.score_ram_bits
            + self.stream_rom_bits
            + self.padding_rom_bits
        )


def estimate(program: Program) -> NetworkCost:
    """Cost of the program's network on its array."""
    network, array = program.network, program.array
    overhead = layer_overhead(network, array, run_time_length=program.run_time_length)
    layers, scores = [], network.gives_scores
    last = network.layers[-1]
    bases = program.padding_bases
    for layer, tiling, chunk, padding_base in zip(
        network.layers, program.tilings, program.chunk_cycles, bases, strict=True
    ):
        cycles = layer_cycles(tiling, array, chunk, overhead)
        products = layer.out_channels * tiling.positions * layer.num_inputs
        elements = tiling.tiles * tiling.chunks * array.lanes
        weights = tiling.channel_tiles * tiling.chunks * array.lanes * array.channels
        results = tiling.tiles * array.neurons
        stored = program.output_bits if layer is last else program.activation_bits
        layers.append(
            LayerCost(
                name=layer.name,
                cycles=cycles,
                macs=layer.macs,
                utilisation=products * chunk / (cycles * array.multipliers),
                activation_reads=elements * array.positions + (results if layer.shortcut else 0),
                weight_reads=elements * array.channels,
                bias_reads=results,
                writes=layer.out_shape.size,
                weight_bits=weights * program.weight_bits,
                stored_bits=layer.out_shape.size * stored,
                padding_reads=elements if padding_base else 0,
            )
        )
    return NetworkCost(
        layers=tuple(layers),
        load_cycles=beats(network.in_shape, array.width),
        output_cycles=network.num_scores if scores else beats(last.out_shape, array.width),
        judge_cycles=judge_cycles(network, array),
        activation_ram_bits=program.activation_depth * array.width * program.activation_bits,
        weight_rom_bits=program.weight_depth * program.weight_word_bits,
        bias_rom_bits=program.bias_depth * program.bias_word_bits,
        program_rom_bits=len(network.layers) * sum(program.field_widths.values()),
        score_ram_bits=program.output_depth * array.width * program.output_bits,
        stream_rom_bits=program.stream_rom_bits,
        padding_rom_bits=program.padding_rom_bits,
    )


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
