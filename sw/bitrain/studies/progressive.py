"""Progressive precision of a network file: accuracy at each prefix, and early termination.

Cycles are those of ``spec.estimate`` from the last pixel to the first score, for every pass that an
image takes; a pass does not count loading the image. Exits are those of the network file, or those
asked for, or are chosen on training images, evenly spaced: where the network has seen them in
training, its margins are a little too good there, and the loss on the test images is what counts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from bitrain import golden
from bitrain.cost import estimate
from bitrain.data import Dataset, evenly_spaced
from bitrain.golden.exits import TOLERANCES, Exits, Ladder, Outcome
from bitrain.nn import torch_threads
from bitrain.program import Array, Program
from bitrain.runner.plots import cycles_used
from bitrain.runner.workspace import write_result
from bitrain.spec import BitrainError, Network, to_unipolar, with_prefix

PREFIXES = (4, 8, 16, 32)
TOLERANCE = 0.1
"""Points of accuracy."""
CALIBRATION_IMAGES = 5000
"""At most so many training images choose the rungs and their thresholds."""
PERCENTILES = (50, 90, 99)
BATCH_SIZE = 256


@dataclass(frozen=True, kw_only=True)
class Prefix:
    """The whole network at one prefix of its streams."""

    length: int
    """Most cycles of a stream."""
    cycles: int
    """One pass."""
    accuracy: float
    """Per cent of the test images, all of them run at this length."""


@dataclass(frozen=True, kw_only=True)
class Rung:
    """One step of the ladder."""

    length: int
    threshold: float | None
    """Least margin of the best two scores, in units of 1, that stops here; None at the last."""
    margin: int | None
    """The same in product bits, as the accelerator's register takes it."""
    cycles_used: int
    """All passes up to this one."""
    share: float
    """Per cent of the test images that stop here."""
    accuracy: float | None
    """Per cent of those; None where there are none."""


@dataclass(frozen=True, kw_only=True)
class ProgressiveReport:
    """What shorter streams cost and save; accuracies and shares in per cent."""

    network: str
    data: str
    array: dict[str, int | str]
    images: int
    calibration_images: int
    tolerance: float | None
    """Points of accuracy that the exits might cost; None where they were not chosen here."""
    prefixes: tuple[Prefix, ...]
    """Shortest first; the last is the full length."""
    int_baseline: float
    rungs: tuple[Rung, ...]
    """The ladder: those prefixes that pay on the calibration images."""
    accuracy: float
    """With early termination."""
    changed: float
    """Images that get another class than at full length."""
    mean_cycles: float
    percentile_cycles: dict[int, int]
    by_class: dict[str, dict[str, float]]
    """Accuracy and mean cycles of each class, with early termination."""
    by_tolerance: dict[str, dict[str, float]]
    """The same for exits that may cost so many points; empty where exits were not chosen here."""
    last_layer: dict[str, list[float]]
    """For each exact rule of the golden model, images decided after 0 … L cycles. Empty for a
    last layer of several positions or with a shortcut."""

    @property
    def full_cycles(self) -> int:
        """One pass at full length."""
        return self.prefixes[-1].cycles

    @property
    def summary(self) -> list[str]:
        """The result in words."""
        reached = ", ".join(f"{p} % {c:,}" for p, c in self.percentile_cycles.items())
        lines = [
            f"full length {self.prefixes[-1].accuracy:.2f} % in {self.full_cycles:,} cycles, "
            f"its weights in exact integers {self.int_baseline:.2f} %",
            f"early termination {self.accuracy:.2f} % ({self.changed:.2f} % of the classes "
            f"changed) in {self.mean_cycles:,.0f} cycles on average, "
            f"{self.mean_cycles / self.full_cycles - 1:+.1%}; within: {reached}",
        ]
        if ladder := ",".join(f"{r.length}={r.margin}" for r in self.rungs if r.margin is not None):
            lines.append(f"for an accelerator with early termination: --ladder {ladder}")
        for rule, shares in self.last_layer.items():
            mean = np.dot(shares, range(len(shares))) / 100
            lines.append(
                f"last layer, exact rule from the weights' {rule}: decided after {mean:.1f} of "
                f"{len(shares) - 1} cycles on average"
            )
        return lines

    def to_svg(self) -> str:
        """Histograms of the cycles used."""
        stops = [(r.cycles_used, r.share, r.accuracy or 0.0) for r in self.rungs if r.share]
        decided = {f"from the weights' {rule}": shares for rule, shares in self.last_layer.items()}
        return cycles_used(stops, mean=self.mean_cycles, full=self.full_cycles, decided=decided)


