"""``bitrain faults``: accuracy against the rate of bit flips, streams beside integers.

Test images run through the golden model with faults at one site at a time (``golden.faults``), for
each rate and seed; accuracies are medians over seeds, with the 5th and 95th percentile. What flips
is in docs/faults.md.
"""

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track

from bitrain.data import Dataset, evenly_spaced
from bitrain.golden.faults import (
    ARITHMETICS,
    SITES,
    Faults,
    Site,
    check_program,
    exposed,
    faulty_scores,
    sites_of,
)
from bitrain.program import Array, Program
from bitrain.runner import plots
from bitrain.runner.workspace import Workspace, write_result
from bitrain.spec import BitrainError, Network, network_digest, to_unipolar

RATES = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
BLOCK = 5
"""Seeds of a step that is kept when it is finished."""
BATCH = 32
TOLERATED = 1.0
"""Points of accuracy that a rate may cost which counts as tolerated."""
NAMES = {
    "streams": "stream bits",
    "sources": "sequence values",
    "weights": "weight memory",
    "counters": "counters",
    "activations": "activation memory",
}
"""Of sites, where numbers are streams."""
IN_PLACE_OF_STREAMS = {"binary": "operand bits", "bitserial": "selected bits"}
KINDS = {"stochastic": "streams", "binary": "integers", "bitserial": "bit-serial integers"}
"""Of arithmetics; the first one of a result is compared with the others."""


def parse_rates(text: str) -> list[float]:
    """The rates of an option such as 1e-4,1e-3, or :class:`BitrainError`."""
    try:
        return [float(part) for part in text.split(",")]
    except ValueError as error:
        raise BitrainError(f"--rates {text}: expected numbers between commas") from error


def measure_faults(
    network: Network,
    array: Array,
    dataset: Dataset,
    out: Path,
    console: Console,
    *,
    rates: Sequence[float] = RATES,
    num_seeds: int = 20,
    sites: Sequence[str] = SITES,
    arithmetics: Sequence[str] = ARITHMETICS,
    num_images: int | None = None,
) -> dict[str, Any]:
    """Accuracies (%) with faults; writes ``faults.json`` and ``faults.svg`` into ``out``.

    array: P, Q and N, which say who shares an SNG; nothing else of it counts. rates: probabilities
    of a bit and image, rising. num_seeds: seeds 0 and on. num_images: test images, evenly spaced;
    None takes all. Blocks of seeds that are finished in ``out`` are kept. Raises
    :class:`BitrainError` for a wrong option, or a network whose faults are not defined.
    """
    _check_options(rates, num_seeds, sites, arithmetics)
    available = len(dataset.test_images)
    count = available if num_images is None else num_images
    if not 1 <= count <= available:
        raise BitrainError(f"--images {count}: expected 1 … {available}, the test images there are")
    sizes = {name: getattr(array, name) for name in ("channels", "positions", "lanes")}
    programs: dict[str, Program] = {}
    for name in arithmetics:
        programs[name] = Program(network, Array(**sizes, arithmetic=name))
        check_program(programs[name])
    pairs: list[tuple[str, Site]] = [
        (name, site) for name in programs for site in sites_of(name) if site in set(sites)
    ]
    if not pairs:
        raise BitrainError("--sites sources: integers have no sequences; add --arithmetics")
    pixels, labels = dataset.examples(count)
    images = to_unipolar(pixels, network.bits)
    numbers = evenly_spaced(np.arange(available), count)

    workspace = Workspace(out, products=("faults.json", "faults.svg"))

    def accuracies(name: str, step: str, faults: Sequence[Faults | None]) -> list[float]:
        """Of each of these faults, from the folder if they are there."""
        workspace.fingerprint = dataset.digest  # steps do not depend on each other
        inputs = [network_digest(network), sizes, name, count, [str(each) for each in faults]]
        compute = partial(_accuracies, programs[name], images, labels, numbers, faults)
        workspace.step(step, inputs, compute)
        return workspace.results[step]

    clean = {name: accuracies(name, f"{name}-none", [None])[0] for name in programs}
    plan: list[tuple[str, Site, float, range]] = [
        (name, site, rate, range(first, min(first + BLOCK, num_seeds)))
        for name, site in pairs
        for rate in rates
        for first in range(0, num_seeds, BLOCK)
    ]
    found: dict[tuple[str, Site, float], list[float]] = {}
    for name, site, rate, seeds in track(plan, "faults", console=console):
        step = f"{name}-{site}-{rate:g}-seeds{seeds[0]}-{seeds[-1]}"
        faults = [Faults(site=site, rate=rate, seed=seed) for seed in seeds]
        found.setdefault((name, site, rate), []).extend(accuracies(name, step, faults))
    bits = {pair: _exposed_bits(programs[pair[0]], pair[1]) for pair in pairs}
    result = {
        "name": network.name,
        "data": dataset.note,
        "images": count,
        "seeds": num_seeds,
        "array": sizes,
        "bits": network.bits,
        "stream_length": max(layer.stream_length for layer in network.layers),
        "rates": list(rates),
        "without_faults": clean,
        "rows": [
            {
                "arithmetic": name,
                "site": site,
                "rate": rate,
                "bits": bits[name, site],
                **_spread(values),
                "accuracies": values,
            }
            for (name, site, rate), values in found.items()
        ],
    }
    result["summary"] = summarise(result)
    write_result(out / "faults", result, plots.faults(result, NAMES, KINDS))
    return result


