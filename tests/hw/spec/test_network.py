"""Networks: what fits together, and every reason for which a chain of layers is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from networks import random_bank, random_layer, random_network
from pydantic import ValidationError
from strategies import networks

from bitrain import golden
from bitrain.program import AcceleratorConfig, Array, Program, Sharing, check_conflicts
from bitrain.spec import BitrainError, MaxPool2d, Network, Shape

RNG = np.random.default_rng(0)
NETWORK = random_network(0, bits=4, lanes=4)


def replaced(**changes) -> dict:
    """Fields of a good network with some replaced."""
    fields = {name: getattr(NETWORK, name) for name in Network.model_fields}
    return {**fields, **changes}


def layer(in_shape: Shape, out_channels: int = 3, **options):
    return random_layer(RNG, in_shape, out_channels, **{"bits": 4, "length": 16, **options})


@settings(deadline=None, max_examples=60)
@given(networks())
def test_properties(network):
    assert network.one == 2**network.bits
    assert network.num_lanes == len(network.weight_bank.lanes)
    assert network.in_shape == network.layers[0].in_shape
    assert network.num_scores == network.layers[-1].out_shape.size
    assert network.macs == sum(layer.macs for layer in network.layers)


def put(layer, behind: int):
    """The layer, put behind another's output."""
    return layer.model_copy(update={"concat_after": behind})


def test_what_is_put_behind_each_other_is_read_as_one():
    def add(channels: int, out_channels: int, **options):
        return layer(Shape(channels, 2, 2), out_channels, **options)

    stem, narrow, first, second = (
        add(1, 4),
        add(4, 2),
        add(2, 3, concat_after=0),
        add(7, 3, concat_after=2),
    )
    layers_ = (stem, narrow, first, second, add(10, 1), add(1, 5, relu=False))
    network = Network.model_validate(replaced(layers=layers_))
    assert network.reads == ((-1,), (0,), (1,), (0, 2), (0, 2, 3), (4,))
    shapes = [network.stored_shape(index) for index in range(-1, 5)]
    assert [shape.channels for shape in shapes] == [1, 4, 2, 7, 10, 1]
    program = Program(network, Array(lanes=4))
    assert [buffer.size for buffer in program.buffers] == [4, 40, 8, 4]
    assert [(buffer.first, buffer.last) for buffer in program.buffers] == [
        *((-1, 0), (0, 4), (1, 2), (4, 5))
    ]
    base = program.out_bases[0]
    assert program.out_bases[2:4] == (base + 16, base + 28)
    assert program.in_bases[3] == program.in_bases[4] == base


def test_a_layer_may_read_an_earlier_output():
    def add(channels: int, out_channels: int, **options):
        return layer(Shape(channels, 2, 2), out_channels, **options)

    layers_ = (add(1, 4), add(4, 2), add(4, 3, source=0, concat_after=1), add(5, 1, relu=False))
    network = Network.model_validate(replaced(layers=layers_))
    assert network.reads == ((-1,), (0,), (0,), (1, 2))
    program = Program(network, Array(lanes=4))
    assert program.in_bases[1] == program.in_bases[2] == program.out_bases[0]
    assert program.out_bases[2] == program.out_bases[1] + 8
    assert [(buffer.first, buffer.last) for buffer in program.buffers] == [(-1, 0), (0, 2), (1, 3)]


def test_a_layer_may_read_in_another_shape():
    """As many activations, in their order; not of outputs that lie behind each other."""
    first, last = layer(Shape(1, 2, 6), 2), layer(Shape(4, 3, 2), relu=False)
    network = Network.model_validate(replaced(layers=(first, last)))
    images = np.arange(24).reshape(2, 1, 2, 6) % 17
    fast, slow = golden.run(network, images), golden.run_reference(network, images)
    assert all(map(np.array_equal, fast, slow))
    behind = layer(Shape(1, 2, 6), 2, source=-1, concat_after=0)
    with pytest.raises(ValidationError, match=r"takes \(8, 3, 2\) but 'conv2d1x2' gives \(4, 2, 6"):
        Network.model_validate(replaced(layers=(first, behind, layer(Shape(8, 3, 2), relu=False))))


