"""Weights from a stream in Amaranth's own simulator: scores against golden, cycles against the
exact model of the stream, frames that are broken."""

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Literal

import numpy as np
import pytest
from fed import Answer, Supply, run_fed
from networks import (
    dense_network,
    grouped_network,
    padded_network,
    random_bank,
    random_images,
    random_layer,
    random_network,
    residual_network,
    streamed,
    worded,
)

from bitrain.cost import estimate
from bitrain.cost.weight_stream import WeightFeed, latency_fed
from bitrain.golden import run, run_shorter, zero_chunks
from bitrain.program import Array, Program
from bitrain.spec import Network, Shape

BUILDS = (random_network, residual_network, grouped_network, dense_network, padded_network)
SUPPLIES = {
    "full": Supply(),
    "limited": Supply(rate=Fraction(3, 7)),
    "slow": Supply(rate=Fraction(1, 5)),
    "broken": Supply(pauses=0.2, broken=0.4),
}


def some(*quick: str) -> list:
    """All supplies; those that are not named are slow tests."""
    return [
        pytest.param(supply, id=name, marks=[pytest.mark.slow] * (name not in quick))
        for name, supply in SUPPLIES.items()
    ]


def cases(number: int, *quick: tuple[Any, str]) -> list:
    """Every build with every supply; all but the first of those named are slow tests."""
    return [
        pytest.param(
            build,
            supply,
            seed,
            marks=[pytest.mark.slow] * (seed > 0 or (build, name) not in quick),
            id=f"{build.__name__}-{name}-{seed}",
        )
        for build in BUILDS
        for name, supply in SUPPLIES.items()
        for seed in range(number)
    ]


def check(network: Network, array: Array, supply: Supply, *, beat: int = 8, **options) -> None:
    """Two images."""
    program = Program(network, array, weights="stream", weight_beat=beat, **options)
    images = random_images(network, 2)
    answers, happened = run_fed(program, images, supply)
    outputs = run(network, images, array.arithmetic)
    compare(answers, outputs[-1])
    zero = None
    if program.skip_zeros:
        found = zero_chunks(network, array, images, outputs)
        zero = [[[layer[i] for layer in found]] for i in range(len(images))]
    compare_cycles(program, [[program]] * len(images), answers, happened, supply, zero=zero)
    if not program.skip_zeros:
        least = estimate(Program(network, array, **options)).latency
        assert all(answer.cycles >= least for answer in answers)


def compare(answers: list[Answer], scores) -> None:
    for answer, own in zip(answers, scores, strict=True):
        assert answer.scores == own.ravel().tolist()
        assert answer.class_index == np.argmax(own)


def compare_cycles(
    program: Program,
    runs: Sequence[Sequence[Program]],
    answers: list[Answer],
    happened: Counter,
    supply: Supply,
    *,
    zero=None,
) -> None:
    """Those of each image's runs, if frames come evenly; else some have been broken."""
    if not supply.is_even:
        assert happened["early"] or happened["missing"]
        return
    feed = WeightFeed(program, supply.rate)
    expected = [
        latency_fed(runs[i], feed, answer.taken, zero and zero[i])
        for i, answer in enumerate(answers)
    ]
    assert [answer.cycles for answer in answers] == expected


@pytest.mark.parametrize(
    ("build", "supply", "seed"),
    cases(
        2,
        (random_network, "full"),
        (random_network, "broken"),
        (residual_network, "limited"),
        (grouped_network, "limited"),
    ),
)
def test_random_networks_on_random_arrays(build, supply, seed):
    rng = np.random.default_rng(seed)
    bits, lanes = 2 + seed % 3, 1 + seed % 2
    network = build(seed, bits=bits, lanes=lanes, length=1 << int(rng.integers(bits + 1)))
    array = Array(
        channels=int(rng.integers(1, 5)),
        positions=int(rng.integers(1, 6)),
        lanes=lanes * int(rng.integers(1, 3)),
    )
    check(network, array, supply, beat=int(rng.choice([8, 8, 16, 64])))


@pytest.mark.parametrize(
    ("inputs", "length", "lanes", "positions", "slowness"),
    [(1, 8, 1, 3, 30), (2, 4, 1, 3, 45), (3, 8, 1, 5, 62), (2, 8, 2, 3, 41)],
)
def test_tiles_of_few_words(inputs, length, lanes, positions, slowness):
    """The loader comes to the next positions while its last element waits.

    A stream of such a rate shows when it has read the tile's last word.
    """
    rng = np.random.default_rng(0)
    common: dict[str, Any] = {"bits": 3, "length": length, "relu": False}
    layer = random_layer(rng, Shape(inputs, 1, 6 * positions), 5, **common)
    banks = [random_bank(rng, 3, 1) for _ in range(2)]
    network = Network(name="fast", layers=(layer,), activation_bank=banks[0], weight_bank=banks[1])
    array = Array(channels=1, positions=positions, lanes=lanes)
    check(network, array, Supply(rate=Fraction(1, slowness)))


