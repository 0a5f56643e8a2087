"""Sequences: each value once per period, and the figures of their sources."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import random_network
from own_sequence import installed
from pydantic import TypeAdapter, ValidationError
from scipy.stats import qmc
from strategies import sequences

from bitrain.spec import (
    BitrainError,
    Lfsr,
    NumberSequence,
    Ramp,
    Sequence,
    Sobol,
    VanDerCorput,
    find_sequence,
    load_network,
    register_sequence,
    save_network,
)
from bitrain.spec.sequence import LFSR_TAPS, MAX_SOBOL_DIMENSION, MAX_WIDTH, MIN_WIDTH

WIDTHS = range(MIN_WIDTH, MAX_WIDTH + 1)
KINDS = [Lfsr, Ramp, VanDerCorput, *(f"sobol{d}" for d in range(1, MAX_SOBOL_DIMENSION + 1))]


def make(kind, width: int, **fields):
    if isinstance(kind, str):
        return Sobol(width=width, dimension=int(kind.removeprefix("sobol")), **fields)
    return kind(width=width, **fields)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("kind", KINDS)
def test_each_value_once(kind, width):
    values = make(kind, width).values
    assert values.dtype == np.uint16
    assert np.array_equal(np.sort(values), np.arange(1 << width))


@settings(deadline=None, max_examples=60)
@given(data=st.data(), bits=st.integers(2, 10))
def test_seed_and_direction_only_start_elsewhere_and_turn_round(data, bits):
    sequence = data.draw(sequences(bits))
    forward = sequence.model_copy(
        update={"seed": 0, **({"direction": "up"} if hasattr(sequence, "direction") else {})}
    )
    period = 1 << bits
    values, base = sequence.values, forward.values
    start = int(np.flatnonzero(base == values[0])[0])
    step = -1 if getattr(sequence, "direction", "up") == "down" else 1
    assert np.array_equal(values, base[(start + step * np.arange(period)) % period])
    if isinstance(sequence, Lfsr):
        assert values[0] == sequence.seed
    else:
        assert start == sequence.seed


def test_values_are_read_only():
    with pytest.raises(ValueError, match="read-only"):
        Ramp(width=4).values[0] = 1


# --- LFSR --------------------------------------------------------------------------------------


def order_of_x(taps: tuple[int, ...], width: int) -> int:
    """Order of x modulo the polynomial 1 + Σ x^t over GF(2), 0 if it has none."""
    polynomial = 1 | sum(1 << tap for tap in taps)
    power = 1
    for exponent in range(1, 1 << width):
        power <<= 1
        if power >> width:
            power ^= polynomial
        if power == 1:
            return exponent
    return 0


@pytest.mark.parametrize("width", WIDTHS)
def test_taps_of_the_table_are_primitive(width):
    assert max(LFSR_TAPS[width]) == width
    assert order_of_x(LFSR_TAPS[width], width) == (1 << width) - 1


@pytest.mark.parametrize("width", range(MIN_WIDTH, 8))
def test_taps_are_accepted_if_and_only_if_they_are_primitive(width):
    for size in range(width):
        for low in combinations(range(1, width), size):
            taps = (width, *low)
            if order_of_x(taps, width) == (1 << width) - 1:
                assert len(set(Lfsr(width=width, taps=taps).values.tolist())) == 1 << width
            else:
                with pytest.raises(ValidationError, match="not a primitive polynomial"):
                    Lfsr(width=width, taps=taps)


@pytest.mark.parametrize("taps", [(5, 0), (6, 5), (4, 3), (-1, 5)])
def test_taps_out_of_range(taps):
    with pytest.raises(ValidationError, match=r"must lie in 1 … 5 and hold 5"):
        Lfsr(width=5, taps=taps)


@pytest.mark.parametrize("width", WIDTHS)
def test_lfsr_without_zero_is_the_maximal_lfsr(width):
    """Between two visits of 0 stands the plain LFSR: each state is a shift of the one before."""
    state, taps = 1, LFSR_TAPS[width]
    plain = []
    for _ in range((1 << width) - 1):
        plain.append(state)
        feedback = sum(state >> (tap - 1) & 1 for tap in taps) % 2
        state = (state << 1 | feedback) & ((1 << width) - 1)
    values = Lfsr(width=width, seed=1).values
    assert values[values != 0].tolist() == plain


# --- counters ----------------------------------------------------------------------------------


@pytest.mark.parametrize("width", WIDTHS)
def test_van_der_corput_is_the_reversed_count(width):
    expected = [int(f"{t:0{width}b}"[::-1], 2) for t in range(1 << width)]
    assert VanDerCorput(width=width).values.tolist() == expected


@pytest.mark.parametrize("width", [4, 8])
def test_van_der_corput_is_stratified(width):
    """Each of the first 2^k values lies in another of 2^k equal intervals, from any start."""
    values = VanDerCorput(width=width, seed=3).values
    for k in range(width + 1):
        for first in range(0, (1 << width) - (1 << k) + 1, 1 << k):
            intervals = values[first : first + (1 << k)] >> (width - k)
            assert len(set(intervals.tolist())) == 1 << k


@pytest.mark.parametrize("width", [5, 8, 12])
def test_sobol_is_that_of_scipy(width):
    """scipy goes through the points in the order of the Gray code."""
    reference = qmc.Sobol(MAX_SOBOL_DIMENSION, scramble=False, bits=width).random(1 << width)
    reference = (reference * (1 << width)).astype(int)
    count = np.arange(1 << width)
    for dimension in range(1, MAX_SOBOL_DIMENSION + 1):
        values = Sobol(width=width, dimension=dimension).values
        assert np.array_equal(values[count ^ count >> 1], reference[:, dimension - 1])


@pytest.mark.parametrize("dimension", range(1, MAX_SOBOL_DIMENSION + 1))
@pytest.mark.parametrize("width", [2, 3, 4])
def test_narrow_sobol_is_the_beginning_of_a_wide_one(width, dimension):
    wide = Sobol(width=8, dimension=dimension).values
    expected = wide[: 1 << width] >> (8 - width)
    assert np.array_equal(Sobol(width=width, dimension=dimension).values, expected)


def test_sobol_1_is_van_der_corput():
    assert np.array_equal(Sobol(width=9, dimension=1).values, VanDerCorput(width=9).values)


# --- validation --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Lfsr, Ramp, VanDerCorput, Sobol])
@pytest.mark.parametrize("width", [MIN_WIDTH - 1, MAX_WIDTH + 1])
def test_width_out_of_range(kind, width):
    with pytest.raises(ValidationError, match="width"):
        kind(width=width)


@pytest.mark.parametrize("kind", [Lfsr, Ramp, VanDerCorput, Sobol])
def test_seed_out_of_range(kind):
    with pytest.raises(ValidationError, match="seed 16 needs more than 4 bits"):
        kind(width=4, seed=16)
    with pytest.raises(ValidationError, match="greater than or equal to 0"):
        kind(width=4, seed=-1)


@pytest.mark.parametrize("dimension", [0, MAX_SOBOL_DIMENSION + 1])
def test_dimension_out_of_range(dimension):
    with pytest.raises(ValidationError, match="dimension"):
        Sobol(width=4, dimension=dimension)


@settings(deadline=None, max_examples=40)
@given(data=st.data(), bits=st.integers(2, 10))
def test_json_round_trip(data, bits):
    adapter = TypeAdapter(Sequence)
    sequence = data.draw(sequences(bits))
    assert adapter.validate_json(adapter.dump_json(sequence)) == sequence


def test_comparing_sequences_whose_values_were_taken():
    first, second = Lfsr(width=4, seed=1), Lfsr(width=4, seed=1)
    assert first.values is second.values
    assert first == second != Lfsr(width=4, seed=2)
    assert first.model_copy(update={"seed": 2}).values[0] == 2


def test_unknown_kind_and_field():
    adapter = TypeAdapter(Sequence)
    with pytest.raises(BitrainError, match="no sequence is called 'random'"):
        adapter.validate_python({"kind": "random", "width": 4})
    with pytest.raises(ValidationError, match="taps: there is no such option"):
        adapter.validate_python({"kind": "ramp", "width": 4, "taps": (4, 3)})


# --- kinds of one's own ------------------------------------------------------------------------


@pytest.fixture
def weyl(tmp_path):
    with installed(tmp_path):
        yield find_sequence("weyl")


def test_entry_point_makes_a_kind_known(weyl):
    assert weyl(width=3, multiplier=5, seed=1).values.tolist() == [5, 2, 7, 4, 1, 6, 3, 0]
    assert weyl(width=4).values.tolist()[:4] == [0, 5, 10, 15]


def test_file_with_a_kind_of_its_own(weyl, tmp_path):
    sequence = weyl(width=3, multiplier=3, seed=2)
    network = random_network(1, bits=3, lanes=2)
    bank = network.weight_bank.model_copy(update={"sequence": sequence})
    network = network.model_copy(update={"weight_bank": bank})
    save_network(network, tmp_path / "net.npz")
    assert load_network(tmp_path / "net.npz").weight_bank.sequence == sequence


@pytest.mark.parametrize("multiplier", [2, 8])
def test_period_that_repeats_is_refused(weyl, multiplier):
    with pytest.raises(ValidationError, match=r"does not have each of 2\^3 values once"):
        weyl(width=3, multiplier=multiplier)


def test_options_of_a_kind_are_checked(weyl):
    adapter = TypeAdapter(Sequence)
    for options, message in (
        ({"multiplier": 0}, "multiplier: 0: expected at least 1"),
        ({"step": 1}, "step"),
    ):
        with pytest.raises(ValidationError, match=message):
            adapter.validate_python({"kind": "weyl", "width": 3, **options})


def test_name_that_is_taken_is_refused():
    class Other(Ramp, frozen=True):
        pass

    assert register_sequence(Ramp) is Ramp  # again
    with pytest.raises(BitrainError, match=r"Other: a sequence of kind 'ramp' is there already"):
        register_sequence(Other)


def test_kind_must_be_a_literal():
    class Named(NumberSequence, frozen=True):
        kind: str = "named"

        def period(self):
            return range(1 << self.width)

    with pytest.raises(BitrainError, match=r"Named: expected a field 'kind', a Literal with"):
        register_sequence(Named)


def test_unknown_name_lists_what_there_is():
    with pytest.raises(BitrainError, match=r"'weyl'; there are lfsr, ramp, van_der_corput, sobol"):
        find_sequence("weyl")


CLASS = """
from typing import Literal
from bitrain.spec import NumberSequence
class Weyl(NumberSequence, frozen=True):
    kind: Literal["{kind}"] = "{kind}"
