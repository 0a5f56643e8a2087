"""Cycles where weights come on a stream; tests/hw/rtl/ports/test_streamed_weights.py holds them
against the hardware."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import (
    dense_network,
    grouped_network,
    padded_network,
    random_network,
    residual_network,
    worded,
)

from bitrain.cost import estimate, skipping_cycles
from bitrain.cost.cycles import IMAGE_OVERHEAD, judge_cycles
from bitrain.cost.weight_stream import WeightFeed, latency_fed, layers_fed
from bitrain.program import Array, Options, Program

BUILDS = (random_network, residual_network, grouped_network, dense_network, padded_network)
LONG_AGO = -(1 << 40)


class Full(WeightFeed):
    """Weights that are always there."""

    def begin(self) -> int:
        return LONG_AGO

    def end(self, cycle: int) -> None:
        del cycle


@st.composite
def programs(draw, beats=(8, 16, 64, 1024), *, skip_zeros: bool = False) -> tuple[Program, Program]:
    """The same network with weights on a stream, and in ROM."""
    bits, lanes = draw(st.integers(2, 4)), draw(st.integers(1, 3))
    build, seed = draw(st.sampled_from(BUILDS)), draw(st.integers(0, 50))
    network = build(seed, bits=bits, lanes=lanes, length=1 << draw(st.integers(0, bits)))
    width = draw(st.sampled_from([1, 2]))
    array = Array(
        channels=width * draw(st.integers(1, 3)),
        positions=draw(st.integers(1, 9)),
        lanes=width * lanes * draw(st.integers(1, 2)),
        width=width,
    )
    rom: Options = {"skip_zeros": skip_zeros}
    if width == 1 and not skip_zeros:
        rom["run_time_length"] = draw(st.booleans())
    network = worded(network, 2) if width > 1 else network
    fed: Options = {**rom, "weights": "stream", "weight_beat": draw(st.sampled_from(beats))}
    return Program(network, array, **fed), Program(network, array, **rom)


def drawn_zeros(program: Program, seed: int) -> list[np.ndarray]:
    """Of an image, as ``layers_fed`` takes them."""
    rng = np.random.default_rng(seed)
    pairs = zip(program.network.layers, program.tilings, strict=True)
    return [
        rng.random((layer.groups, tiling.position_tiles, tiling.chunks)) < rng.random()
        for layer, tiling in pairs
    ]


# --- the feed ----------------------------------------------------------------------------------


def counted(beats: Sequence[int], ends: Sequence[int], rate: Fraction) -> list[int]:
    """When tiles can be begun, cycle by cycle: tile k's words are all read in cycle ``ends[k]``."""
    ready: list[int] = []
    cycle, missing, offered = 1, beats[2 % len(beats)], True
    while len(ready) < len(ends):
        slot = (cycle + 1) * rate.numerator // rate.denominator
        offered |= slot > cycle * rate.numerator // rate.denominator
        ended = sum(end < cycle for end in ends)
        if offered and ended > len(ready):
            offered, missing = False, missing - 1
            if not missing:
                ready.append(cycle + 1)
                missing = beats[(2 + len(ready)) % len(beats)]
        cycle += 1
    return ready


rates = st.builds(lambda a, b: Fraction(min(a, b), max(a, b)), st.integers(1, 9), st.integers(1, 9))


@settings(deadline=None, max_examples=30)
@given(seed=st.sampled_from([4, 5, 11]), beat=st.sampled_from([8, 64]), rate=rates, data=st.data())
def test_tiles_come_as_slots_and_halves_permit(seed, beat, rate, data):
    """With pauses of the reader from none to long ones."""
    network = random_network(seed, bits=3, lanes=1, in_shape=(1, 4, 4))
    array = Array(channels=2, positions=2, lanes=1)
    program = Program(network, array, weights="stream", weight_beat=beat)
    feed = WeightFeed(program, rate)
    beats = [
        words * program.weight_parts
        for tiling, words in zip(program.tilings, program.weight_tiles, strict=True)
        for _ in range(tiling.channel_tiles)
    ]
    gaps = data.draw(st.lists(st.integers(1, 150), min_size=1, max_size=20))
    ends = [sum(gaps[: i + 1]) for i in range(len(gaps))]
    assert feed.begin() < 0 and feed.begin() < 0
    for end in ends:
        feed.end(end)
    assert [feed.begin() for _ in ends] == counted(beats, ends, rate)


