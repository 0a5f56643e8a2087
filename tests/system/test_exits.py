"""Exits of a network file in the accelerator: there after reset, with a host or without."""

import numpy as np
import pytest
from classifier import random_classifier
from networks import grouped_network, random_images
from simulators import require

from bitrain import golden
from bitrain.accelerator import compile_network
from bitrain.cosim import simulate, write_testbench
from bitrain.gen.ip.package import generate_ip
from bitrain.program import AcceleratorConfig, Array
from bitrain.spec import BitrainError, Exit, Network, with_prefix

ARRAY = Array(channels=2, positions=2, lanes=4)
PLAIN = random_classifier()
IMAGES = random_images(PLAIN, 6)


def with_exits() -> tuple[Network, list[int]]:
    """Two exits, each of which some images take and some do not; how many runs each image has."""
    lengths, exits = (4, 8), []
    runs, going = np.ones(len(IMAGES), int), np.ones(len(IMAGES), bool)
    for length in lengths:
        scores = np.sort(golden.predict(with_prefix(PLAIN, length), IMAGES), 1)
        margins = scores[:, -1] - scores[:, -2]
        exits.append(Exit(length=length, margin=int(np.median(margins[going]))))
        going &= margins < exits[-1].margin
        runs += going
    assert set(runs) == {1, 2, 3}
    return Network.model_validate(dict(PLAIN) | {"exits": tuple(exits)}), runs.tolist()


@pytest.mark.tools
@pytest.mark.parametrize("interface", ["raw", "axi"])
def test_images_leave_early(tmp_path, interface) -> None:
    """Equal scores, classes and cycles, whether anybody sets margins or not."""
    require("icarus")
    network, runs = with_exits()
    options = {"array": ARRAY, "interface": interface, "early_termination": True}
    engines = compile_network(network, AcceleratorConfig.model_validate(options))
    generate_ip(
        engines,
        tmp_path / "ip",
        name="exits",
        testbench=lambda ip: write_testbench(ip, engines, IMAGES, top="exits"),
    )
    report = simulate(tmp_path / "ip", simulator="icarus")
    assert report.problems == ()
    costs = [engines.prefix_costs[length].latency for length in (4, 8, 32)]
    assert list(report.cycles) == np.cumsum(costs)[np.array(runs) - 1].tolist()


def test_no_margins_at_all() -> None:
    """Ports without registers need a network with exits."""
    options = {"array": ARRAY, "early_termination": True}
    with pytest.raises(BitrainError, match=r"network .* has no exits; choose the interface axi"):
        compile_network(PLAIN, AcceleratorConfig.model_validate(options))


def test_several_engines_have_none() -> None:
    """They run the whole network."""
    network = grouped_network(1)
    network = Network.model_validate(dict(network) | {"exits": (Exit(length=2, margin=3),)})
    engines = compile_network(network, AcceleratorConfig(array=ARRAY, engines=2))
    assert all(not program.network.exits for program in engines.programs)