@pytest.mark.parametrize(
    ("build", "supply", "seed"), cases(1, (residual_network, "limited"), (random_network, "broken"))
)
def test_inputs_in_words(build, supply, seed):
    network = worded(build(seed, bits=2, lanes=2, length=2), 2)
    array = Array(channels=2 * (1 + seed), positions=3 - seed, lanes=4 - 2 * seed, width=2)
    check(network, array, supply, beat=(16, 8)[seed])


@pytest.mark.parametrize("supply", some("limited"))
@pytest.mark.parametrize("arithmetic", ["binary", "bitserial"])
def test_arithmetic_without_streams(arithmetic, supply):
    network = residual_network(1, bits=2, lanes=2)
    array = Array(channels=2, positions=3, lanes=3, arithmetic=arithmetic)
    check(network, array, supply)


@pytest.mark.parametrize("supply", some("limited"))
def test_stream_mode(supply):
    network = streamed(random_network(1, bits=2, lanes=2))
    array = Array(channels=2, positions=8, lanes=2)
    check(network, array, supply)


@pytest.mark.parametrize("supply", some())
def test_pipelined_population_counts(supply):
    array = Array(channels=2, positions=4, lanes=18)
    assert array.pipelined
    check(random_network(3, bits=3, lanes=18), array, supply)


@pytest.mark.parametrize(
    ("build", "supply", "seed"), cases(1, (random_network, "limited"), (residual_network, "broken"))
)
def test_zeros_are_skipped(build, supply, seed):
    network = build(seed, bits=2 + seed, lanes=2, length=4)
    array = Array(channels=2, positions=2 + 3 * seed, lanes=2)
    check(network, array, supply, skip_zeros=True)


def small(arithmetic: Literal["stochastic", "bitserial"], **options) -> Program:
    """A program of which prefixes run."""
    network = random_network(0, bits=3, lanes=1, length=8, in_shape=(1, 4, 4))
    array = Array(channels=2, positions=4, lanes=2, arithmetic=arithmetic)
    return Program(network, array, weights="stream", weight_beat=8, **options)


@pytest.mark.parametrize("supply", some("limited"))
@pytest.mark.parametrize("arithmetic", ["stochastic", "bitserial"])
def test_every_prefix_at_run_time(arithmetic, supply):
    """Each takes a frame of its own, and its cycles."""
    program = small(arithmetic, run_time_length=True)
    lengths = list(program.prefixes)
    lengths = [lengths[0], *lengths[::-1]]
    images = random_images(program.network, len(lengths))
    logs = [length.bit_length() - 1 for length in lengths]
    answers, happened = run_fed(program, images, supply, lengths=logs)
    for i, length in enumerate(lengths):
        one = slice(i, i + 1)
        prefix = program.prefixes[length]
        compare(answers[one], run_shorter(program.network, prefix, images[one], arithmetic)[-1])
    runs = [[program.prefix_programs[length]] for length in lengths]
    compare_cycles(program, runs, answers, happened, supply)


@pytest.mark.parametrize("supply", some("limited", "broken"))
@pytest.mark.parametrize("decided", [False, True])
@pytest.mark.parametrize("arithmetic", ["stochastic", "bitserial"])
def test_early_termination(arithmetic, decided, supply):
    """Each of an image's runs takes a frame, and begins again at its length if that is broken.

    There are two, or the shortest decides.
    """
    program = small(arithmetic, early_termination=True)
    shortest, *_, longest = lengths = sorted(program.prefixes)
    images = random_images(program.network, 2)
    threshold = 0 if decided else (1 << program.score_bits) - 1
    rungs = [{"threshold": threshold, "run": length == shortest} for length in lengths[:-1]]
    logs = [longest.bit_length() - 1] * len(images)
    answers, happened = run_fed(program, images, supply, lengths=logs, rungs=rungs)
    ran = (shortest,) if decided else (shortest, longest)
    prefix = program.prefixes[ran[-1]]
    compare(answers, run_shorter(program.network, prefix, images, arithmetic)[-1])
    runs = [program.prefix_programs[length] for length in ran]
    compare_cycles(program, [runs] * len(images), answers, happened, supply)