"""


@pytest.mark.parametrize(
    "source",
    [
        "import no_such_module",
        "import sys; sys.exit(7)",
        "Weyl = 3",
        "class Weyl: pass",
        CLASS.format(kind="weyl"),
        CLASS.format(kind="other") + "    def period(self): return range(1 << self.width)",
        CLASS.format(kind="weyl").replace("kind:", "sort:"),
    ],
)
def test_broken_package_is_named(tmp_path, source):
    with installed(tmp_path):
        (tmp_path / "weyl.py").write_text(source)
        with pytest.raises(
            BitrainError, match=r"entry point weyl = weyl:Weyl of bitrain.sequences"
        ):
            find_sequence("weyl")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("pass", r"Weyl\.period: .* must be an iterable"),
        ("raise RuntimeError('no')", "Weyl.period: no"),
        ("return [0.0, 1.0, 2.0, 3.0]", "does not have each of 2.2 values once"),
    ],
)
def test_period_that_is_none(tmp_path, body, message):
    with installed(tmp_path):
        source = CLASS.format(kind="weyl") + f"    def period(self): {body}"
        (tmp_path / "weyl.py").write_text(source)
        with pytest.raises(ValidationError, match=message):
            find_sequence("weyl").model_validate({"width": 2})


def test_broken_package_bothers_no_other(tmp_path):
    with installed(tmp_path):
        (tmp_path / "weyl.py").write_text("import no_such_module")
        with pytest.raises(BitrainError, match=r"no sequence is called 'other'; there are .*weyl"):
            find_sequence("other")
