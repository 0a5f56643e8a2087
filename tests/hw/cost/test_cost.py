"""Cost: the closed form against a simulation of loader, array and write-back, step by step."""

from dataclasses import asdict
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import random_network, residual_network, worded
from strategies import networks

from bitrain.cost import estimate
from bitrain.cost.cycles import (
    IMAGE_OVERHEAD,
    LAYER_OVERHEAD,
    LENGTH_OVERHEAD,
    PIPELINED_OVERHEAD,
    SHORTCUT_OVERHEAD,
    layer_cycles,
    layer_overhead,
)
from bitrain.program import Array, Program, Tiling
from bitrain.program.memory_map import beats
from bitrain.spec import Shape

tilings = st.builds(
    Tiling,
    channel_tiles=st.integers(1, 4),
    position_tiles=st.integers(1, 5),
    chunks=st.integers(1, 5),
    window=st.just(1),
)
arrays = st.builds(
    Array, channels=st.integers(1, 6), positions=st.integers(1, 6), lanes=st.integers(1, 20)
)


@st.composite
def wide_arrays(draw) -> Array:
    width = draw(st.sampled_from([2, 4, 8]))
    return Array(
        channels=width * draw(st.integers(1, 4)),
        positions=draw(st.integers(1, 6)),
        lanes=width * draw(st.integers(1, 8)),
        width=width,
    )


lengths = st.sampled_from([1, 2, 4, 8, 16, 32])


def simulate(tiling: Tiling, array: Array, length: int) -> int:
    """Cycles of a layer, from three workers that wait for each other.

    The loader fills one set of operand registers while the array works on the other; it needs N / W
    cycles a chunk, after Q cycles for the first positions. The array needs L cycles a chunk. The
    write-back takes the P Q results of a tile, W per cycle, as soon as the tile is done and the
    tile before has been sent; until then, the array may run ahead by one tile.
    """
    loaded = array.positions  # when the loader is done with its last chunk
    computed = 0  # when the array is done with its last chunk
    taken = 0  # when the array took the last operands, which frees the other registers
    done = 0  # when the array was done with the last tile
    sent = 0  # when the results of the last tile were sent
    for _ in range(tiling.tiles):
        for chunk in range(tiling.chunks):
            loaded = max(loaded, taken) + array.lanes // array.width
            taken = max(loaded, computed)
            computed = taken + length
            if chunk == tiling.chunks - 1:
                # The counts of this tile need their place before its last cycle is over.
                computed = max(computed, sent)
        done = computed
        sent = max(done, sent) + array.neurons // array.width
    return sent + LAYER_OVERHEAD


@settings(deadline=None, max_examples=300)
@given(tiling=tilings, array=arrays | wide_arrays(), length=lengths)
def test_formula(tiling, array, length):
    assert layer_cycles(tiling, array, length) == simulate(tiling, array, length)


@settings(deadline=None, max_examples=100)
@given(tiling=tilings, array=arrays, lengths=st.lists(lengths, min_size=2, max_size=2))
def test_longer_streams_never_take_fewer_cycles(tiling, array, lengths):
    shorter, longer = (layer_cycles(tiling, array, length) for length in sorted(lengths))
    assert shorter <= longer


@pytest.mark.parametrize("field", ["channel_tiles", "position_tiles", "chunks"])
@settings(deadline=None, max_examples=40)
@given(tiling=tilings, array=arrays | wide_arrays(), length=lengths)
def test_more_work_takes_more_cycles(field, tiling, array, length):
    counts = {**asdict(tiling), field: getattr(tiling, field) + 1}
    more = layer_cycles(Tiling(**counts), array, length)
    fewer = layer_cycles(tiling, array, length)
    assert more > fewer if field != "chunks" else more >= fewer


