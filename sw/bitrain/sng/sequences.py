"""Sequences for a network: the sources of least error on the operands that it really multiplies.

Seeds, polynomials and scrambling of the lanes decide how far a short stream is from a product:
J. H. Anderson, Y. Hara-Azumi and S. Yamashita, *Effect of LFSR seeding, scrambling and feedback
polynomial on stochastic computing accuracy*, DATE 2016.
"""

from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np
import yaml
from rich.console import Console
from rich.progress import Progress

from bitrain import golden
from bitrain.data import Dataset
from bitrain.nn import torch_threads
from bitrain.spec import Network, to_unipolar

from .operands import Operands, sample_operands
from .search import DEFAULT_SOURCES, Sources, Space, periods, search_sources, source_of
from .stream_error import Banks, StreamReport, overall, stream_report, sum_errors

OPERAND_IMAGES = 64
"""Images that windows are sampled from, at most; as many others to check the choice with."""


@dataclass(frozen=True)
class SequenceReport:
    """What a search found, measured on windows and images that it did not see."""

    own: list[StreamReport]
    """Errors of the network's own banks."""
    found: list[StreamReport]
    """Errors of the sources found, which may be the network's own."""
    sources: Sources | None
    """Sources of least error; None if the network's own banks, wired in another way, are better."""
    by_wirings: dict[int, float]
    """Least root mean square error, in steps, found with so many different lane wirings."""
    images: int
    own_accuracy: float
    """Share of the images, 0 … 1, by the golden model."""
    found_accuracy: float
    tried: int
    """Pairs of sources."""
    network: Network | None
    """With the sources found; None if its own sequences are as good or better, and are kept."""


def find_sequences(
    network: Network,
    dataset: Dataset,
    *,
    images: int,
    budget: int,
    seed: int = 0,
    progress: bool = False,
) -> SequenceReport:
    """Search among ``budget`` pairs of sources; the same for the same ``seed``.

    images: training images, besides those that operands are taken from, on which the network must
    not lose accuracy. progress: show a bar.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(dataset.train_images))
    count = min(OPERAND_IMAGES, max(1, len(order) // 4))
    chosen = np.split(order, (count, 2 * count, 2 * count + images))[:3]
    with torch_threads():
        pixels = [to_unipolar(dataset.train_images[part], network.bits) for part in chosen]
        searched, checked = (sample_operands(network, part, rng) for part in pixels[:2])
        own = Banks(network.activation_bank, network.weight_bank)
        own_sources = _own_sources(own)
        with Progress(console=Console(stderr=True), disable=not progress) as bar:
            task = bar.add_task("sequences", total=budget)
            errors = search_sources(
                lambda pair: rms_error(_banks(network, pair), searched),
                Space(network.bits, network.num_lanes),
                [own_sources, DEFAULT_SOURCES] if own_sources else [DEFAULT_SOURCES],
                budget=budget,
                seed=seed,
                progress=lambda: bar.advance(task),
            )
        best = next(iter(errors))
        sources = best if errors[best] < rms_error(own, searched) else own_sources
        found = _banks(network, sources) if sources else own
        labels = dataset.train_labels[chosen[2]]
        changed = with_banks(network, found, sources)
        before, after = (_accuracy(each, pixels[2], labels) for each in (network, changed))
        better = rms_error(found, checked) < rms_error(own, checked) and after >= before
        return SequenceReport(
            own=stream_report(own, checked),
            found=stream_report(found, checked),
            sources=sources,
            by_wirings=_by_wirings(network, errors, checked),
            images=len(labels),
            own_accuracy=before,
            found_accuracy=after,
            tried=len(errors),
            network=changed if better else None,
        )


def rms_error(banks: Banks, operands: tuple[Operands, ...]) -> float:
    """Error of all layers' accumulators in steps of their outputs; inf for invalid banks."""
    return overall(sum_errors(banks, operands)).rms if banks.valid else inf


def with_banks(network: Network, banks: Banks, sources: Sources | None = None) -> Network:
    """The network with other banks of the same width and lanes, their ``sources`` noted in it."""
    changes: dict[str, Any] = {"activation_bank": banks.activation, "weight_bank": banks.weight}
    if sources:
        noted = {f"{name}_source": options for name, options in _options(sources).items()}
        changes["metadata"] = {**network.metadata, "sequences": noted}
    return Network.model_validate({**dict(network), **changes})


def sources_yaml(network: Network, sources: Sources) -> str:
    """The section of a training configuration that gives a network these banks."""
    lines = ["sc:", f"  bits: {network.bits}", f"  lanes: {network.num_lanes}"]
    lengths = {layer.stream_length for layer in network.layers}
    if len(lengths) == 1:
        lines.insert(2, f"  stream_length: {lengths.pop()}")
    for name, options in _options(sources).items():
        flow = yaml.safe_dump(options, default_flow_style=True, sort_keys=False, width=inf)
        lines.append(f"  {name}_source: {flow.strip()}")
    return "\n".join(lines)


def _options(sources: Sources) -> dict[str, dict[str, Any]]:
    """By bank, what differs from a source's defaults: JSON values."""
    return {
        bank: source.model_dump(mode="json", exclude_defaults=True)
        for bank, source in sources._asdict().items()
    }


def _accuracy(network: Network, images: np.ndarray, labels: np.ndarray) -> float:
    return float((golden.predict(network, images).argmax(1) == labels).mean())


def _banks(network: Network, sources: Sources) -> Banks:
    return Banks(*(source.bank(network.bits, network.num_lanes) for source in sources))


def _own_sources(banks: Banks) -> Sources | None:
    activation, weight = (source_of(bank) for bank in banks)
    return Sources(activation, weight) if activation and weight else None


def _by_wirings(
    network: Network, errors: dict[Sources, float], operands: tuple[Operands, ...]
) -> dict[int, float]:
    lanes, table = network.num_lanes, {}
    for number in periods(lanes):
        fitting = (pair for pair in errors if pair.num_wirings(lanes) == number)
        if (best := next(fitting, None)) is not None:
            table[number] = rms_error(_banks(network, best), operands)
    return table
