"""The search by itself: what it may draw, determinism, and that it gets better."""

import numpy as np
import pytest

from bitrain.nn import StreamSource
from bitrain.sng.search import DEFAULT_SOURCES, Sources, Space, periods, search_sources, source_of
from bitrain.spec import LaneWire, Ramp, SngBank

WORST = Sources(StreamSource(kind="ramp", seed=31), StreamSource(kind="ramp", seed=31))


def _cost(pair: Sources) -> float:
    """Least, 0, for van der Corput with seed 0 in both banks."""
    return sum(s.seed + 8 * (s.kind != "van_der_corput") for s in pair)


def test_gets_better_and_never_worse() -> None:
    found = search_sources(_cost, Space(5, 16), [WORST], budget=400)
    errors = list(found.values())
    assert errors == sorted(errors)
    assert errors[0] < 8 < _cost(WORST)
    assert all(_cost(pair) == error for pair, error in found.items())
    lowest = Sources(*[StreamSource(kind="van_der_corput")] * 2)
    assert next(iter(search_sources(_cost, Space(5, 16), [lowest], budget=3))) == lowest


def test_same_seed_same_pairs_within_the_budget() -> None:
    steps = []
    runs = [
        search_sources(
            _cost, Space(4, 6), [WORST], budget=50, seed=seed, progress=lambda: steps.append(1)
        )
        for seed in (1, 1, 2)
    ]
    assert list(runs[0].items()) == list(runs[1].items()) != list(runs[2].items())
    assert len(runs[0]) <= 51
    assert len(steps) <= 150


@pytest.mark.parametrize(("bits", "lanes"), [(2, 1), (3, 6), (5, 16)])
def test_everything_drawn_is_a_bank_and_is_recognised(bits, lanes) -> None:
    space, rng = Space(bits, lanes), np.random.default_rng(0)
    source, seen = space.draw(rng), set()
    for step in range(200):
        bank = source.bank(bits, lanes)
        again = source_of(bank)
        assert again is not None and again.bank(bits, lanes) == bank
        assert source.period is None or 1 < source.period < lanes
        seen.add((source.kind, source.wiring if lanes > 1 else None))
        source = space.move(rng, source) if step % 2 else space.draw(rng)
    assert len(seen) == (16 if lanes > 1 else 4)


def test_bank_of_other_wiring_has_no_source() -> None:
    wires = (LaneWire(invert=1), LaneWire(rotate=2))
    assert source_of(SngBank(sequence=Ramp(width=4), lanes=wires)) is None


def test_periods_and_wirings() -> None:
    assert [periods(n) for n in (1, 2, 6, 8)] == [[1], [1, 2], [1, 2, 4, 6], [1, 2, 4, 8]]
    assert DEFAULT_SOURCES.num_wirings(16) == 16
    assert WORST.num_wirings(16) == 1
    two = StreamSource(kind="lfsr", wiring="mixed", period=2)
    assert WORST._replace(weight=two).num_wirings(16) == 2
