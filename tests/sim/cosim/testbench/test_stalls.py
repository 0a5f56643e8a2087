"""Pauses of the streams: bounded, seeded, and none at full rate."""

from itertools import islice
from random import Random

import pytest

from bitrain.cosim.testbench.stalls import BURSTS, HEAVY, LIGHT, NONE, Stalls


def draw(stalls: Stalls, seed: int = 0, count: int = 2000) -> list[int]:
    return list(islice(stalls.pauses(Random(seed)), count))


def test_full_rate_never_pauses():
    assert set(draw(NONE)) == {0}


@pytest.mark.parametrize("stalls", [LIGHT, HEAVY, BURSTS])
def test_pauses_are_bounded_and_as_frequent_as_said(stalls):
    pauses = draw(stalls)
    assert min(pauses) == 0
    assert max(pauses) <= stalls.longest
    share = sum(pause > 0 for pause in pauses) / len(pauses)
    assert share == pytest.approx(stalls.probability, abs=0.05)


def test_seed_decides():
    assert draw(HEAVY, 1) == draw(HEAVY, 1) != draw(HEAVY, 2)