def evaluate_progressive(
    network: Network,
    array: Array,
    dataset: Dataset,
    *,
    lengths: Sequence[int] | None = None,
    tolerance: float | None = None,
    num_images: int | None = None,
    early_termination: bool = False,
    ladder: Mapping[int, int] | None = None,
) -> ProgressiveReport:
    """Accuracy and cycles of ``network`` at prefixes of its streams and with early termination.

    lengths: prefixes in cycles, rising powers of two up to the full length, which is always the
    last; those of the network's exits come in; by default ``PREFIXES``. tolerance: points
    of accuracy that exits may cost, on training images; None takes the network's own exits, if it
    has any. num_images: test images; None takes all. early_termination: cycles are of the
    accelerator that has it in hardware. ladder: margins in product bits by length, in place of all
    that. Raises :class:`BitrainError` for a wrong option.
    """
    longest = _longest(network)
    if lengths is None:
        lengths = [length for length in PREFIXES if length < longest]
    elif not _are_prefixes(lengths, longest):
        raise BitrainError(
            f"--lengths {','.join(map(str, lengths))}: expected rising powers of two up to the "
            f"longest stream's {longest}, as 4,8"
        )
    if ladder is not None and tolerance is not None:
        raise BitrainError(
            "--tolerance chooses the margins that --ladder gives; leave one of them out"
        )
    if ladder is None and tolerance is None and network.exits:
        ladder = {each.length: each.margin for each in network.exits}
        lengths = sorted({*lengths, *ladder})
    prefixes = [with_prefix(network, length) for length in lengths]
    networks = [*(p for p in prefixes if _longest(p) < longest), network]
    tolerance = TOLERANCE if tolerance is None and ladder is None else tolerance
    if tolerance is not None and not 0 <= tolerance <= 100:
        raise BitrainError(f"--tolerance {tolerance:g}: expected points of accuracy, 0 … 100")
    if num_images and num_images > len(dataset.test_images):
        raise BitrainError(
            f"{num_images} images asked for, the test split has {len(dataset.test_images)}"
        )
    pixels, labels = dataset.examples(num_images or len(dataset.test_images))
    known = evenly_spaced(dataset.train_images, CALIBRATION_IMAGES)
    known_labels = evenly_spaced(dataset.train_labels, CALIBRATION_IMAGES)
    images, calibration = (to_unipolar(part, network.bits) for part in (pixels, known))
    programs = (Program(each, array, early_termination=early_termination) for each in networks)
    cycles = [estimate(program).latency for program in programs]

    def accuracy(classes: np.ndarray) -> float:
        return 100 * float((classes == labels).mean())

    with torch_threads():
        scores = [golden.predict(prefix, images) for prefix in networks]
        baseline = golden.predict(network, images, "binary").argmax(1)
        exits = None
        if ladder is None:
            exits = Exits.of(networks, calibration, known_labels, cycles)
        last_layer = _last_layer(network, images)
    classes = [each.argmax(1) for each in scores]
    by_tolerance: dict[str, dict[str, float]] = {}
    if exits is None:
        assert ladder is not None
        chosen = _ladder(networks, ladder)
    else:
        assert tolerance is not None
        chosen = exits.choose(tolerance / 100)
        by_tolerance = {
            str(each): Outcome(exits.choose(each / 100), scores, labels, cycles).summary()
            for each in TOLERANCES
        }
    outcome = Outcome(chosen, scores, labels, cycles)
    reached = np.cumsum([cycles[i] for i in chosen.rungs])
    rungs = []
    for place, i in enumerate(chosen.rungs):
        here = outcome.places == place
        margin = chosen.thresholds[place] if place < len(chosen.thresholds) else None
        found = Rung(
            length=_longest(networks[i]),
            threshold=None if margin is None else margin / networks[i].layers[-1].stream_length,
            margin=margin,
            cycles_used=int(reached[place]),
            share=100 * float(here.mean()),
            accuracy=100 * float(outcome.right[here].mean()) if here.any() else None,
        )
        rungs.append(found)
    return ProgressiveReport(
        network=network.name,
        data=dataset.name,
        array=array.model_dump(mode="json"),
        images=len(images),
        calibration_images=len(calibration),
        tolerance=tolerance,
        prefixes=tuple(
            Prefix(length=_longest(prefix), cycles=count, accuracy=accuracy(found))
            for prefix, count, found in zip(networks, cycles, classes, strict=True)
        ),
        int_baseline=accuracy(baseline),
        rungs=tuple(rungs),
        accuracy=accuracy(outcome.classes),
        changed=100 * float((outcome.classes != classes[-1]).mean()),
        mean_cycles=float(outcome.used.mean()),
        percentile_cycles={
            p: int(np.percentile(outcome.used, p, method="inverted_cdf")) for p in PERCENTILES
        },
        by_class=outcome.by_class(dataset.classes),
        by_tolerance=by_tolerance,
        last_layer=last_layer,
    )