@settings(deadline=None, max_examples=60)
@given(network=networks(), data=st.data())
def test_estimate_adds_up(network, data):
    lanes = network.num_lanes * data.draw(st.integers(1, 3))
    array = data.draw(arrays).model_copy(update={"lanes": lanes})
    program, cost = Program(network, array), estimate(Program(network, array))
    P, Q, N = array.channels, array.positions, array.lanes
    assert cost.latency == sum(layer.cycles for layer in cost.layers) + IMAGE_OVERHEAD
    assert cost.initiation_interval == network.in_shape.size + cost.latency + network.num_scores
    for layer, one, tiling in zip(network.layers, cost.layers, program.tilings, strict=True):
        assert one.name == layer.name
        pipeline = PIPELINED_OVERHEAD * array.pipelined
        assert one.cycles == simulate(tiling, array, layer.stream_length) + pipeline
        assert one.macs == layer.conv_shape.size * layer.num_inputs
        assert one.writes == layer.out_shape.size
        # Every neuron of every tile takes all its inputs, rounded up to whole chunks.
        elements = tiling.tiles * -(-layer.num_inputs // N) * N
        assert one.activation_reads == elements * Q
        assert one.weight_reads == elements * P
        assert one.bias_reads == tiling.tiles * P * Q
        padded = any(map(any, layer.margins)) and layer.padding_value.any()
        assert one.padding_reads == elements * padded
        computed = layer.out_shape.height * layer.out_shape.width * tiling.window
        assert 0 < one.utilisation <= 1
        busy = layer.out_channels * computed * layer.num_inputs * layer.stream_length / (P * Q * N)
        assert one.utilisation * one.cycles == pytest.approx(busy)


@settings(deadline=None, max_examples=60)
@given(network=networks(), array=arrays)
def test_memories_are_those_of_the_program(network, array):
    array = array.model_copy(update={"lanes": network.num_lanes})
    program, cost = Program(network, array), estimate(Program(network, array))
    n = network.bits
    assert cost.activation_ram_bits == program.activation_depth * (n + 1)
    assert cost.weight_rom_bits == len(program.weight_words) * array.channels * (n + 2)
    assert cost.weight_rom_bits == sum(layer.weight_bits for layer in cost.layers)
    assert cost.bias_rom_bits == len(program.bias_words) * program.bias_word_bits
    widest = sum(program.field_widths.values())
    assert cost.program_rom_bits == widest * len(program.descriptor_words)
    assert max(program.descriptor_words).bit_length() <= widest
    assert cost.score_ram_bits == network.num_scores * program.score_bits
    assert [layer.stored_bits for layer in cost.layers[:-1]] == [
        layer.out_shape.size * (n + 1) for layer in network.layers[:-1]
    ]
    assert cost.layers[-1].stored_bits == cost.score_ram_bits
    words = len(program.padding_words) if program.has_padding_values else 0
    assert cost.padding_rom_bits == words * (n + 1)
    parts = (
        cost.activation_ram_bits,
        cost.weight_rom_bits,
        cost.bias_rom_bits,
        cost.padding_rom_bits,
    )
    assert cost.memory_bits == sum(parts) + cost.program_rom_bits + cost.score_ram_bits


def test_shortcut_costs_a_read_per_neuron_and_a_cycle_per_layer():
    network, array = residual_network(), Array(channels=2, positions=3, lanes=4)
    without = network.model_copy(
        update={
            "layers": tuple(layer.model_copy(update={"shortcut": None}) for layer in network.layers)
        }
    )
    costs = zip(
        estimate(Program(network, array)).layers,
        estimate(Program(without, array)).layers,
        strict=True,
    )
    for layer, (cost, plain) in zip(network.layers, costs, strict=True):
        assert cost.cycles == plain.cycles + SHORTCUT_OVERHEAD
        added = Tiling.of(layer, array).tiles * array.neurons if layer.shortcut else 0
        assert cost.activation_reads == plain.activation_reads + added


# --- of arrays that are wider than one ------------------------------------------------------------


@pytest.mark.parametrize("build", [random_network, residual_network])
@pytest.mark.parametrize("width", [2, 4])
@pytest.mark.parametrize("lanes", [4, 32])
def test_formula_of_a_width(build, width, lanes):
    """W inputs and results in a cycle, and scores that are judged one by one."""
    network = worded(build(2), width)
    array = Array(channels=4, positions=3, lanes=lanes, width=width)
    for run_time in (False, True):
        program = Program(network, array, run_time_length=run_time)
        cost, total = estimate(program), 0
        shortcuts = any(layer.shortcut for layer in network.layers)
        overhead = 16 + shortcuts + 1 * (lanes > 16) + 3 * run_time
        assert layer_overhead(network, array, run_time_length=run_time) == overhead
        for layer, one in zip(network.layers, cost.layers, strict=True):
            L, load, leave = layer.stream_length, lanes // width, 4 * 3 // width
            chunks = -(-layer.num_slots // lanes)
            pool = layer.pool_window.kernel
            positions = layer.out_shape.plane * pool[0] * pool[1]
            tiles = layer.groups * -(-layer.group_channels // 4) * -(-positions // 3)
            chunk = max(L, load)
            tile = max(chunks * chunk, leave)
            cycles = 3 + load + (chunks - 1) * chunk + L + (tiles - 1) * tile + leave + overhead
            assert one.cycles == cycles
            total += cycles
        assert cost.judge_cycles == network.num_scores + 3
        assert cost.latency == total + cost.judge_cycles + IMAGE_OVERHEAD
        channels, height, columns = network.in_shape
        assert cost.load_cycles == channels * height * -(-columns // width)
        assert cost.output_cycles == network.num_scores
        assert LENGTH_OVERHEAD == 3


@pytest.mark.parametrize(
    ("shape", "width", "expected"),
    [
        ((3, 4, 8), 1, 96),
        ((3, 4, 8), 2, 48),
        ((1, 5, 7), 4, 10),
        ((6, 2, 3), 8, 12),
        ((5, 1, 1), 2, 5),
        ((2, 3, 9), 8, 12),
    ],
)
def test_beats_of_a_row_are_its_own(shape, width, expected):
    assert beats(Shape(*shape), width) == expected


def test_scores_are_judged_by_themselves_only_in_wide_arrays():
    network = worded(random_network(0), 2)
    costs = [
        estimate(Program(network, Array(channels=4, positions=2, lanes=4, width=width)))
        for width in (1, 2)
    ]
    assert [cost.judge_cycles for cost in costs] == [0, network.num_scores + 3]
    assert costs[0].load_cycles == network.in_shape.size > costs[1].load_cycles


@pytest.mark.parametrize("width", [2, 4])
def test_memories_of_banks(width):
    """W banks each, of whole words of channels."""
    network = worded(residual_network(1), width)
    program = Program(network, Array(channels=4, positions=2, lanes=4, width=width))
    cost, bits = estimate(program), network.bits
    assert cost.activation_ram_bits == width * program.activation_depth * (bits + 1)
    assert cost.weight_rom_bits == len(program.weight_words) * width * 4 * (bits + 2)
    assert cost.bias_rom_bits == len(program.bias_words) * program.bias_word_bits
    channels, height, columns = network.layers[-1].out_shape
    words = -(-channels // width) * height * columns
    assert cost.score_ram_bits == width * words * program.score_bits


@pytest.mark.parametrize("field", ["channels", "positions"])
def test_more_neurons_need_fewer_cycles_where_there_is_work(field):
    """As long as streams are long, doubling the array nearly halves the cycles."""
    network = random_network(0, bits=8, lanes=4, in_shape=(4, 8, 8))
    costs = [
        estimate(Program(network, Array.model_validate({"lanes": 4, field: n}))) for n in (1, 2, 4)
    ]
    for cost, larger in pairwise(costs):
        assert 0.45 * cost.latency < larger.latency < 0.8 * cost.latency
