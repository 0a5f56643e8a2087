"""What width gives: the cycles of docs/architecture.md, simulated, every stored value compared."""

from typing import Any

import pytest
from networks import lenet5_shaped, random_images, worded

from bitrain.accelerator import compile_network
from bitrain.cosim import simulate, write_testbench
from bitrain.gen.ip.package import generate_ip
from bitrain.program import AcceleratorConfig

LARGE, LARGER = {"channels": 8, "positions": 8, "lanes": 16}, {"channels": 16, "positions": 8}
SMALL = {"channels": 8, "positions": 1}


@pytest.mark.slow
@pytest.mark.tools
@pytest.mark.parametrize(
    ("length", "array", "more", "cycles"),
    [
        (4, {**LARGE, "width": 4}, {}, 5_262),
        (8, {**LARGE, "width": 4}, {}, 9_302),
        (4, {**LARGE, **LARGER, "width": 8}, {}, 3_608),
        (4, {**LARGE, "width": 4}, {"engines": 2, "last_array": SMALL}, 3_364),
    ],
)
def test_lenet5(tmp_path, length, array, more, cycles):
    """From image to image; simulation fails where it finds others."""
    network = worded(lenet5_shaped(length), 8)
    config: dict[str, Any] = {"array": array, **more}
    engines = compile_network(network, AcceleratorConfig.model_validate(config))
    assert engines.cost.initiation_interval == cycles
    images = random_images(network, 2, 0)
    generate_ip(
        engines,
        tmp_path / "ip",
        name="wide",
        testbench=lambda ip: write_testbench(ip, engines, images, top="wide"),
    )
    report = simulate(tmp_path / "ip", simulator="verilator")
    assert report.problems == () and report.values_compared > 2 * 3_000