def _check_options(
    rates: Sequence[float], num_seeds: int, sites: Sequence[str], arithmetics: Sequence[str]
) -> None:
    rising = all(a < b for a, b in pairwise(rates))
    if not rates or not rising or not all(0 < rate <= 1 for rate in rates):
        text = ",".join(f"{rate:g}" for rate in rates)
        raise BitrainError(
            f"--rates {text}: expected rising probabilities above 0 and up to 1, as 1e-4,1e-3"
        )
    if num_seeds < 1:
        raise BitrainError(f"--seeds {num_seeds}: expected how many, from 1")
    for option, given, known in (
        ("--sites", sites, SITES),
        ("--arithmetics", arithmetics, ARITHMETICS),
    ):
        if not given or len(set(given)) < len(given) or not set(given) <= set(known):
            raise BitrainError(
                f"{option} {','.join(given)}: expected some of {','.join(known)}, each once"
            )


def _accuracies(
    program: Program,
    images: np.ndarray,
    labels: np.ndarray,
    numbers: np.ndarray,
    faults: Sequence[Faults | None],
) -> list[float]:
    batches = [slice(first, first + BATCH) for first in range(0, len(images), BATCH)]
    found = []
    for each in faults:
        scores = [faulty_scores(program, images[i], numbers[i], each) for i in batches]
        found.append(100 * float((np.concatenate(scores).argmax(1) == labels).mean()))
    return found


def _exposed_bits(program: Program, site: Site) -> int:
    """Bits of a site in all layers."""
    return sum(prod(exposed(program, site, i)) for i in range(len(program.network.layers)))


def _spread(values: Sequence[float]) -> dict[str, float]:
    low, median, high = np.percentile(values, (5, 50, 95)).tolist()
    return {"median": median, "low": low, "high": high}


def tolerated(result: dict[str, Any], arithmetic: str, site: str) -> float | None:
    """The largest rate up to which medians stay within ``TOLERATED`` of none; None if no rate does.

    At that rate and at all below.
    """
    found, clean = None, result["without_faults"][arithmetic]
    for row in _rows(result, arithmetic, site):
        if row["median"] < clean - TOLERATED:
            break
        found = row["rate"]
    return found


def summarise(result: dict[str, Any]) -> list[str]:
    """What each arithmetic tolerates, and the first one beside the others, in words."""
    clean = result["without_faults"]
    without = ", ".join(f"{KINDS[name]} {value:.2f} %" for name, value in clean.items())
    lines = [f"Without faults: {without}."]
    sites = dict.fromkeys(row["site"] for row in result["rows"])
    limits = {
        name: {s: tolerated(result, name, s) for s in sites if _rows(result, name, s)}
        for name in clean
    }
    for name, by_site in limits.items():
        if not by_site:  # integers, where sequences alone are struck
            continue
        parts = [f"{site_name(name, site)} {_limit(rate)}" for site, rate in by_site.items()]
        lines.append(
            f"{KINDS[name].capitalize()} lose at most {TOLERATED:g} point at the median up to "
            f"these rates: {', '.join(parts)}."
        )
    first, *others = (name for name in KINDS if name in limits)
    for site in limits[first]:
        shared = [name for name in others if site in limits[name]]
        if others and not shared:
            lines.append(f"{site_name(first, site).capitalize()}: integers have none.")
        lines += [
            _compared(result, site, {kind: limits[kind][site] or 0.0 for kind in (first, other)})
            for other in shared
        ]
    return lines


def _compared(result: dict[str, Any], site: str, limits: dict[str, float]) -> str:
    """A sentence on a site of two arithmetics that tolerate rates up to ``limits``."""
    (first, other), (ours, theirs) = limits, limits.values()
    if ours == theirs:
        verdict = f"as high a rate as {KINDS[other]}"
    else:
        verdict = f"a {'higher' if ours > theirs else 'lower'} rate than {KINDS[other]}"
        if ours and theirs:
            verdict += f", {max(ours, theirs) / min(ours, theirs):g} times"
    beyond = [rate for rate in result["rates"] if rate > min(ours, theirs)]
    text = f"{site_name(first, site).capitalize()}: {KINDS[first]} tolerate {verdict}"
    if beyond:
        losses = [
            result["without_faults"][kind] - row["median"]
            for kind in limits
            for row in _rows(result, kind, site)
            if row["rate"] == beyond[0]
        ]
        text += f"; at {beyond[0]:g} they lose {losses[0]:.1f} points, {KINDS[other]} "
        text += f"{losses[1]:.1f}"
    return f"{text}."


def site_name(arithmetic: str, site: str) -> str:
    """What a site is called in an arithmetic."""
    return IN_PLACE_OF_STREAMS.get(arithmetic, NAMES[site]) if site == "streams" else NAMES[site]


def _limit(rate: float | None) -> str:
    return "none of them" if rate is None else f"{rate:g}"


def _rows(result: dict[str, Any], arithmetic: str, site: str) -> list[dict[str, Any]]:
    rows = result["rows"]
    return [row for row in rows if (row["arithmetic"], row["site"]) == (arithmetic, site)]
