"""Which bits flip, what golden makes of that, and that the RTL makes the same of it."""

from typing import Any

import numpy as np
import pytest
from networks import (
    dense_network,
    grouped_network,
    padded_network,
    projected_network,
    random_images,
    random_network,
    residual_network,
    streamed,
    worded,
)
from struck import run_struck

from bitrain import golden
from bitrain.golden.faults import (
    ARITHMETICS,
    SITES,
    Faults,
    Site,
    exposed,
    faulty_scores,
    sites_of,
)
from bitrain.program import Array, Program
from bitrain.spec import BitrainError, Network

BUILDS = (
    random_network,
    residual_network,
    grouped_network,
    padded_network,
    dense_network,
    projected_network,
)
CASES = [(arithmetic, site) for arithmetic in ARITHMETICS for site in sites_of(arithmetic)]


def program_of(network: Network, arithmetic: str, **sizes: int) -> Program:
    shape: dict[str, Any] = {"channels": 2, "positions": 3, "lanes": network.num_lanes} | sizes
    return Program(network, Array(arithmetic=arithmetic, **shape))


def ored(network: Network) -> Network:
    return Network.model_validate(dict(network) | {"or_lanes": 2})


def test_flips_are_as_frequent_as_asked_for():
    bits, images = 5000, 400
    for rate in (1e-4, 0.01, 0.3, 1):
        faults = Faults(site="weights", rate=rate, seed=3)
        found = [faults.flips(image, 2, bits) for image in range(images)]
        deviation = np.sqrt(bits * images * rate * (1 - rate))
        assert abs(sum(map(len, found)) - bits * images * rate) <= 4 * deviation
        places = np.bincount(np.concatenate(found), minlength=bits)
        assert len(places) == bits  # none beyond
        halves = places[: bits // 2].sum() - places[bits // 2 :].sum()
        assert abs(halves) <= 4 * deviation
        for each in found:
            assert (np.diff(each) > 0).all()


def test_flips_follow_from_seed_image_site_and_layer_alone():
    def drawn(site: Site = "weights", seed=0, image=0, layer=0, bits=1000):
        return Faults(site=site, rate=0.1, seed=seed).flips(image, layer, bits).tolist()

    assert drawn() == drawn()
    # More bits of a layer, as in another network, leave those before as they are.
    assert drawn() == [flip for flip in drawn(bits=3000) if flip < 1000]
    others = drawn(site="counters"), drawn(seed=1), drawn(image=1), drawn(layer=1)
    assert all(other != drawn() for other in others)
    assert drawn(bits=0) == []


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
@pytest.mark.parametrize("build", BUILDS)
def test_no_faults_give_the_scores_of_golden(build, arithmetic):
    for seed, network in enumerate((build(0), ored(build(1)), worded(build(2), 2))):
        program = program_of(network, arithmetic)
        images = random_images(network, 3, seed)
        expected = golden.predict(network, images, arithmetic)
        assert (faulty_scores(program, images, np.arange(3), None) == expected).all()
        # Nor do faults that no bit has.
        rare = Faults(site="streams", rate=1e-12, seed=0)
        assert (faulty_scores(program, images, np.arange(3), rare) == expected).all()


@pytest.mark.parametrize(("arithmetic", "site"), CASES)
def test_an_image_has_the_same_faults_in_any_batch(arithmetic, site):
    network = random_network(1)
    program = program_of(network, arithmetic)
    images = random_images(network, 5)
    faults, numbers = Faults(site=site, rate=0.02, seed=1), np.array([7, 3, 12, 0, 5])
    together = faulty_scores(program, images, numbers, faults)
    assert (together != golden.predict(network, images, arithmetic)).any()
    alone = [
        faulty_scores(program, images[i : i + 1], numbers[i : i + 1], faults) for i in range(5)
    ]
    assert (together == np.concatenate(alone)).all()
    assert (together != faulty_scores(program, images, numbers + 100, faults)).any()


def check_rtl(monkeypatch, network: Network, arithmetic: str, site, **sizes):
    program = program_of(network, arithmetic, **sizes)
    images, number = random_images(network, 1), np.array([7])
    faults = Faults(site=site, rate=0.05, seed=2)
    expected = faulty_scores(program, images, number, faults)[0].tolist()
    without = golden.predict(network, images, arithmetic)[0].tolist()
    others = faulty_scores(program, images, number + 1, faults)[0].tolist()
    assert expected not in (without, others)  # a test that could not fail would say nothing
    assert run_struck(monkeypatch, program, images[0], 7, faults) == expected


@pytest.mark.parametrize(("arithmetic", "site"), CASES)
def test_rtl_with_the_same_faults_gives_the_same_scores(monkeypatch, arithmetic, site):
    check_rtl(monkeypatch, random_network(0, bits=3, lanes=2), arithmetic, site)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(("arithmetic", "site"), CASES)
@pytest.mark.parametrize("build", [residual_network, grouped_network, padded_network])
def test_rtl_of_shortcuts_groups_and_padding(monkeypatch, build, arithmetic, site, seed):
    """Chunks of several wirings, tiles that are not full, neurons in several pooling windows."""
    check_rtl(monkeypatch, build(seed, bits=3, lanes=2), arithmetic, site, lanes=4)


@pytest.mark.parametrize(
    "site", ["streams", *(pytest.param(s, marks=pytest.mark.slow) for s in SITES[1:])]
)
def test_rtl_of_or_groups(monkeypatch, site):
    """A stream's bit flips before signs part the streams."""
    check_rtl(monkeypatch, ored(random_network(1, bits=3, lanes=4)), "stochastic", site)


@pytest.mark.parametrize("seed", [0, 1])
def test_rtl_of_short_streams_and_either_generator(monkeypatch, seed):
    """L = 4, less than a byte of the packed streams; multiplexers where a bank's seed is odd."""
    network = random_network(seed, bits=3, lanes=2, length=4)
    banks = network.activation_bank, network.weight_bank
    kinds = ("comparator", "multiplexer") if seed else ("multiplexer", "comparator")
    names = "activation_bank", "weight_bank"
    changed = {
        name: bank.model_copy(update={"generator": kind})
        for name, bank, kind in zip(names, banks, kinds, strict=True)
    }
    network = Network.model_validate(dict(network) | changed)
    check_rtl(monkeypatch, network, "stochastic", "sources", lanes=4)


@pytest.mark.parametrize("site", ["streams", "weights"])
def test_rtl_of_more_slots_than_a_word_has_bits(monkeypatch, site):
    network = random_network(3, bits=3, lanes=2, in_shape=(2, 7, 9))
    assert network.layers[2].num_inputs > 64
    check_rtl(monkeypatch, network, "bitserial", site)


def test_bits_of_each_site():
    """A convolution of 2 channels on 3 x 3 pixels: 9 neurons each, 18 inputs in 3 chunks of 8."""
    network = next(n for n in map(random_network, range(20)) if n.layers[0].num_inputs > 8)
    program = program_of(network, "stochastic", channels=2, positions=4, lanes=8)
    layer, tiling = network.layers[0], program.tilings[0]
    slots, channels = tiling.chunks * 8, layer.out_channels
    assert exposed(program, "streams", 0) == (tiling.tiles, 6, slots, 16)
    assert exposed(program, "sources", 0) == (tiling.tiles, 2, tiling.chunks, 16, 4)
    assert exposed(program, "weights", 0) == (channels, slots, 6)
    assert exposed(program, "counters", 0) == (channels, tiling.positions, program.count_bits)
    assert exposed(program, "activations", 0) == (*network.in_shape, 5)
    assert exposed(program, "activations", 1) == (*layer.out_shape, 5)
    # The last layer has one position, of the four that the array has.
    assert exposed(program, "streams", 2)[1] == 3
    binary = program_of(network, "binary", channels=2, positions=4, lanes=8)
    assert exposed(binary, "streams", 0) == (tiling.tiles, 6, slots, 5)
    bits = program_of(network, "bitserial", channels=2, positions=4, lanes=8)
    assert exposed(bits, "streams", 0) == (tiling.tiles, 6, slots, 4**2)


def test_what_has_no_faults():
    network = streamed(random_network(0))
    images = random_images(network, 1)
    program = program_of(network, "stochastic", positions=4)
    with pytest.raises(BitrainError, match="is in stream mode, whose faults are not defined"):
        faulty_scores(program, images, np.arange(1), None)
    faulty_scores(program_of(network, "binary"), images, np.arange(1), None)
    with pytest.raises(BitrainError, match="faults of 'ternary': expected one of stochastic"):
        sites_of("ternary")
    for wrong in ({"site": "biases"}, {"rate": 0}, {"rate": 1.5}, {"seed": -1}):
        fields: dict[str, Any] = {"site": "weights", "rate": 0.1, "seed": 0, **wrong}
        with pytest.raises(ValueError, match="expected one of"):
            Faults(**fields)
