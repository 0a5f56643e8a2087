"""Fields of a layer's descriptor, and those of a shortcut by hand."""

from dataclasses import MISSING, fields

import numpy as np
import pytest

from bitrain.program.descriptor import (
    DILATION_FIELDS,
    GROUP_FIELDS,
    LENGTH_FIELDS,
    PADDING_FIELDS,
    PADDING_GROUP_FIELDS,
    PLACE_FIELDS,
    SHORTCUT_FIELDS,
    SHORTCUT_PLACE_FIELDS,
    SIGNED_FIELDS,
    STREAM_FIELDS,
    WORD_FIELDS,
    Descriptor,
    shortcut_fields,
)
from bitrain.spec import Layer, MaxPool2d, Shape, Shortcut

OPTIONAL = (
    *LENGTH_FIELDS,
    *GROUP_FIELDS,
    *STREAM_FIELDS,
    *SHORTCUT_FIELDS,
    *SHORTCUT_PLACE_FIELDS,
    *DILATION_FIELDS,
    *PADDING_FIELDS,
    *PADDING_GROUP_FIELDS,
    *PLACE_FIELDS,
    *WORD_FIELDS,
)


def layer(**changes) -> Layer:
    """Three channels of 2 x 3 windows of 2 x 2 neurons."""
    given = {
        "kind": "conv2d",
        "name": "last",
        "in_shape": Shape(2, 4, 6),
        "weight": np.ones((3, 2, 1, 1), int),
        "bias": np.zeros(3, int),
        "stream_length": 4,
        "pool": MaxPool2d(kernel=(2, 2), stride=(2, 2)),
        **changes,
    }
    return Layer.model_validate(given)


def test_what_a_program_may_lack_is_zero_by_default():
    defaults = {field.name: field.default for field in fields(Descriptor)}
    assert {name for name, default in defaults.items() if default is not MISSING} == set(OPTIONAL)
    assert all(defaults[name] == 0 for name in OPTIONAL) and len(set(OPTIONAL)) == len(OPTIONAL)
    assert defaults.keys() > SIGNED_FIELDS


def test_a_shortcut():
    """Every second row of two maps of 8 x 6 at address 100, behind a channel that gets nothing."""
    shortcut = Shortcut(source=0, gain=5, stride=(2, 1), before=1)
    found = shortcut_fields(layer(shortcut=shortcut), 7, Shape(2, 8, 6), 100)
    assert found == {
        "shortcut_gain": 7,
        "shortcut_first_channel": 1,
        "shortcut_last_channel": 2,
        "shortcut_first_address": 100 - 48,
        "shortcut_channel_step": 48,
        "shortcut_neuron_column_step": 1,
        "shortcut_neuron_row_step": 12 - 1,
        "shortcut_out_column_step": 2,
        "shortcut_out_row_step": 24 - 2 * 2,
    }
    assert found.keys() == set(SHORTCUT_FIELDS)


def test_a_shortcut_of_places():
    """Rows and columns apart, from a place a row above the map and two columns before it."""
    pool = MaxPool2d(kernel=(2, 3), stride=(2, 2), padding=(1, 2), padding_after=(0, 1))
    given = layer(shortcut=Shortcut(source=0, gain=5, stride=(2, 1), before=1), pool=pool)
    plain = shortcut_fields(given, 7, Shape(2, 8, 6), 100)
    found = shortcut_fields(given, 7, Shape(2, 8, 6), 100, places=True)
    assert found == plain | {
        "shortcut_neuron_row_step": 12,
        "shortcut_out_row_step": 2 * 12,
        "shortcut_first_line": -12,
        "shortcut_first_column": -2,
        "shortcut_last_line": 3 * 12,
        "shortcut_last_column": 5,
    }
    assert found.keys() == {*SHORTCUT_FIELDS, *SHORTCUT_PLACE_FIELDS}


def test_a_layer_without_a_shortcut_has_no_such_fields():
    with pytest.raises(AssertionError):
        shortcut_fields(layer(), 1, Shape(2, 8, 6), 0)
