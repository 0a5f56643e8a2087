"""A network is compiled once, for one engine or several."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from networks import compiled, random_images, random_layer, random_network, residual_network

from bitrain import golden
from bitrain.accelerator import Part
from bitrain.accelerator.engines import part
from bitrain.cosim import write_testbench
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
