"""Fields of descriptors by hand: of shortcuts, and of arrays that are wider than one."""

from typing import Any

import numpy as np
import pytest
from networks import random_bank, worded

from bitrain.program import Array, Descriptor, Program
from bitrain.program.descriptor import SHORTCUT_FIELDS, SHORTCUT_PLACE_FIELDS
from bitrain.spec import Layer, MaxPool2d, Network, Shape, Shortcut, Word

ADDING = 2
"""Number of the layer that adds what the first stored."""


def layer(name: str, in_shape: Shape, channels: int, groups: int = 1, **changes) -> Layer:
    """A layer of single inputs, unless a kernel is given."""
    kernel = changes.pop("kernel", (1, 1))
    given = {
        "kind": "conv2d",
        "name": name,
        "in_shape": in_shape,
        "weight": np.ones((channels, in_shape.channels // groups, *kernel), int),
        "bias": np.zeros(channels, int),
        "stream_length": 4,
        "groups": groups,
        **changes,
    }
    return Layer.model_validate(given)


def of_layers(*layers: Layer) -> Network:
    rng = np.random.default_rng(0)
    scores = layer("scores", layers[-1].out_shape, 2, relu=False)
    return Network(
        name="given",
        activation_bank=random_bank(rng, 2, 2),
        weight_bank=random_bank(rng, 2, 2),
        layers=(*layers, scores),
    )


def adding(channels: int = 3, **changes) -> Network:
    """Every second row of two maps of 8 x 6, behind a channel that gets nothing.

    The layer that adds them gives maps of 4 x 6, in windows of 2 x 2.
    """
    first = layer("first", Shape(1, 8, 6), 2)
    second = layer("second", first.out_shape, 2, stride=(2, 1))
    options: dict[str, Any] = {
        "shortcut": Shortcut(source=0, gain=5, stride=(2, 1), before=1),
        "pool": MaxPool2d(kernel=(2, 2), stride=(2, 2)),
        **changes,
    }
    return of_layers(first, second, layer("last", second.out_shape, channels, **options))


def compiled(network: Network, width: int = 1, **array) -> Program:
    array = {"channels": 4, "positions": 1, "lanes": max(2, width)} | array
    return Program(network, Array.model_validate(array | {"width": width}))


def shortcut_of(program: Program, index: int = ADDING) -> dict[str, int]:
    """What is about shortcuts in a descriptor."""
    names = [name for name in Descriptor.__dataclass_fields__ if name.startswith("shortcut_")]
    return {name: getattr(program.descriptors[index], name) for name in names}


def expected(program: Program, **changes: int) -> dict[str, int]:
    """Steps from neuron to neuron and from channel to channel; other fields zero."""
    base = program.out_bases[0]
    plain = {
        "shortcut_gain": 5,
        "shortcut_first_channel": 1,
        "shortcut_last_channel": 2,
        "shortcut_first_address": base - 48,
        "shortcut_channel_step": 48,
        "shortcut_neuron_column_step": 1,
        "shortcut_neuron_row_step": 12 - 1,
        "shortcut_out_column_step": 2,
        "shortcut_out_row_step": 24 - 2 * 2,
    }
    assert plain.keys() == set(SHORTCUT_FIELDS)
    return dict.fromkeys(shortcut_of(program), 0) | plain | changes


PLACES = {
    "shortcut_neuron_row_step": 12,
    "shortcut_out_row_step": 2 * 12,
    "shortcut_last_line": 3 * 12,
    "shortcut_last_column": 5,
}
"""Where rows and columns are walked apart."""


def test_a_shortcut():
    program = compiled(adding())
    assert program.out_bases[0] > 0
    assert shortcut_of(program) == expected(program)


def test_a_shortcut_of_places():
    """From a place a row above the map and two columns before it."""
    pool = MaxPool2d(kernel=(2, 3), stride=(2, 2), padding=(1, 2), padding_after=(0, 1))
    program = compiled(adding(pool=pool))
    first = {"shortcut_first_line": -12, "shortcut_first_column": -2}
    assert set(SHORTCUT_PLACE_FIELDS) < {*PLACES, *first}
    assert shortcut_of(program) == expected(program, **PLACES, **first)


def test_a_shortcut_of_integers_is_as_fine_as_their_products():
    program = compiled(adding(), arithmetic="binary")
    gain = program.sums[ADDING].gain
    assert gain != 5
    assert shortcut_of(program) == expected(program, shortcut_gain=gain)


def test_a_layer_without_a_shortcut_has_no_such_fields():
    program = compiled(adding())
    assert not any(shortcut_of(program, 1).values())


def test_a_shortcut_of_banks():
    """The channel that gets nothing is the last of a word before the first."""
    program = compiled(worded(adding(), 2), 2)
    assert shortcut_of(program) == expected(program, **PLACES, shortcut_phase=1)


@pytest.mark.parametrize(("width", "words", "phase"), [(2, 1, 1), (4, 0, 3)])
def test_a_shortcut_of_banks_and_groups(width, words, phase):
    """Three channels of each of two groups."""
    program = compiled(worded(adding(6, groups=2), width), width)
    assert shortcut_of(program) == expected(
        program,
        **PLACES,
        shortcut_phase=width - 1,
        shortcut_group_step=words * 48,
        shortcut_group_phase=phase,
    )


def test_a_shortcut_of_what_lies_behind_other_channels():
    """Of three channels behind the image's one, in words of 2: from a word's second on."""
    first = layer("first", Shape(1, 4, 4), 3, concat_after=-1)
    both = Shape(4, 4, 4)
    last = layer("last", both, 4, shortcut=Shortcut(source=0, gain=3, before=0))
    program = compiled(worded(of_layers(first, last), 2), 2)
    found = program.descriptors
    assert program.buffer_bases[0] == 0
    assert found[0].out_base == 0 and found[0].store_phase == 1
    assert found[1].shortcut_first_address == 0 and found[1].shortcut_phase == 1


# --- what is read -------------------------------------------------------------------------------


def in_word(size, along, kernel=(2, 3), groups=1, **changes) -> Network:
    """A layer of six channels of 5 x 7 in words, and one of two groups of 3 that stores 5 each."""
    word = Word(size=size, along=along)
    first = layer("first", Shape(6, 5, 7), 10, groups, kernel=kernel, word=word, **changes)
    return worded_scores(first, size)


def worded_scores(first: Layer, size) -> Network:
    network = of_layers(first)
    last = worded(network, size).layers[-1]
    return Network.model_validate(dict(network) | {"layers": (first, last)})


def test_words_along_channels():
    """Words of 4 channels, 2 at a time: rows of 3 columns, of 7 in the map, and planes of 35."""
    program = compiled(in_word(4, "channels"), 2, lanes=16)
    found = program.descriptors[0]
    assert found.last_slot + 1 == 48 // 2  # a chunk of 16 slots has 8 words
    words = 2 * 2 * 3 * 2  # of channels, in rows, columns, halves
    assert found.holes == 48 // 2 - words
    assert found.last_chunk + 1 == 3
    assert (found.last_in_word, found.word_step) == (1, 35)
    assert found.column_address_step == 1 - 35
    assert found.row_step == 7 - 2 - 35
    assert found.channel_step == -7 - 2 + 35  # to the next words from the last half of a word
    assert found.last_input_channel == 5 and found.last_input_column == 2
    assert not found.along_columns


def test_words_along_columns():
    """Words of 4 columns, 2 at a time, of which a row of 3 has a whole word."""
    program = compiled(in_word(4, "columns"), 2, lanes=16)
    found = program.descriptors[0]
    assert found.last_slot - found.holes + 1 == 6 * 2 * 2
    assert found.last_slot + 1 == 48 // 2
    assert found.along_columns == 1
    assert (found.last_in_word, found.dilation_columns) == (0, 2)
    assert found.column_address_step == 2
    assert found.last_kernel_column == 2  # where the last word of a row begins
    assert found.last_input_column == 2
    assert found.row_step == 7 - 2
    # Channels of a word lie in the same words of other banks; then the next plane follows.
    assert found.channel_step == -7 - 2
    assert found.next_channel_step == found.channel_step + 35


@pytest.mark.parametrize("along", ["channels", "columns"])
@pytest.mark.parametrize("width", [2, 4])
def test_groups_begin_within_words(along, width):
    """Two groups of 3 channels of 35 pixels, which give 5 each, of 4 x 5."""
    program = compiled(in_word(4, along, groups=2), width)
    found = program.descriptors[0]
    assert found.plane == 20
    assert (found.group_step, found.group_phase) == (3 // width * 35, 3 % width)
    assert (found.store_group_step, found.store_group_phase) == (5 // width * 20, 5 % width)
    assert found.store_phase == 0
    assert found.last_group_tile + 1 == 2  # five channels in tiles of four


@pytest.mark.parametrize(
    ("width", "along", "words"), [(2, "channels", 2), (4, "channels", 1), (2, "columns", 3)]
)
def test_padding_words_of_a_group(width, along, words):
    """Three channels of each group, in words of 4; along columns a word for each."""
    options = {"padding": (1, 1), "padding_value": np.arange(1, 7) % 4 + 1}
    network = in_word(4, along, groups=2, **options)
    program = compiled(network, width)
    found = program.descriptors[0]
    assert (found.padded, found.padding_base, found.padding_group_step) == (1, 1, words)
    assert len(program.padding_words) == 1 + 2 * words
