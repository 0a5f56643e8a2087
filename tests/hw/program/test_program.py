"""The layer program, read back as the hardware reads it: ROM words, fields, and the walk."""

from dataclasses import asdict
from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from networks import random_network, residual_network, streamed
from strategies import programs
from windows import neuron_positions

from bitrain.program import Array, Program
from bitrain.program.descriptor import (
    COLUMN_FIELDS,
    DILATION_FIELDS,
    GROUP_FIELDS,
    LENGTH_FIELDS,
    PADDING_FIELDS,
    PADDING_GROUP_FIELDS,
    PLACE_FIELDS,
    READ_PHASE_FIELDS,
    SHORTCUT_FIELDS,
    SHORTCUT_GROUP_FIELDS,
    SHORTCUT_PHASE_FIELDS,
    SHORTCUT_PLACE_FIELDS,
    SIGNED_FIELDS,
    STORE_GROUP_FIELDS,
    STORE_PHASE_FIELDS,
    STREAM_FIELDS,
    WEIGHT_FIELDS,
    WORD_FIELDS,
)
from bitrain.spec import BitrainError, Layer, Network, Shape, with_prefix


def signed(word: int, bits: int) -> int:
    """Two's complement number of ``bits`` bits."""
    assert 0 <= word < 1 << bits
    return word - (word >> (bits - 1) << bits)


