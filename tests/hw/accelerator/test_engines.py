"""A network is compiled once, for one engine or several."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from networks import (
    compiled,
    random_images,
    random_layer,
    random_network,
    residual_network,
    worded,
)

from bitrain import golden
from bitrain.accelerator import Part
from bitrain.accelerator.engines import part
from bitrain.cosim import write_testbench
from bitrain.cost import estimate
from bitrain.gen.ip.package import generate_ip
from bitrain.program import Array, Program
from bitrain.spec import BitrainError, Network, Shape, Shortcut

NETWORK = random_network(1, lanes=4)
ARRAY = Array(channels=2, positions=2, lanes=4)


@pytest.fixture
def count(monkeypatch) -> list[str]:
    """Names of the networks that are compiled."""
    found, init = [], Program.__init__

    def counted(self, network, array, **options) -> None:
        found.append(network.name)
        init(self, network, array, **options)

    monkeypatch.setattr(Program, "__init__", counted)
    return found


def generate(folder, **options):
    engines = compiled(NETWORK, ARRAY, **options)
    images = random_images(NETWORK, 2)
    generate_ip(engines, folder, testbench=lambda ip: write_testbench(ip, engines, images))
    return engines


def test_one_engine_is_compiled_once(count, tmp_path) -> None:
    generate(tmp_path / "ip", skip_zeros=True)
    assert len(count) == 1


def test_every_length_is_compiled_once(count, tmp_path) -> None:
    engines = generate(tmp_path / "ip", run_time_length=True, weights="ram", interface="axi")
    other_training = 1  # which the test bench loads as well
    assert len(count) - other_training == len(engines.prefixes) > 2


def test_every_part_is_compiled_once(count, tmp_path) -> None:
    """Three layers have six parts, of which the chosen ones are kept."""
    assert len(generate(tmp_path / "ip", engines=2).programs) == 2
    assert len(count) <= 6


def test_parts_are_the_layers_in_order() -> None:
    for number in (1, 2, 3):
        engines = compiled(NETWORK, ARRAY, engines=number)
        layers = [layer.name for program in engines.programs for layer in program.network.layers]
        assert layers == [layer.name for layer in NETWORK.layers]
        assert [isinstance(program.network, Part) for program in engines.programs] == [
            *[True] * (number - 1),
            False,
        ]
        for one, other in pairwise(engines.programs):
            assert one.network.num_scores == other.network.in_shape.size
    assert compiled(NETWORK, ARRAY).programs[0].network is NETWORK


def test_slowest_engine_is_as_fast_as_can_be() -> None:
    whole = compiled(NETWORK, ARRAY).cost
    two = compiled(NETWORK, ARRAY, engines=2).cost
    assert two.initiation_interval < whole.initiation_interval
    assert two.latency > whole.latency  # words go from engine to engine


def split_of(network: Network, **options) -> tuple[list[int], list[int]]:
    """Layers of each of two engines, and the cycles of each."""
    engines = compiled(network, ARRAY, engines=2, **options)
    assert [program.array for program in engines.programs] == engines.config.arrays
    sizes = [len(program.network.layers) for program in engines.programs]
    cycles = [estimate(program).initiation_interval for program in engines.programs]
    assert engines.cost.initiation_interval == max(cycles)
    return sizes, cycles


def test_the_last_engine_may_have_another_array() -> None:
    """Layers are shared out by what each takes on the array that it would run on."""
    equal, slow, fast = (
        split_of(NETWORK, **options)
        for options in (
            {},
            {"last_array": Array(channels=1, positions=1, lanes=4)},
            {"last_array": Array(channels=16, positions=8, lanes=4)},
        )
    )
    assert slow[0] != fast[0] and sum(equal[0]) == sum(slow[0]) == sum(fast[0]) == 3
    assert fast[0][1] > slow[0][1], "the faster array gets more layers"
    assert max(fast[1]) <= max(equal[1]) < max(slow[1])
    assert fast[1][1] < equal[1][1]


@pytest.mark.parametrize("last", [(1, 1), (2, 8), (16, 1)])
def test_no_other_cut_is_faster(last) -> None:
    array = Array(channels=last[0], positions=last[1], lanes=4)
    chosen = max(split_of(NETWORK, last_array=array)[1])
    others = []
    for cut in (1, 2):
        first = Program(part(NETWORK, 0, cut), ARRAY)
        second = Program(part(NETWORK, cut, 3), array)
        others.append(max(estimate(each).initiation_interval for each in (first, second)))
    assert chosen == min(others) < max(others)


def test_engines_wider_than_one_hand_on_beats() -> None:
    array = Array(channels=2, positions=2, lanes=4, width=2)
    engines = compiled(worded(NETWORK, 2), array, engines=2)
    one, other = engines.cost.parts
    assert one.output_cycles == other.load_cycles
    assert one.judge_cycles == 0 < other.judge_cycles
    assert engines.cost.latency == one.latency + other.load_cycles + other.latency


def test_too_many_engines() -> None:
    with pytest.raises(BitrainError, match=r"can be shared out to 1 … 3; it may be cut after"):
        compiled(NETWORK, ARRAY, engines=4)
    network = residual_network(1, lanes=4)
    with pytest.raises(BitrainError, match=r"engines = 9: network 'residual1' can be shared out"):
        compiled(network, ARRAY, engines=9)


def test_a_map_that_is_read_flattened_may_be_added_as_it_is() -> None:
    """By a shortcut of the second engine, whose image it is."""
    rng = np.random.default_rng(0)
    options: dict[str, Any] = {"bits": 4, "length": 16}
    first = random_layer(rng, Shape(1, 4, 4), 2, kernel=(3, 3), **options)
    shortcut = Shortcut(source=0, gain=3, stride=(2, 2), before=1)
    flat = Shape(first.out_shape.size, 1, 1)
    second = random_layer(rng, flat, 4, kind="linear", shortcut=shortcut, **options)
    last = random_layer(rng, second.out_shape, 2, kind="linear", relu=False, **options)
    fields = dict(NETWORK) | {"layers": (first, second, last), "image_shape": None}
    network = Network.model_validate(fields)
    assert part(network, 1, 3).in_shape == first.out_shape
    images = random_images(network, 2)
    whole = golden.run(network, images)
    assert (golden.run(part(network, 1, 3), whole[0])[-1] == whole[-1]).all()
    assert len(compiled(network, ARRAY, engines=2).programs) == 2