INNER = layer(Shape(1, 2, 2))
LAST = layer(Shape(3, 2, 2), relu=False)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"activation_bank": random_bank(RNG, 5, 4)}, "banks differ in width"),
        ({"activation_bank": random_bank(RNG, 4, 3)}, "banks differ in lanes"),
        (
            {"layers": (INNER, layer(Shape(4, 2, 2), relu=False))},
            r"layer 'conv2d4x3' takes \(4, 2, 2\) but 'conv2d1x3' gives \(3, 2, 2\)",
        ),
        (
            {"layers": (INNER, layer(Shape(11, 1, 1), kind="linear", relu=False))},
            r"layer 'linear11x3' takes \(11, 1, 1\) but 'conv2d1x3' gives \(12, 1, 1\)",
        ),
        ({"layers": (INNER,)}, r"layer 'conv2d1x3' needs no ReLU \(it gives the scores\)"),
        (
            {"layers": (layer(Shape(1, 2, 2), relu=False), LAST)},
            r"layer 'conv2d1x3' needs a ReLU \(unipolar output\)",
        ),
        (
            {
                "layers": (
                    layer(Shape(3, 2, 2), relu=False, pool=MaxPool2d(kernel=(1, 1), stride=(1, 1))),
                )
            },
            "layer 'conv2d3x3' gives the scores and cannot pool them",
        ),
        (
            {"layers": (INNER, layer(Shape(3, 2, 2), relu=False, length=32))},
            r"layer 'conv2d3x3' has a stream longer than 2\^4",
        ),
        (
            {"layers": (LAST.model_copy(update={"weight": np.full((3, 3, 1, 1), -17)}),)},
            r"layer 'conv2d3x3' has a weight above 2\^4",
        ),
        (
            {"layers": (put(INNER, 0), LAST)},
            "layer 'conv2d1x3' is put behind what is stored after it",
        ),
        ({"layers": (INNER, put(LAST, 0))}, "layer 'conv2d3x3' gives the scores; nothing reads"),
        (
            {"layers": (layer(Shape(1, 2, 2), kernel=(2, 1), concat_after=-1), LAST)},
            r"gives \(3, 1, 2\), which cannot be put behind \(1, 2, 2\)",
        ),
        (
            {"layers": (INNER, *(layer(Shape(c, 2, 2), concat_after=0) for c in (3, 6)), LAST)},
            "layers 'conv2d3x3' and 'conv2d6x3' are put behind the same output",
        ),
        (
            {"layers": (put(INNER, -1), LAST)},
            r"layer 'conv2d3x3' takes \(3, 2, 2\) but 'conv2d1x3' gives \(4, 2, 2\)",
        ),
        (
            {"layers": (INNER, layer(Shape(3, 2, 2), source=1), LAST)},
            "layer 'conv2d3x3' reads what is stored after it",
        ),
        (
            {"layers": (INNER, layer(Shape(2, 2, 2), source=-1), LAST)},
            r"layer 'conv2d2x3' takes \(2, 2, 2\) but the image gives \(1, 2, 2\)",
        ),
        (
            {"layers": (INNER, layer(Shape(1, 2, 2), source=-1), LAST)},
            "nothing reads layer 'conv2d1x3'",
        ),
        ({"layers": ()}, "at least 1 item"),
        ({"name": ""}, "at least 1 character"),
        ({"format_version": 2}, "Input should be 5"),
        ({"sign": -1}, "Extra inputs are not permitted"),
    ],
)
def test_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        Network.model_validate(replaced(**changes))


def test_layers_of_the_tables_above_fit():
    assert Network.model_validate(replaced(layers=(INNER, LAST))).num_scores == 12


def test_array_takes_multiples_of_the_networks_lanes():
    for lanes in (4, 8, 12):
        check_conflicts(AcceleratorConfig(array=Array(lanes=lanes)), NETWORK)
    with pytest.raises(BitrainError) as error:
        check_conflicts(AcceleratorConfig(array=Array(lanes=6)), NETWORK)
    assert str(error.value) == (
        "array: lanes = 6 is no multiple of the 4 lanes that network 'random0' was exported for; "
        "choose a multiple or export again"
    )


def test_counts_of_the_array():
    array = Array(channels=3, positions=5, lanes=8)
    assert (array.neurons, array.multipliers, array.sngs) == (15, 120, 64)
    unshared = array.model_copy(update={"sharing": Sharing.UNSHARED})
    assert (unshared.multipliers, unshared.sngs) == (120, 240)


@pytest.mark.parametrize("field", ["channels", "positions", "lanes"])
@pytest.mark.parametrize("value", [0, 257])
def test_array_sizes(field, value):
    with pytest.raises(ValidationError, match=field):
        Array.model_validate({field: value})