# --- ROMs --------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(programs())
def test_weight_rom_decodes_to_the_weights(program):
    bits = program.network.bits + 2
    P, N = program.array.channels, program.array.lanes
    assert program.weight_bits == bits
    position = 0
    for base, layer in zip(program.weight_bases, program.network.layers, strict=True):
        assert base == position
        K = layer.num_inputs
        slots = -(-K // N) * N
        tiles = -(-layer.group_channels // P)
        matrix = np.zeros((layer.groups * tiles * P, slots), int)
        for tile in range(len(matrix) // P):
            for k in range(slots):
                word = program.weight_words[position]
                position += 1
                for p in range(P):
                    field = word >> p * bits & (1 << bits) - 1
                    sign, magnitude = field >> (bits - 1), field & (1 << (bits - 1)) - 1
                    matrix[tile * P + p, k] = -magnitude if sign else magnitude
                    assert magnitude or not sign, "a negative zero would count wrongly"
                assert word >> P * bits == 0
        groups = matrix.reshape(layer.groups, tiles * P, slots)
        kept = groups[:, : layer.group_channels, :K]
        assert np.array_equal(kept.reshape(layer.out_channels, K), layer.weight_matrix)
        assert not groups[:, layer.group_channels :].any() and not matrix[:, K:].any()
    assert position == len(program.weight_words)


@settings(deadline=None, max_examples=60)
@given(programs())
def test_bias_rom_makes_up_for_inverted_lanes(program):
    """Count with inverted lanes plus ROM word is the signed sum plus bias, stream by stream."""
    rng = np.random.default_rng(0)
    position = 0
    for base, layer in zip(program.bias_bases, program.network.layers, strict=True):
        assert base == position
        length, signs = layer.stream_length, np.sign(layer.weight_matrix)
        products = rng.integers(0, length + 1, signs.shape)  # ones in each product stream
        products[signs == 0] = 0
        count = np.where(signs < 0, length - products, products).sum(1)
        for o, total in enumerate((signs * products).sum(1)):
            upscale, word = divmod(program.bias_words[position + o], 1 << program.score_bits)
            assert upscale == layer.upscale[o] < 1 << program.upscale_bits
            constant = signed(word, program.score_bits)
            assert count[o] + constant == total + layer.bias[o]
        tiles = -(-layer.out_channels // program.array.channels)
        rest = program.bias_words[position + layer.out_channels : position + tiles * P(program)]
        assert not any(rest)
        position += tiles * P(program)
    assert position == len(program.bias_words)


def P(program: Program) -> int:
    return program.array.channels


@settings(deadline=None, max_examples=60)
@given(programs(), st.booleans())
def test_fields_come_out_of_the_program_rom(program, streams_weights):
    if streams_weights:
        program = with_streamed_weights(program)
    for word, descriptor in zip(program.descriptor_words, program.descriptors, strict=True):
        fields = asdict(descriptor)
        for names, used in (
            (GROUP_FIELDS, program.has_groups),
            (SHORTCUT_FIELDS, program.has_shortcut),
            (STREAM_FIELDS, program.stream_layers),
            (WEIGHT_FIELDS, not program.weights_streamed),
            (LENGTH_FIELDS, program.run_time_length),
            (DILATION_FIELDS, program.has_dilation),
            (PADDING_FIELDS, program.has_padding_values),
            (PADDING_GROUP_FIELDS, program.has_padding_values and program.has_groups),
            (PLACE_FIELDS, program.has_places),
            (WORD_FIELDS, program.has_words),
            (SHORTCUT_PLACE_FIELDS, program.has_shortcut_places),
            (COLUMN_FIELDS, program.has_columns),
            (READ_PHASE_FIELDS, program.has_group_phases),
            (STORE_GROUP_FIELDS, program.width > 1 and program.has_groups),
            (STORE_PHASE_FIELDS, program.has_store_phases),
            (SHORTCUT_GROUP_FIELDS, False),
            (SHORTCUT_PHASE_FIELDS, program.has_shortcut_phases),
        ):
            if not used:
                assert [fields.pop(name) for name in names] == [0] * len(names)
        assert unpack(program, word) == fields
        assert unpack(program, word).keys() == program.field_widths.keys()
        assert word >> sum(program.field_widths.values()) == 0


def with_streamed_weights(program: Program) -> Program:
    return Program(
        program.network,
        program.array,
        run_time_length=program.run_time_length,
        weights="stream",
        weight_beat=8,
    )


def unpack(program: Program, word: int) -> dict[str, int]:
    """Fields of a word of the program ROM, least significant first."""
    fields = {}
    for name, width in program.field_widths.items():
        value = word & (1 << width) - 1
        fields[name] = signed(value, width) if name in SIGNED_FIELDS else value
        word >>= width
    return fields


# --- widths ------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(programs())
def test_widths_hold_what_they_must(program):
    for layer in program.network.layers:
        low, high = program.network.accumulator_range(layer)
        assert -(1 << program.score_bits - 1) <= low <= high < 1 << program.score_bits - 1
        assert layer.num_inputs * layer.stream_length < 1 << program.count_bits
        rows, columns = layer.in_shape[1:]
        (top, left), (bottom, right) = layer.margins
        reach = max(rows + top + bottom, columns + left + right)
        assert reach < 1 << program.coordinate_bits  # -1 and size + padding stay apart
    assert program.activation_depth <= 1 << program.address_bits
    assert program.activation_bits == program.network.bits + 1


@pytest.mark.parametrize(("bias", "bits"), [(0, 1), (15, 5), (16, 6), (-16, 5), (-17, 6)])
def test_score_width_is_the_least(bias, bits):
    network = random_network(0, bits=4, lanes=1)
    last = Layer(
        kind="linear",
        name="scores",
        in_shape=Shape(1, 1, 1),
        weight=np.zeros((1, 1, 1, 1), int),
        bias=np.array([bias]),
        stream_length=1,
        relu=False,
    )
    program = Program(network.model_copy(update={"layers": (last,)}), Array(lanes=1))
    assert program.score_bits == bits


@settings(deadline=None, max_examples=60)
@given(programs())
def test_shifts_right_from_a_common_left_shift(program):
    for layer, descriptor in zip(program.network.layers, program.descriptors, strict=True):
        assert descriptor.scores == (not layer.relu)
        assert descriptor.last_cycle == layer.stream_length - 1
        if layer.relu:
            assert descriptor.right_shift - program.left_shift == layer.shift
            assert descriptor.right_shift >= 0
    networks = program.prefixes.values()
    inner = [layer for network in networks for layer in network.layers[:-1]]
    assert program.left_shift == max([0, *(-layer.shift for layer in inner)])


# --- the walk ----------------------------------------------------------------------------------


def walk_positions(d: dict[str, int], program: Program, count: int):
    """First (row, column, address) of ``count`` windows, stepped through as by the hardware.

    Sums wrap around: coordinates modulo 2^coordinate_bits, addresses modulo 2^address_bits.
    """
    rows, addresses = 1 << program.coordinate_bits, 1 << program.address_bits

    def wrap(row, column, address):
        return row % rows, column % rows, address % addresses

    if "first_place_row" in d:
        for (y, line), (x, across) in walk_places(d, count):
            yield wrap(
                d["first_row"] + y, d["first_column"] + x, d["first_address"] + line + across
            )
        return
    neuron = window = wrap(d["first_row"], d["first_column"], d["first_address"])
    window_row = window_column = out_column = 0
    for _ in range(count):
        yield neuron
        row, column, address = neuron
        if window_column < d["last_window_column"]:
            window_column += 1
            step = d["neuron_column_step"]
            neuron = wrap(row, column + step, address + step)
            continue
        window_column = 0
        if window_row < d["last_window_row"]:
            window_row += 1
            address += d["neuron_row_address_step"]
            neuron = wrap(row + d["neuron_row_step"], window[1], address)
            continue
        window_row = 0
        row, column, address = window
        if out_column < d["last_out_column"]:
            out_column += 1
            step = d["out_column_step"]
            window = wrap(row, column + step, address + step)
        else:
            out_column = 0
            address += d["out_row_address_step"]
            window = wrap(row + d["out_row_step"], d["first_column"], address)
        neuron = window


def nearest(place: int, last: int) -> int:
    return min(max(place, 0), last)


def walk_steps(d: dict[str, int], count: int, first, steps, out_steps):
    """(row, column) of ``count`` places from ``first`` on, stepped through as by the hardware.

    steps, out_steps: to the next row and to the next column, in a window and of windows.
    """
    place = window = first
    window_row = window_column = out_column = 0
    for _ in range(count):
        yield place
        if window_column < d["last_window_column"]:
            window_column += 1
            place = place[0], place[1] + steps[1]
            continue
        window_column = 0
        if window_row < d["last_window_row"]:
            window_row += 1
            place = place[0] + steps[0], window[1]
            continue
        window_row = 0
        if out_column < d["last_out_column"]:
            out_column += 1
            window = window[0], window[1] + out_steps[1]
        else:
            out_column = 0
            window = window[0] + out_steps[0], first[1]
        place = window


def walk_places(d: dict[str, int], count: int):
    """The row and its address step, and the column and its own, of the nearest of the map."""
    steps = d["neuron_row_step"], d["neuron_column_step"]
    out_steps = d["out_row_step"], d["out_column_step"]
    places = walk_steps(d, count, (d["first_place_row"], d["first_place_column"]), steps, out_steps)
    steps = d["neuron_row_address_step"], d["neuron_column_step"]
    out_steps = d["out_row_address_step"], d["out_column_step"]
    addresses = walk_steps(
        d, count, (d["first_place_line"], d["first_place_column"]), steps, out_steps
    )
    for (y, x), (line, across) in zip(places, addresses, strict=True):
        row = nearest(y, d["last_place_row"]), nearest(line, d["last_place_line"])
        last = d["last_place_column"]
        yield row, (nearest(x, last), nearest(across, last))


def walk_window(d: dict[str, int], program: Program, position: tuple[int, int, int]):
    """Address of each input slot of a window; None where it reads as zero."""
    row, column, offset = 0, 0, 0
    rows = 1 << program.coordinate_bits
    for k in range(d["last_slot"] + 1):
        y, x = (position[0] + row) % rows, (position[1] + column) % rows
        inside = k <= d["last_slot"] - d["holes"] and y < d["height"] and x < d["width"]
        yield (position[2] + offset) % (1 << program.address_bits) if inside else None
        if column < d["last_kernel_column"]:
            step = d.get("dilation_columns", 1)
            column += step
        elif row < d["last_kernel_row"]:
            row, column, step = row + d.get("dilation_rows", 1), 0, d["row_step"]
        else:
            row, column, step = 0, 0, d["channel_step"]
        offset += step


def im2col(network: Network, index: int, base: int) -> list[list[int | None]]:
    """Addresses of what each neuron of a group reads, in the order of the contract, from the
    shapes; the group's first input lies at ``base``."""
    layer = network.layers[index]
    channels, (_, height, width) = layer.weight.shape[1], layer.in_shape
    (kh, kw), (sh, sw), (ph, pw) = layer.kernel, layer.stride, layer.padding
    dh, dw = layer.dilation
    neurons = []
    for row, column in neuron_positions(layer):
        inputs = []
        for c, u, v in product(range(channels), range(kh), range(kw)):
            y, x = row * sh - ph + u * dh, column * sw - pw + v * dw
            inside = 0 <= y < height and 0 <= x < width
            inputs.append(base + (c * height + y) * width + x if inside else None)
        neurons.append(inputs)
    return neurons


@settings(deadline=None, max_examples=150)
@given(programs())
def test_walk_addresses_what_im2col_does(program):
    for i, word in enumerate(program.descriptor_words):
        d = unpack(program, word)
        layer = program.network.layers[i]
        for group in range(layer.groups):
            first = group * d.get("group_step", 0)
            assert first == group * layer.in_shape.size // layer.groups
            expected = im2col(program.network, i, program.in_bases[i] + first)
            padding = [None] * d["holes"]
            begin = d | {"first_address": d["first_address"] + first}
            positions = walk_positions(begin, program, len(expected))
            for position, inputs in zip(positions, expected, strict=True):
                assert list(walk_window(d, program, position)) == inputs + padding


def walk_shortcut(d: dict[str, int], program: Program, count: int):
    """Address of output channel 0 for ``count`` neurons, stepped through as by the hardware."""
    addresses = 1 << program.address_bits
    if "shortcut_first_line" in d:
        steps = d["shortcut_neuron_row_step"], d["shortcut_neuron_column_step"]
        out_steps = d["shortcut_out_row_step"], d["shortcut_out_column_step"]
        begin = d["shortcut_first_line"], d["shortcut_first_column"]
        for line, across in walk_steps(d, count, begin, steps, out_steps):
            y, x = (
                nearest(line, d["shortcut_last_line"]),
                nearest(across, d["shortcut_last_column"]),
            )
            yield (d["shortcut_first_address"] + y + x) % addresses
        return
    neuron = window = d["shortcut_first_address"]
    window_row = window_column = out_column = 0
    for _ in range(count):
        yield neuron % addresses
        if window_column < d["last_window_column"]:
            window_column += 1
            neuron += d["shortcut_neuron_column_step"]
            continue
        window_column = 0
        if window_row < d["last_window_row"]:
            window_row += 1
            neuron += d["shortcut_neuron_row_step"]
            continue
        window_row = 0
        if out_column < d["last_out_column"]:
            out_column += 1
            window += d["shortcut_out_column_step"]
        else:
            out_column = 0
            window += d["shortcut_out_row_step"]
        neuron = window


@settings(deadline=None, max_examples=75)
@given(programs(shortcut=True))
def test_walk_addresses_what_the_shortcut_adds(program):
    assume(program.has_shortcut)
    for layer, word in zip(program.network.layers, program.descriptor_words, strict=True):
        d = unpack(program, word)
        if not (shortcut := layer.shortcut):
            assert d["shortcut_gain"] == 0
            continue
        assert d["shortcut_gain"] == shortcut.gain
        channels, height, width = program.network.added_shape(shortcut.source)
        base = program.out_bases[shortcut.source] if shortcut.source >= 0 else 0
        neurons = neuron_positions(layer)
        walk = walk_shortcut(d, program, len(neurons))
        for (y, x), first in zip(neurons, walk, strict=True):
            row, column = y * shortcut.stride[0], x * shortcut.stride[1]
            for o in range(layer.out_channels):
                c = o - shortcut.before
                exists = d["shortcut_first_channel"] <= o <= d["shortcut_last_channel"]
                assert exists == (0 <= c < channels)
                address = first + o * d["shortcut_channel_step"]
                expected = base + (c * height + row) * width + column
                assert not exists or address % (1 << program.address_bits) == expected


@settings(deadline=None, max_examples=100)
@given(programs())
def test_padding_values_of_each_group(program):
    if not program.has_padding_values:
        assert program.padding_words == [0] and program.padding_rom_bits == 0
        return
    position = 1
    for layer, word in zip(program.network.layers, program.descriptor_words, strict=True):
        d = unpack(program, word)
        assert d["padded"] == (any(map(any, layer.margins)) and layer.padding_value.any())
        if not d["padded"]:
            assert d["padding_base"] == d.get("padding_group_step", 0) == 0
            continue
        assert d["padding_base"] == position
        channels = layer.weight.shape[1]
        for group, values in enumerate(layer.padding_value.reshape(layer.groups, -1).tolist()):
            first = position + group * d.get("padding_group_step", 0)
            assert program.padding_words[first : first + channels] == values
        position += layer.in_shape.channels
    assert position == len(program.padding_words)
    assert program.padding_words[0] == 0
    assert program.padding_rom_bits == position * (program.network.bits + 1)


@settings(deadline=None, max_examples=100)
@given(programs())
def test_loop_counts_cover_the_layer_with_less_than_a_tile_to_spare(program):
    array = program.array
    descriptors = zip(program.descriptors, program.network.layers, program.tilings, strict=True)
    for d, layer, tiling in descriptors:
        neurons = len(im2col(program.network, program.descriptors.index(d), 0))
        group_tiles = (d.last_channel_tile + 1) // layer.groups
        assert layer.groups == 1 or d.last_group_tile + 1 == group_tiles
        for tiles, size, total in (
            (group_tiles, array.channels, layer.group_channels),
            (d.last_position_tile + 1, array.positions, neurons),
            (d.last_chunk + 1, array.lanes, layer.num_inputs),
        ):
            assert 0 <= tiles * size - total < size
        assert d.last_slot + 1 == (d.last_chunk + 1) * array.lanes
        assert tiling.tiles == (d.last_channel_tile + 1) * (d.last_position_tile + 1)
        assert d.plane == d.last_plane + 1 == layer.out_shape.height * layer.out_shape.width
        assert d.last_window + 1 == tiling.window == neurons // d.plane
        assert d.last_out_channel + 1 == layer.group_channels


def test_network_that_does_not_suit_the_array():
    with pytest.raises(BitrainError, match="lanes = 3 is no multiple of the 4 lanes"):
        Program(random_network(0, lanes=4), Array(lanes=3))


@pytest.mark.parametrize("build", [random_network, residual_network])
def test_run_time_length_adds_a_field_and_keeps_the_rest(build):
    network = build(2, bits=4, lanes=4)
    array = Array(channels=2, positions=2, lanes=4)
    plain, chosen = Program(network, array), Program(network, array, run_time_length=True)
    assert list(plain.prefixes) == [16]
    assert list(chosen.prefixes)[:2] == [16, 8]
    assert chosen.prefixes[8] == with_prefix(network, 8)
    assert chosen.field_widths.keys() - plain.field_widths.keys() == {"log_length"}
    assert chosen.weight_words == plain.weight_words
    assert chosen.score_bits == plain.score_bits
    # The shift that the shortest prefix leaves is a right shift too.
    shortest = chosen.prefixes[min(chosen.prefixes)]
    assert all(layer.shift + chosen.left_shift >= 0 for layer in shortest.layers[:-1])


def test_run_time_length_of_neurons_that_fire():
    network = streamed(random_network(0, bits=3, lanes=4))
    array = Array(channels=2, positions=4, lanes=4)
    Program(network, array)
    with pytest.raises(BitrainError, match="is in stream mode, whose fires a shorter stream"):
        Program(network, array, run_time_length=True)


# --- weights that come on a stream ---------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(programs())
def test_streamed_weights_lie_in_tiles_of_which_two_have_room(program):
    streamed_program, array = with_streamed_weights(program), program.array
    assert streamed_program.weight_words == program.weight_words
    assert streamed_program.bias_words == program.bias_words
    assert streamed_program.weight_bases == (0,) * len(program.network.layers)
    sizes = [-(-layer.num_inputs // array.lanes) * array.lanes for layer in program.network.layers]
    assert streamed_program.weight_tiles == program.weight_tiles == sizes
    assert streamed_program.weight_depth == 2 * max(sizes)
    tiles = [tiling.channel_tiles for tiling in program.tilings]
    total = sum(size * count for size, count in zip(sizes, tiles, strict=True))
    assert streamed_program.num_weight_words == program.num_weight_words == total
    assert program.weight_depth == total
    assert streamed_program.weight_parts == -(-array.channels * program.weight_bits // 8)


def test_streamed_weights_leave_a_field_out_and_keep_the_rest():
    network, array = random_network(2, bits=4, lanes=4), Array(channels=2, positions=2, lanes=4)
    rom, stream = Program(network, array), Program(network, array, weights="stream")
    assert rom.field_widths.keys() - stream.field_widths.keys() == {"weight_base"}
    assert stream.weights_streamed and not (rom.weights_streamed or stream.weights_writable)
    assert stream.score_bits == rom.score_bits and stream.weight_beat == 64
    prefixes = Program(network, array, run_time_length=True, weights="stream").prefix_programs
    assert all(each.weights_streamed for each in prefixes.values())
    assert len({tuple(each.weight_tiles) for each in prefixes.values()}) == 1
