"""Primitive polynomials: their known number, and LFSRs that run through every state."""

import pytest

from bitrain.spec import Lfsr
from bitrain.spec.polynomial import primitive_taps
from bitrain.spec.sequence import LFSR_TAPS

NUMBERS = {2: 1, 3: 2, 4: 2, 5: 6, 6: 6, 7: 18, 8: 16, 9: 48, 10: 60, 11: 176}
"""φ(2^n - 1) / n, OEIS A011260."""


@pytest.mark.parametrize(("width", "number"), NUMBERS.items())
def test_number_of_polynomials(width, number) -> None:
    taps = primitive_taps(width)
    assert len(set(taps)) == len(taps) == number
    assert LFSR_TAPS[width] in taps


@pytest.mark.parametrize("width", [4, 6, 8])
def test_every_one_drives_an_lfsr(width) -> None:
    for taps in primitive_taps(width):
        assert len(set(Lfsr(width=width, taps=taps).values.tolist())) == 1 << width
