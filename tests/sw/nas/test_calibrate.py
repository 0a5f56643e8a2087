"""A fit to a machine whose speed is known, and to this one."""

import random

import pytest

from bitrain.nas.calibrate import Sample, _ranks, calibrate, fit_samples, read_calibration
from bitrain.profile.cost import model_cost
from bitrain.spec import BitrainError

MAC, WORD, OPERATION = 3e-10, 2e-8, 1e-5


def machine(noise=0.0, mac=MAC, word=WORD):
    """A timer for a machine of these rates."""
    generator = random.Random(0)

    def measure(modules, batch_size):
        found = {}
        for name, (module, shape) in modules.items():
            cost = model_cost(module, shape)
            seconds = mac * cost.macs + word * cost.memory_access + OPERATION
            found[name] = seconds * batch_size * (1 + noise * generator.uniform(-1, 1))
        return found

    return measure


@pytest.mark.parametrize("batch_size", [1, 8])
def test_the_rates_of_a_machine_are_found(batch_size):
    found = calibrate(widths=(4, 8, 16), sizes=(8, 16), batch_size=batch_size, timer=machine())
    assert found.rates == pytest.approx((MAC, WORD), rel=1e-3)
    assert found.operation == pytest.approx(OPERATION, rel=1e-3)
    assert found.both.r2 == pytest.approx(1) and found.both.rank_correlation > 0.999
    assert found.macs_alone.r2 < 0.9, "memory access explains the rest"
    assert found.macs_alone.rank_correlation < found.both.rank_correlation
    assert found.batch_size == batch_size and found.measured > 80


def test_noise_is_told_from_a_perfect_fit():
    found = calibrate(widths=(4, 8, 16), sizes=(8, 16), timer=machine(noise=0.1))
    assert found.rates == pytest.approx((MAC, WORD), rel=0.3)
    assert 0.9 < found.both.r2 < 0.9999


def test_nothing_is_negative():
    """Where more memory access takes less time, it counts nothing."""
    found = calibrate(widths=(4, 8), sizes=(8, 16), timer=machine(word=-1e-10))
    assert found.word == 0 and found.mac > 0


def test_what_is_held_out_was_not_fitted():
    """Seconds without any rule cannot be told."""
    generator = random.Random(1)
    samples = [
        Sample(
            name=str(i),
            macs=generator.randrange(100),
            memory_access=generator.randrange(100),
            seconds=generator.random(),
        )
        for i in range(40)
    ]
    assert fit_samples(samples).both.r2 < 0.2


def test_ranks_of_equal_values():
    assert _ranks(pytest.importorskip("numpy").array([5, 1, 5, 9])).tolist() == [1.5, 0, 1.5, 3]


def test_this_machine():
    found = calibrate(widths=(4,), sizes=(4, 8), repeats=2)
    assert found.measured > 20 and max(*found.rates, found.operation) > 0


def test_a_file_is_read_back(tmp_path):
    found = calibrate(widths=(4, 8), sizes=(8,), timer=machine())
    path = tmp_path / "calibration.json"
    path.write_text(found.model_dump_json())
    assert read_calibration(path) == found


@pytest.mark.parametrize("text", [None, "nonsense", "{}"])
def test_a_file_that_is_none(tmp_path, text):
    path = tmp_path / "calibration.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(BitrainError, match=r"calibration.json: not a file of bitrain search cali"):
        read_calibration(path)