def test_what_waits_for_room_is_taken_in_the_cycle_after():
    """It has been offered since; the next beats have slots of their own."""
    network = random_network(11, bits=3, lanes=1, in_shape=(1, 4, 4))
    array = Array(channels=8, positions=2, lanes=1)
    program = Program(network, array, weights="stream", weight_beat=64)
    assert program.weight_tiles == [3, 8, 4]
    feed = WeightFeed(program, Fraction(1, 4))  # slots are 3, 7, 11 and so on
    for _ in range(2):
        feed.begin()
    feed.end(12)
    assert feed.begin() == 24  # four words, in cycles 13, 15, 19 and 23


# --- runs --------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=30)
@given(programs())
def test_weights_that_are_there_take_no_cycles(pair):
    fed, program = pair
    expected = [layer.cycles for layer in estimate(program).layers]
    assert layers_fed(fed, Full(fed), 0) == expected
    assert latency_fed([fed], Full(fed), 0) == estimate(program).latency


@settings(deadline=None, max_examples=25)
@given(programs(), st.integers(1, 60))
def test_a_stream_never_takes_fewer_cycles_and_slower_ones_no_fewer(pair, step):
    """Of two rates, the slower one's slots are some of the faster one's."""
    fed, program = pair
    least = 2 * estimate(program).latency
    for rate in (Fraction(1), Fraction(1, 2), Fraction(1, 2 * step), Fraction(1, 8 * step)):
        feed = WeightFeed(fed, rate)
        first = latency_fed([fed], feed, 0)
        cycles = first + latency_fed([fed], feed, first + 40)
        assert cycles >= least
        least = cycles


@pytest.mark.parametrize("positions", [1, 3])
def test_words_of_a_beat_come_in_time(positions):
    """Where each tile is read over and over while the next one comes."""
    network = random_network(3, bits=4, lanes=2)
    array = Array(channels=2, positions=positions, lanes=2)
    fed = Program(network, array, weights="stream", weight_beat=16)
    assert fed.weight_parts == 1
    feed = WeightFeed(fed)
    latency = estimate(Program(network, array)).latency
    first = latency_fed([fed], feed, 0)
    assert first == latency_fed([fed], feed, first + 100) == latency


def test_slow_streams_give_the_cycles():
    """Where weights alone take their time: a run for each frame, in the end."""
    network = random_network(3, bits=4, lanes=2, length=1)
    array = Array(channels=2, positions=4, lanes=2)
    program = Program(network, array, weights="stream", weight_beat=8)
    frame = program.num_weight_words * program.weight_parts
    slowness = 500
    feed, starts = WeightFeed(program, Fraction(1, slowness)), [0]
    for _ in range(4):
        starts.append(starts[-1] + latency_fed([program], feed, starts[-1]) + 10)
    intervals = np.diff(starts)
    assert intervals[0] < frame * slowness
    assert np.abs(intervals[1:] - frame * slowness).max() <= 1


def test_runs_of_an_image_follow_each_other():
    """Cycles of two runs are those of one and of the other, which begins when the first is over."""
    network = random_network(3, bits=4, lanes=2)
    program = Program(
        network,
        Array(channels=2, positions=4, lanes=2),
        run_time_length=True,
        weights="stream",
        weight_beat=8,
    )
    long, short = (program.prefix_programs[length] for length in (16, 4))
    together = latency_fed([short, long], WeightFeed(program, Fraction(1, 3)), 0)
    feed = WeightFeed(program, Fraction(1, 3))
    first = latency_fed([short], feed, 0)
    assert together == first + latency_fed([long], feed, first)
    overhead = IMAGE_OVERHEAD + judge_cycles(network, program.array)
    assert first == sum(layers_fed(short, WeightFeed(program, Fraction(1, 3)), 1)) + overhead


# --- zero chunks -------------------------------------------------------------------------------


@settings(deadline=None, max_examples=25)
@given(programs(skip_zeros=True), rates)
def test_no_zero_chunk_is_as_without_the_option(pair, rate):
    fed, _ = pair
    none = [np.zeros_like(zero) for zero in drawn_zeros(fed, 0)]
    expected = layers_fed(fed, WeightFeed(fed, rate), 0)
    assert layers_fed(fed, WeightFeed(fed, rate), 0, none) == expected


@settings(deadline=None, max_examples=30)
@given(programs(skip_zeros=True), st.integers(0, 2**32 - 1))
def test_zero_chunks_save_what_they_do_with_weights_in_rom(pair, seed):
    fed, program = pair
    zero = drawn_zeros(fed, seed)
    expected = skipping_cycles(program, [found[None] for found in zero]).ravel().tolist()
    least = layers_fed(fed, Full(fed), 0, zero)
    assert least == expected
    stream = layers_fed(fed, WeightFeed(fed), 0, zero)
    assert all(own >= few for own, few in zip(stream, least, strict=True))
