"""Closed-form cost of a network on an array: cycles, memory accesses, memory sizes."""

from dataclasses import dataclass

from bitrain.program import Program
from bitrain.program.memory_map import beats

from .cycles import IMAGE_OVERHEAD, judge_cycles, layer_cycles, layer_overhead
from .weight_stream import WeightFeed, layers_fed


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
    """ROM bits, padding included; or those of the words that are streamed."""
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
    """Cost of the program's network on its array; with weights that come a beat a cycle."""
    network, array = program.network, program.array
    overhead = layer_overhead(network, array, run_time_length=program.run_time_length)
    layers, scores = [], network.gives_scores
    last = network.layers[-1]
    bases = program.padding_bases
    taken = [
        layer_cycles(tiling, array, chunk, overhead)
        for tiling, chunk in zip(program.tilings, program.chunk_cycles, strict=True)
    ]
    if program.weights_streamed:
        taken = layers_fed(program, WeightFeed(program), start=0)
    for layer, tiling, chunk, padding_base, cycles in zip(
        network.layers, program.tilings, program.chunk_cycles, bases, taken, strict=True
    ):
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
