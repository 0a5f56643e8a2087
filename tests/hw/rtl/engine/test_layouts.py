"""Bit layouts, against the words of the contract and by hand."""

import pytest
from amaranth.hdl import unsigned
from amaranth.lib import data
from networks import grouped_network, random_network, residual_network, streamed

from bitrain.program import Array, Program
from bitrain.program.descriptor import SIGNED_FIELDS
from bitrain.rtl.engine.layouts import (
    activation_shape,
    descriptor_layout,
    negatives_layout,
    neuron_constants,
    rungs_layout,
    stream_word_layout,
    weight_layout,
    weight_write,
)

ARRAY = Array(channels=2, positions=1, lanes=4)


def program(network=None, **options) -> Program:
    return Program(network or random_network(1), ARRAY, **options)


def sizes(layout: data.StructLayout) -> dict[str, int]:
    return {name: field.width for name, field in layout}


def test_numbers():
    assert activation_shape(4) == unsigned(5)
    assert sizes(weight_layout(4)) == {"magnitude": 5, "sign": 1}
    word = weight_layout(4).const({"magnitude": 3, "sign": 1}).as_value().value
    assert word == 3 | 1 << 5, "the sign is the most significant bit"


@pytest.mark.parametrize("build", [random_network, residual_network, grouped_network])
def test_descriptors_are_words_of_the_program_rom(build):
    given = program(build(2))
    layout = descriptor_layout(given)
    assert layout.size == sum(given.field_widths.values())
    for word, descriptor in zip(given.descriptor_words, given.descriptors, strict=True):
        values: dict[int | str, int] = {
            name: getattr(descriptor, name) for name in given.field_widths
        }
        assert layout.const(values).as_value().value % (1 << layout.size) == word
    assert all(field.shape.signed == (name in SIGNED_FIELDS) for name, field in layout)


def test_stream_constants():
    given = program(streamed(random_network(1), {random_network(1).layers[0].name}))
    widths, layout = given.stream_widths, stream_word_layout(given)
    assert layout.length == 2 and layout.size == 2 * widths.channel
    assert sizes(neuron_constants(given)) == {
        "start": widths.state,
        "negatives": widths.negatives,
        "fired": widths.state,
    }


def test_negative_weights():
    """As many as there are; of weights that may be replaced, as many as a neuron can have."""
    network = random_network(1)
    most = max(int((layer.weight_matrix < 0).sum(1).max()) for layer in network.layers)
    inputs = max(layer.num_inputs for layer in network.layers)
    assert negatives_layout(program(network)).elem_shape == unsigned(most.bit_length())
    writable = negatives_layout(program(network, weights="ram"))
    assert writable.elem_shape == unsigned(inputs.bit_length()) and writable.length == 2


def test_rungs_are_one_less_than_lengths():
    given = program(random_network(1), early_termination=True)
    layout = rungs_layout(given)
    assert layout.length == len(given.prefixes) - 1 > 0
    assert isinstance(layout.elem_shape, data.StructLayout)
    assert sizes(layout.elem_shape) == {"threshold": given.score_bits, "run": 1}


def test_entries_of_weights_and_biases():
    given = program(weights="ram")
    members = weight_write(given).members
    word = members["word"].shape
    assert word == max(2 * given.weight_bits, given.bias_word_bits)
    for name, depth in (("weight", given.weight_depth), ("bias", given.bias_depth)):
        assert members[f"{name}_address"].shape == range(max(2, depth))
