"""What a pair of SNG banks costs a network: errors of sums and products, and correlations."""

from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np

from bitrain import golden
from bitrain.spec import SngBank

from .correlation import product_counts, scc_table
from .operands import Operands

MAX_LANE_PAIRS = 32
"""Pairs of lanes that the correlation within a bank is averaged over, evenly chosen."""


class Banks(NamedTuple):
    """The two banks of a network."""

    activation: SngBank
    weight: SngBank

    @property
    def valid(self) -> bool:
        """Whether no lane sees the same in both banks, so that its streams would be no products."""
        return not self.activation.meets(self.weight).size


class SumError(NamedTuple):
    """Error of accumulators against exact products, in steps of the layer's output."""

    rms: float
    bias: float
    worst: float


@dataclass(frozen=True)
class StreamReport:
    """How good a pair of banks is for the operands of one layer."""

    layer: str
    stream_length: int
    sums: SumError
    product_rms: float
    """Error of a single product under the layer's operands, root mean square, in product bits."""
    scc: float
    """SCC of activation and weight stream, mean over operands and lanes; 0 is best."""
    scc_magnitude: float
    """The same of its magnitude, which does not cancel."""
    activation_scc: float
    """SCC between two lanes of the activation bank; 1 where they share their values."""
    weight_scc: float


def sum_errors(banks: Banks, operands: tuple[Operands, ...]) -> list[SumError]:
    """Error of every layer's accumulators, by the golden model."""
    update = {"activation_bank": banks.activation, "weight_bank": banks.weight}
    errors = []
    for of_layer in operands:
        scores = golden.run(of_layer.neurons.model_copy(update=update), of_layer.windows)[-1]
        error = (scores.reshape(of_layer.exact.shape) - of_layer.exact) / of_layer.step
        rms, worst = np.sqrt((error**2).mean()), np.abs(error).max()
        errors.append(SumError(float(rms), float(error.mean()), float(worst)))
    return errors


def overall(errors: list[SumError]) -> SumError:
    """All layers counted alike: root mean square, mean and greatest."""
    rms, bias, worst = np.array(errors).T
    return SumError(float(np.sqrt((rms**2).mean())), float(bias.mean()), float(worst.max()))


def stream_report(banks: Banks, operands: tuple[Operands, ...]) -> list[StreamReport]:
    """The report of every layer."""
    reports = []
    for of_layer, sums in zip(operands, sum_errors(banks, operands), strict=True):
        layer, one = of_layer.layer, 1 << banks.activation.sequence.width
        length = layer.stream_length
        streams = _Streams(banks.activation, length), _Streams(banks.weight, length)
        histograms = [
            np.stack([np.bincount(column, minlength=one + 1) for column in numbers.T])
            for numbers in (of_layer.windows[:, :, 0, 0], np.abs(layer.weight_matrix))
        ]
        product_rms, scc, magnitude = _products(*streams, histograms)
        within = (
            _between_lanes(of_bank, histogram.sum(0))
            for of_bank, histogram in zip(streams, histograms, strict=True)
        )
        reports.append(StreamReport(layer.name, length, sums, product_rms, scc, magnitude, *within))
    return reports


class _Streams:
    """Streams of all numbers 0 … 2^n at each lane of a bank."""

    def __init__(self, bank: SngBank, length: int):
        self.bank = bank
        self.selects = bank.selects(length)

    def at(self, lane: int) -> np.ndarray:
        """(2^n + 1, L), bool."""
        numbers = np.arange((1 << self.bank.sequence.width) + 1)
        return self.bank.bits(self.selects[lane], numbers[:, None])


def _products(
    activations: _Streams, weights: _Streams, histograms: list[np.ndarray]
) -> tuple[float, float, float]:
    """Root mean square product error, mean SCC and its mean magnitude.

    histograms: how often input k is a or m, (K, 2^n + 1); k uses lane k mod N.
    """
    lanes, length = activations.selects.shape
    one = histograms[0].shape[1] - 1
    exact = np.multiply.outer(np.arange(one + 1), np.arange(one + 1)) * (length / one**2)
    totals = np.zeros(5)
    for lane in range(lanes):
        of_activations, of_weights = (histogram[lane::lanes] for histogram in histograms)
        share = of_activations.T.astype(np.float64) @ of_weights
        counts = product_counts(activations.at(lane), weights.at(lane))
        scc = scc_table(counts)
        defined = np.where(np.isnan(scc), 0, share)
        scc = np.nan_to_num(scc)
        errors = share * (counts - exact) ** 2
        terms = (share, errors, defined, defined * scc, defined * np.abs(scc))
        totals += [term.sum() for term in terms]
    products, squares, streams, scc, magnitude = totals
    streams = streams or np.nan
    return float(np.sqrt(squares / products)), float(scc / streams), float(magnitude / streams)


def _between_lanes(streams: _Streams, histogram: np.ndarray) -> float:
    """Mean SCC of the streams that two lanes of a bank make of numbers drawn independently."""
    pairs = list(combinations(range(len(streams.selects)), 2))
    pairs = pairs[:: -(-len(pairs) // MAX_LANE_PAIRS) or 1]
    share = np.multiply.outer(histogram, histogram).astype(np.float64)
    total = weight = 0.0
    for first, second in pairs:
        scc = scc_table(product_counts(streams.at(first), streams.at(second)))
        weight += np.where(np.isnan(scc), 0, share).sum()
        total += (share * np.nan_to_num(scc)).sum()
    return float(total / weight) if weight else np.nan
