"""Network to Verilog to simulation, with the real tools; and faults that must not go unseen."""

import re
import shutil
from pathlib import Path

import pytest
from networks import (
    compiled,
    dense_network,
    grouped_network,
    padded_network,
    projected_network,
    random_images,
    random_network,
    residual_network,
    streamed,
)
from simulators import require

from bitrain.cosim import simulate, write_testbench
from bitrain.cost import estimate
from bitrain.gen.ip.package import generate_ip
from bitrain.program import Array, Program, Sharing
from bitrain.spec import Network

pytestmark = [pytest.mark.tools, pytest.mark.slow]  # with the real tools

NUM_IMAGES = 2
ARRAY = Array(channels=2, positions=3, lanes=3)


def generate(directory: Path, network: Network, array: Array, **options) -> Path:
    images = random_images(network, NUM_IMAGES)
    engines = compiled(network, array, **options)

    def testbench(ip: Path) -> None:
        write_testbench(ip, engines, images, top=network.name)

    return generate_ip(
        engines,
        directory,
        name=network.name,
        testbench=testbench,
    )


@pytest.fixture(scope="module")
def network() -> Network:
    return random_network(3, bits=3, lanes=3)


@pytest.fixture(scope="module")
def ip(network, tmp_path_factory) -> Path:
    return generate(tmp_path_factory.mktemp("ip") / "ip", network, ARRAY)


@pytest.mark.parametrize(
    ("simulator", "build", "seed", "sharing"),
    [
        ("verilator", random_network, 10, Sharing.SHARED),
        ("icarus", random_network, 11, Sharing.SHARED),
        ("verilator", random_network, 12, Sharing.UNSHARED),
        ("verilator", residual_network, 13, Sharing.SHARED),
        ("verilator", grouped_network, 14, Sharing.SHARED),
        ("verilator", dense_network, 16, Sharing.SHARED),
        ("icarus", projected_network, 8, Sharing.SHARED),
        ("icarus", padded_network, 9, Sharing.SHARED),
        ("verilator", padded_network, 10, Sharing.UNSHARED),
    ],
)
def test_random_network_is_bit_exact(tmp_path, simulator, build, seed, sharing):
    require(simulator)
    network = build(seed, bits=4, lanes=2, length=8)
    array = Array(channels=3, positions=2, lanes=4, sharing=sharing)
    report = simulate(generate(tmp_path / "ip", network, array), simulator=simulator, seed=seed)
    assert report.problems == ()
    assert report.mismatches == 0
    stored = sum(layer.out_shape.size for layer in network.layers)
    assert report.values_compared >= NUM_IMAGES * stored
    assert report.cycles == (estimate(Program(network, array)).latency,) * NUM_IMAGES


@pytest.mark.parametrize("simulator", ["verilator", "icarus"])
def test_stream_mode_is_bit_exact(tmp_path, simulator):
    require(simulator)
    network = streamed(random_network(15, bits=4, lanes=4))
    array = Array(channels=2, positions=8, lanes=4)
    report = simulate(generate(tmp_path / "ip", network, array), simulator=simulator)
    assert report.problems == ()
    assert report.cycles == (estimate(Program(network, array)).latency,) * NUM_IMAGES


@pytest.mark.parametrize(
    ("simulator", "build", "or_lanes"),
    [("verilator", random_network, 4), ("icarus", residual_network, 2)],
)
def test_or_groups_are_bit_exact(tmp_path, simulator, build, or_lanes):
    require(simulator)
    plain = build(18, bits=3, lanes=2)
    network = Network.model_validate(dict(plain) | {"or_lanes": or_lanes})
    array = Array(channels=2, positions=3, lanes=4)
    report = simulate(generate(tmp_path / "ip", network, array), simulator=simulator)
    assert report.problems == ()
    assert report.cycles == (estimate(Program(network, array)).latency,) * NUM_IMAGES


@pytest.mark.parametrize(("simulator", "lanes"), [("verilator", 1), ("icarus", 3)])
def test_binary_arithmetic_is_bit_exact(tmp_path, simulator, lanes):
    require(simulator)
    network = residual_network(17, bits=4, lanes=2, length=8)
    array = Array(channels=3, positions=2, lanes=lanes, arithmetic="binary")
    report = simulate(generate(tmp_path / "ip", network, array), simulator=simulator, seed=lanes)
    assert report.problems == ()
    assert report.cycles == (estimate(Program(network, array)).latency,) * NUM_IMAGES


@pytest.mark.parametrize(
    ("simulator", "width", "options"),
    [
        ("icarus", 1, {}),
        ("verilator", 4, {"early_termination": True, "interface": "axi"}),
        ("icarus", 2, {"run_time_length": True}),
        ("verilator", 1, {"weights": "ram", "interface": "axi"}),
        ("icarus", 1, {"early_termination": True}),
    ],
)
def test_bitserial_arithmetic_is_bit_exact(tmp_path, simulator, width, options):
    """At each number of bits, and with exits in the network's file."""
    require(simulator)
    network = residual_network(17, bits=4, lanes=2, length=16)
    exits = ({"length": 4, "margin": 3}, {"length": 8, "margin": 30})
    network = Network.model_validate(dict(network) | {"exits": exits})
    array = Array(channels=4, positions=2, lanes=8, width=width, arithmetic="bitserial")
    ip = generate(tmp_path / "ip", network, array, **options)
    report = simulate(ip, simulator=simulator, seed=width)
    assert report.problems == ()
    given = {key: value for key, value in options.items() if key != "interface"}
    cycles = estimate(Program(network, array, **given)).latency
    assert report.most_cycles == (cycles,) * NUM_IMAGES


def corrupted(ip: Path, directory: Path, name: str, change) -> Path:
    """A copy of an IP folder with one file changed."""
    copy = Path(shutil.copytree(ip, directory))
    path = copy / name
    before = path.read_text()
    after = change(before)
    assert after != before
    path.write_text(after)
    return copy


def check_caught(ip: Path) -> None:
    report = simulate(ip)
    assert not report.passed
    assert report.mismatches > 0
    mismatch = report.first_mismatch
    assert mismatch is not None
    assert mismatch.expected != mismatch.got


def test_the_fixture_itself_is_right(ip, tmp_path):
    assert simulate(Path(shutil.copytree(ip, tmp_path / "ip"))).passed


def test_a_single_wrong_rom_bit_is_caught(network, ip, tmp_path):
    def change_first_score(text: str) -> str:
        """Flip the lowest bit of the first score's bias, which nothing can hide."""
        words = text.split("\n")
        line = Program(network, ARRAY).bias_bases[-1]
        words[line] = words[line][:-1] + str(1 - int(words[line][-1]))
        return "\n".join(words)

    check_caught(corrupted(ip, tmp_path / "ip", "rom/biases.mem", change_first_score))


def test_a_single_flipped_gate_is_caught(ip, tmp_path):
    def or_for_and(text: str) -> str:
        """The multipliers of one neuron become ORs."""
        start = text.index("module random3__engine__array(")
        product = re.compile(r"( = \\?bits\S* ?\[[\d:]+\]) & (\\?bits)")
        return text[:start] + product.sub(r"\1 | \2", text[start:], count=1)

    check_caught(corrupted(ip, tmp_path / "ip", "rtl/random3.v", or_for_and))
