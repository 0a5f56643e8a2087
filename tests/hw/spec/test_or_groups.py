"""OR groups: ranges, what files and programs hold, and what is refused."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import random_images, random_network, streamed
from pydantic import ValidationError
from strategies import networks

from bitrain import golden
from bitrain.cost import estimate
from bitrain.host import weight_image
from bitrain.program import Array, Program
from bitrain.spec import (
    BitrainError,
    LaneWire,
    Layer,
    Lfsr,
    Network,
    Shape,
    SngBank,
    Sobol,
    VanDerCorput,
    load_network,
    save_network,
    with_prefix,
)
from bitrain.spec.or_groups import grouped, num_groups, sum_range


def ored(network: Network, or_lanes: int) -> Network:
    return Network.model_validate(dict(network) | {"or_lanes": or_lanes})


def scores(weight: list[int], bias: int = 0, length: int = 8) -> Layer:
    """One neuron."""
    return Layer(
        kind="linear",
        name="scores",
        in_shape=Shape(len(weight), 1, 1),
        weight=np.array(weight).reshape(1, -1, 1, 1),
        bias=np.array([bias]),
        stream_length=length,
        relu=False,
    )


def test_groups_are_neighbours_and_the_last_may_lack_some():
    assert grouped(np.arange(1, 7), 4).tolist() == [[1, 2, 3, 4], [5, 6, 0, 0]]
    assert [num_groups(6, g) for g in (1, 2, 4, 8)] == [6, 3, 2, 1]


@settings(deadline=None, max_examples=60)
@given(data=st.data(), or_lanes=st.sampled_from([1, 2, 4, 8]))
def test_range_is_reached(data, or_lanes):
    """By inputs of 1 at the weights of one sign, which are 1 themselves."""
    weight = data.draw(st.lists(st.sampled_from([-8, 0, 8]), min_size=1, max_size=20))
    layer = scores(weight, data.draw(st.integers(-9, 9)))
    banks = dict(random_network(1, bits=3, lanes=4))
    network = Network.model_validate(banks | {"layers": (layer,), "or_lanes": or_lanes})
    images = 8 * np.array([np.sign(weight) == sign for sign in (-1, 1)], np.int32)
    reached = golden.run(network, images.reshape(2, -1, 1, 1))[-1].ravel()
    low, high = network.accumulator_range(layer)
    assert (low, high) == (min(0, reached[0]), max(0, reached[1]))
    assert (low, high) == sum_range(layer, or_lanes)


@pytest.mark.parametrize("lanes", [8, 16])
@settings(deadline=None, max_examples=30)
@given(data=st.data(), or_lanes=st.sampled_from([2, 4, 8]))
def test_what_a_neuron_counts_and_its_constant(lanes, data, or_lanes):
    """Each group of each chunk counts one more per cycle; counts and constants have their bits."""
    inputs, length = data.draw(st.integers(1, 40)), 8
    layer = scores([8] * inputs, data.draw(st.integers(-9, 9)), length)
    banks = dict(random_network(1, bits=3, lanes=4))
    network = Network.model_validate(banks | {"layers": (layer,), "or_lanes": or_lanes})
    program = Program(network, Array(lanes=lanes))
    (sums,) = program.sums
    counted = sum(lanes // or_lanes for _ in range(0, inputs, lanes)) * length
    assert sums.constants.tolist() == [layer.bias[0] - counted]
    assert sums.largest_count == counted + length * num_groups(inputs, or_lanes)
    assert sums.largest_count is not None and sums.largest_count < 1 << program.count_bits
    limit = 1 << program.score_bits - 1
    assert -limit <= sums.low <= sums.constants[0] and sums.high < limit


@settings(deadline=None, max_examples=40)
@given(network=networks(shortcut=True, or_lanes=True))
def test_cycles_are_those_without_groups(network):
    array = Array(channels=2, positions=3, lanes=8 * network.num_lanes)
    assert (
        estimate(Program(network, array)).latency
        == estimate(Program(ored(network, 1), array)).latency
    )


@pytest.mark.parametrize("or_lanes", [2, 4, 8])
@pytest.mark.parametrize("sequence", [Sobol, Lfsr, VanDerCorput])
def test_small_weights_on_inverted_lanes_never_meet(or_lanes, sequence):
    """Their lanes differ in the highest bits of the values: up to 1/g nothing is lost."""
    bits, rng = 4, np.random.default_rng(or_lanes)
    inverts = [int(f"{lane % or_lanes:0{bits}b}"[::-1], 2) for lane in range(8)]
    lanes = tuple(LaneWire(invert=invert) for invert in inverts)
    network = random_network(0, bits=bits, lanes=8)
    layer = scores(rng.integers(-(16 // or_lanes), 16 // or_lanes + 1, 30).tolist(), length=16)
    bank = SngBank(sequence=sequence(width=bits), lanes=lanes)
    network = Network.model_validate(dict(network) | {"layers": (layer,), "weight_bank": bank})
    images = random_images(network, 20)
    pair = [golden.predict(n, images) for n in (network, ored(network, or_lanes))]
    assert np.array_equal(pair[0], pair[1])


def test_prefixes_are_networks_of_the_same_groups():
    network = ored(random_network(2, bits=4, lanes=4, length=16), 4)
    short = with_prefix(network, 4)
    assert short.or_lanes == 4
    images = random_images(short, 2)
    fast, slow = golden.run(short, images), golden.run_reference(short, images)
    assert all(np.array_equal(a, b) for a, b in zip(fast, slow, strict=True))


def test_integers_are_not_ored():
    network = random_network(3)
    images = random_images(network, 3)
    pair = [golden.predict(n, images, "binary") for n in (network, ored(network, 4))]
    assert np.array_equal(pair[0], pair[1])
    array = Array(lanes=1, arithmetic="binary")
    assert Program(ored(network, 4), array).bias_words == Program(network, array).bias_words


# --- files -------------------------------------------------------------------------------------


def test_files(tmp_path):
    path = tmp_path / "network.npz"
    network = random_network(0)
    for or_lanes in (1, 2, 8):
        save_network(ored(network, or_lanes), path)
        assert load_network(path) == ored(network, or_lanes)
        header = json.loads(np.load(path)["header"].tobytes())
        assert header.get("or_lanes") == (None if or_lanes == 1 else or_lanes)


# --- refused -----------------------------------------------------------------------------------


def test_other_sizes():
    with pytest.raises(ValidationError, match="Input should be 1, 2, 4 or 8"):
        ored(random_network(0), 3)


def test_stream_mode():
    with pytest.raises(ValidationError, match="is in stream mode, which has no OR groups; or_lan"):
        ored(streamed(random_network(0)), 2)


@pytest.mark.parametrize("sharing", ["shared", "unshared"])
def test_lanes_that_part_a_group(sharing):
    network = ored(random_network(0, lanes=2), 4)
    Program(network, Array(lanes=4, sharing=sharing))
    with pytest.raises(BitrainError, match="lanes = 6 is no multiple of the or_lanes = 4"):
        Program(network, Array(lanes=6, sharing=sharing))


def test_weights_of_a_network_with_other_groups():
    network = random_network(0, lanes=4)
    program = Program(ored(network, 2), Array(lanes=4), weights="ram")
    weight_image(program, ored(network, 2))
    with pytest.raises(BitrainError, match="it ORs the product bits of 4 lanes, the accelerator"):
        weight_image(program, ored(network, 4))
