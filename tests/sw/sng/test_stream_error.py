"""Errors and correlations against their definitions, one operand at a time."""

import numpy as np
import pytest
from convolutions import lane_bits
from networks import random_images, random_network

from bitrain.nn import ScConfig, StreamSource
from bitrain.sng.correlation import scc
from bitrain.sng.operands import sample_operands
from bitrain.sng.stream_error import Banks, overall, stream_report, sum_errors

BITS, LANES, LENGTH = 3, 2, 4


@pytest.fixture
def operands():
    network = random_network(1, bits=BITS, lanes=LANES, length=LENGTH, in_shape=(1, 6, 6))
    images = random_images(network, 3)
    return sample_operands(network, images, np.random.default_rng(0), windows=3)


def _banks(*sources: StreamSource) -> Banks:
    return Banks(*(source.bank(BITS, LANES) for source in sources))


@pytest.mark.parametrize("generator", ["comparator", "multiplexer"])
def test_against_the_definitions(operands, generator) -> None:
    lfsr = StreamSource(kind="lfsr", wiring="rotated", generator=generator)
    banks = _banks(lfsr, StreamSource(kind="sobol", seed=3))
    one = 1 << BITS
    for of_layer, report in zip(operands, stream_report(banks, operands), strict=True):
        sums, products, correlations = [], [], []
        for window in of_layer.windows[:, :, 0, 0]:
            for channel, row in enumerate(of_layer.layer.weight_matrix):
                error = 0.0
                for k, (a, w) in enumerate(zip(window, row, strict=True)):
                    first, second = (
                        lane_bits(bank, k, number, LENGTH)
                        for bank, number in zip(banks, (a, abs(w)), strict=True)
                    )
                    both = (first & second).sum()
                    products.append(both - LENGTH * a * abs(w) / one**2)
                    correlations.append(float(scc(both, first.sum(), second.sum(), LENGTH)))
                    error += np.sign(w) * products[-1]
                sums.append(error / of_layer.step[channel])
        assert report.sums.rms == pytest.approx(np.sqrt(np.square(sums).mean()))
        assert report.sums.bias == pytest.approx(np.mean(sums))
        assert report.sums.worst == pytest.approx(np.abs(sums).max())
        assert report.product_rms == pytest.approx(np.sqrt(np.square(products).mean()))
        assert report.scc == pytest.approx(np.nanmean(correlations))
        assert report.scc_magnitude == pytest.approx(np.nanmean(np.abs(correlations)))


def test_lanes_that_share_their_values_are_correlated(operands) -> None:
    config = ScConfig(bits=BITS, lanes=LANES)
    report = stream_report(Banks(*config.banks()), operands)[0]
    assert report.weight_scc == 1
    assert report.activation_scc < 1


def test_overall(operands) -> None:
    errors = sum_errors(Banks(*ScConfig(bits=BITS, lanes=LANES).banks()), operands)
    total = overall(errors)
    assert min(e.rms for e in errors) < total.rms < max(e.rms for e in errors)
    assert total.worst == max(error.worst for error in errors)


def test_banks_of_the_same_values_are_not_valid() -> None:
    van_der_corput = StreamSource(kind="van_der_corput")
    assert not _banks(van_der_corput, van_der_corput).valid
    inverted = StreamSource(kind="van_der_corput", wiring="inverted")
    assert not _banks(van_der_corput, inverted).valid  # lane 0
    assert _banks(van_der_corput, StreamSource(kind="ramp")).valid


def test_banks_that_select_the_same_bits_are_not_valid() -> None:
    """A counter has its lowest one where it has it counting down."""
    up, down = (
        StreamSource(kind="van_der_corput", direction=direction, generator="multiplexer")
        for direction in ("up", "down")
    )
    assert not _banks(up, down).valid
    compared = (each.model_copy(update={"generator": "comparator"}) for each in (up, down))
    assert _banks(*compared).valid


def neuron_error(config: ScConfig, length: int) -> float:
    """Of neurons of 16 inputs, 30 % of them zero, with normal weights: rms in product bits."""
    rng, one = np.random.default_rng(0), 1 << config.bits
    a = rng.integers(0, one + 1, (2000, 16)) * (rng.random((2000, 16)) > 0.3)
    w = np.clip(np.rint(rng.normal(0, 0.35 * one, a.shape)), -one, one).astype(int)
    lanes, (first, second) = np.arange(16), config.banks()
    both = lane_bits(first, lanes, a, length) & lane_bits(second, lanes, np.abs(w), length)
    error = (both.sum(-1) - a * np.abs(w) * length / one**2) * np.sign(w)
    return float(np.sqrt((error.sum(1) ** 2).mean()))


VAN_DER_CORPUT = StreamSource(kind="van_der_corput", generator="multiplexer")
RAMP = StreamSource(kind="ramp")
SOBOL = StreamSource(kind="sobol", generator="multiplexer")


@pytest.mark.parametrize("bits", [3, 4, 5])
def test_two_multiplexers_are_nearer_to_products_than_the_default_pair(bits) -> None:
    """At the whole length and at every prefix from 4 cycles on."""
    pair = ScConfig(bits=bits, activation_source=VAN_DER_CORPUT, weight_source=SOBOL)
    for length in (4 << i for i in range(bits - 1)):
        assert neuron_error(pair, length) < 0.85 * neuron_error(ScConfig(bits=bits), length)


@pytest.mark.parametrize(
    ("sources", "errors"),
    [
        ((), (1.62, 1.52, 1.41)),
        ((VAN_DER_CORPUT, SOBOL), (1.03, 1.02, 1.16)),
        ((VAN_DER_CORPUT, RAMP), (3.09, 3.54, 1.49)),
        ((RAMP, VAN_DER_CORPUT), (1.65, 2.31, 1.13)),
    ],
)
def test_errors_that_are_documented(sources, errors) -> None:
    """n = 4 at L = 4, 8 and 16 (docs/arithmetic.md)."""
    names = ("activation_source", "weight_source")
    config = ScConfig(bits=4, **dict(zip(names, sources, strict=False)))
    assert [neuron_error(config, L) for L in (4, 8, 16)] == pytest.approx(errors, rel=0.03)