def write_progressive(report: ProgressiveReport, folder: Path) -> None:
    """Write ``progressive.json`` and ``progressive.svg``."""
    write_result(folder / "progressive", asdict(report), report.to_svg())


def _are_prefixes(lengths: Sequence[int], longest: int) -> bool:
    rising = list(lengths) == sorted(set(lengths)) and len(lengths) > 0
    return rising and all(0 < x <= longest and not x & (x - 1) for x in lengths)


def _longest(network: Network) -> int:
    return max(layer.stream_length for layer in network.layers)


def _ladder(networks: Sequence[Network], ladder: Mapping[int, int]) -> Ladder:
    """Of margins by length; the last network always decides."""
    lengths = [_longest(network) for network in networks]
    if unknown := set(ladder) - set(lengths[:-1]):
        raise BitrainError(f"--ladder: length {min(unknown)}, expected some of {lengths[:-1]}")
    exits = [i for i, length in enumerate(lengths) if length in ladder]
    thresholds = tuple(ladder[lengths[i]] for i in exits)
    return Ladder(rungs=(*exits, len(networks) - 1), thresholds=thresholds)


def _last_layer(network: Network, images: np.ndarray) -> dict[str, list[float]]:
    """Per cent of the images decided after 0 … L cycles of the last layer, by rule."""
    layer = network.layers[-1]
    if layer.conv_shape[1:] != (1, 1) or layer.groups > 1 or layer.shortcut:
        return {}
    cycles: dict[golden.Bound, list[np.ndarray]] = {"signs": [], "streams": []}
    for first in range(0, len(images), BATCH_SIZE):
        batch = images[first : first + BATCH_SIZE]
        inputs = golden.layer_inputs(network, batch, golden.run(network, batch))[-1]
        for rule, found in cycles.items():
            found.append(golden.decided_after(network, inputs, rule))
    counts = {
        rule: np.bincount(np.concatenate(found), minlength=layer.stream_length + 1)
        for rule, found in cycles.items()
    }
    return {rule: (100 * count / len(images)).tolist() for rule, count in counts.items()}
