"""Descriptors of a network's layers: the numbers by which the engine walks through them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrain.spec import Layer, Shortcut

from . import places
from .descriptor import Descriptor

if TYPE_CHECKING:
    from .program import Program


def is_along_columns(layer: Layer) -> bool:
    """Whether the words of a layer's inputs are columns of a row."""
    return layer.word is not None and layer.word.along == "columns"


def describe(program: Program, index: int) -> Descriptor:
    """The descriptor of a layer, by its number."""
    layer, tiling, sums = program.network.layers[index], program.tilings[index], program.sums[index]
    array, width = program.array, program.width
    (sh, sw), (ph, pw), (dh, dw) = layer.stride, layer.padding, layer.dilation
    (window_h, window_w), (pool_h, pool_w) = layer.pool_window.kernel, layer.pool_window.stride
    channels, rows, columns = layer.flattened or layer.in_shape
    in_plane, out_plane = rows * columns, layer.out_shape.plane
    grouped, padded = layer.groups > 1, program.padding_bases[index] > 0
    window = layer.flattened[1:] if layer.flattened else layer.window
    last_row, last_input_column = (size - 1 for size in window)
    last_column, last_in_word = last_input_column, 0
    if layer.word and layer.word.along == "columns":
        last_column += -window[1] % layer.word.size - (width - 1)
        dw = width
    elif layer.word:
        last_in_word = layer.word.size // width - 1
    back = last_in_word * in_plane
    channel_step = -last_row * columns - last_column
    across = 0 if program.has_places else sw  # what going along a row adds to an address
    along_columns = width > 1 and is_along_columns(layer)
    slots = tiling.chunks * array.loading_cycles
    return Descriptor(
        last_slot=slots - 1,
        holes=slots - layer.num_slots // width,
        last_chunk=tiling.chunks - 1,
        last_position_tile=tiling.position_tiles - 1,
        last_channel_tile=tiling.channel_tiles - 1,
        height=rows,
        width=columns,
        last_kernel_row=last_row,
        last_kernel_column=last_column,
        row_step=dh * columns - last_column - back,
        channel_step=channel_step + in_plane * (not along_columns),
        weight_base=program.weight_bases[index],
        first_row=-ph,
        first_column=-pw,
        first_address=program.in_bases[index] - ph * columns - pw,
        last_window_row=window_h - 1,
        last_window_column=window_w - 1,
        last_out_column=layer.out_shape.width - 1,
        neuron_row_step=sh,
        neuron_column_step=sw,
        neuron_row_address_step=sh * columns - (window_w - 1) * across,
        out_row_step=pool_h * sh,
        out_column_step=pool_w * sw,
        out_row_address_step=pool_h * sh * columns - (layer.out_shape.width - 1) * pool_w * across,
        last_cycle=program.chunk_cycles[index] - 1,
        bias_base=program.bias_bases[index],
        out_base=program.out_bases[index],
        plane=out_plane,
        last_plane=out_plane - 1,
        last_out_channel=layer.group_channels - 1,
        last_window=tiling.window - 1,
        right_shift=sums.shift + program.left_shift if layer.relu else 0,
        scores=not layer.relu,
        log_length=(layer.stream_length.bit_length() - 1) * program.run_time_length,
        last_group_tile=(tiling.channel_tiles // layer.groups - 1) * grouped,
        group_step=layer.group_inputs // width * in_plane * grouped,
        streaming=program.stream_bases[index] > 0,
        stream_base=program.stream_bases[index],
        last_in_word=last_in_word,
        word_step=in_plane * program.has_words,
        column_address_step=(dw - back) * program.has_words,
        last_input_channel=(channels // layer.groups - 1) * program.has_words,
        last_input_column=last_input_column * program.has_words,
        along_columns=along_columns,
        next_channel_step=(channel_step + in_plane) * program.has_columns,
        group_phase=layer.group_inputs % width * grouped,
        store_phase=program.channels_before[index] % width,
        store_group_step=layer.group_channels // width * out_plane * (width > 1 and grouped),
        store_group_phase=layer.group_channels % width * grouped,
        dilation_rows=dh * program.has_dilation,
        dilation_columns=dw * program.has_dilation,
        padded=padded,
        padding_base=program.padding_bases[index],
        padding_group_step=_padding_words(layer, width) * (grouped and padded),
        **(places.place_fields(layer) if program.has_places else {}),
        **(_shortcut_fields(program, layer, layer.shortcut, sums.gain) if layer.shortcut else {}),
    )


def _padding_words(layer: Layer, width: int) -> int:
    """Words of padding values of a group."""
    if width == 1 or is_along_columns(layer):
        return layer.group_inputs
    size = layer.word.size if layer.word else width
    return -(-layer.group_inputs // size) * size // width


def _shortcut_fields(program: Program, layer: Layer, shortcut: Shortcut, gain: int) -> dict:
    """Fields of what a layer's shortcut adds."""
    channels, height, columns = program.network.added_shape(shortcut.source)
    row, column = shortcut.stride[0] * columns, shortcut.stride[1]
    window, plane, width = layer.pool_window, height * columns, program.width
    base, before = 0, -shortcut.before
    if shortcut.source >= 0:
        base = program.out_bases[shortcut.source]
        before += program.channels_before[shortcut.source] % width
    across = 0 if program.has_shortcut_places else column  # as for addresses of neurons
    grouped = width > 1 and layer.groups > 1
    fields = {
        "shortcut_gain": gain,
        "shortcut_first_channel": shortcut.before,
        "shortcut_last_channel": shortcut.before + channels - 1,
        "shortcut_first_address": base + before // width * plane,
        "shortcut_phase": before % width,
        "shortcut_group_step": layer.group_channels // width * plane * grouped,
        "shortcut_group_phase": layer.group_channels % width * grouped,
        "shortcut_channel_step": plane,
        "shortcut_neuron_column_step": column,
        "shortcut_neuron_row_step": row - (window.kernel[1] - 1) * across,
        "shortcut_out_column_step": window.stride[1] * column,
        "shortcut_out_row_step": window.stride[0] * row
        - (layer.out_shape.width - 1) * window.stride[1] * across,
    }
    if not program.has_shortcut_places:
        return fields
    return fields | {
        "shortcut_first_line": -window.padding[0] * row,
        "shortcut_first_column": -window.padding[1] * column,
        "shortcut_last_line": (layer.conv_shape.height - 1) * row,
        "shortcut_last_column": (layer.conv_shape.width - 1) * column,
    }
