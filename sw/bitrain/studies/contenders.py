"""What competes in the verdict: networks of `bitrain accuracy`, each on the accelerator it is for.

A folder of it has, for each seed, networks trained at each stream length alone, and one trained at
several, in streams and in integers. Streams give a contender for each length; the integers' twins
one in LUTs, one in DSP blocks and one bit by bit, n = log2 L. What was trained at several lengths
has contenders on one accelerator: each of its lengths alone, the exits of its file, and exits that
are chosen on training images for accuracies that they may cost.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bitrain import golden
from bitrain.cost import estimate
from bitrain.data import Dataset, evenly_spaced
from bitrain.golden.exits import TOLERANCES, Exits, Ladder, Outcome
from bitrain.nn import torch_threads
from bitrain.program import Array, Options, Program, find_arithmetic
from bitrain.spec import BitrainError, Network, load_network, network_digest, to_unipolar

from .arithmetic import KINDS

TITLES = {
    "stochastic": "streams",
    "or": "streams, OR groups",
    "binary": "integers in LUTs",
    "dsp": "integers in DSP blocks",
    "bitserial": "bit-serial integers",
}
"""Families that have a Pareto curve each."""
CALIBRATION_IMAGES = 20_000
"""At most so many training images choose exits for a tolerance."""


@dataclass(frozen=True, kw_only=True)
class Contender:
    """One point of a curve: networks of all seeds, and how an accelerator runs them."""

    family: str
    """Of ``TITLES``."""
    accelerator: str
    """Those of the same name run on one circuit."""
    networks: tuple[Network, ...]
    """One a seed."""
    files: tuple[Path, ...] = ()
    """Of the networks."""
    lengths: tuple[int, ...]
    """Runs that an image may take, shortest first."""
    several_lengths: bool
    """Whether its accelerator can run others than the longest."""
    tolerance: float | None = None
    """Points of accuracy that exits may cost on training images; None takes those of the file."""

    @property
    def name(self) -> str:
        """Unique among contenders."""
        ladder = "-".join(map(str, self.lengths))
        return f"{self.accelerator}-{ladder}" + (
            "" if self.tolerance is None else f"-tolerance-{self.tolerance:g}"
        )

    @property
    def kind(self) -> str:
        """Of ``studies.arithmetic.KINDS``."""
        return "stochastic" if self.family == "or" else self.family

    @property
    def arithmetic(self) -> str:
        """As arrays have it."""
        return KINDS[self.kind]["arithmetic"]

    @property
    def inputs(self) -> list[Any]:
        """All that its accuracy depends on beside the data."""
        digests = [network_digest(network) for network in self.networks]
        return [digests, self.lengths, self.tolerance, CALIBRATION_IMAGES]

    @property
    def options(self) -> Options:
        """Options of its accelerator."""
        if not self.several_lengths:
            return {}
        if self.networks[0].exits:
            return {"early_termination": True}
        return {"run_time_length": True}

    @property
    def title(self) -> str:
        """For people: the family, and how it runs."""
        network = self.networks[0]
        groups = f" of {network.or_lanes}" if network.or_lanes > 1 else ""
        how = f"n = {self.bits}" + (f", L = {self.lengths[-1]}" if self._has_streams else "")
        if self.tolerance is not None:
            how = f"exits, tolerance {self.tolerance:g}"
        elif len(self.lengths) > 1:
            how = "exits"
        elif self.several_lengths:
            how += ", one set of weights"
        return f"{TITLES[self.family]}{groups}, {how}"

    @property
    def bits(self) -> int:
        """Precision n of its last run."""
        network = self.networks[0]
        if self._has_streams:
            return network.bits
        return network.bits - (_longest(network) // self.lengths[-1]).bit_length() + 1

    @property
    def _has_streams(self) -> bool:
        return self.arithmetic == "stochastic"

    def judge(self, dataset: Dataset) -> list[tuple[tuple[int, ...], Outcome]]:
        """For each seed the runs of its ladder, and where each test image stops, and as what."""
        found = []
        for network in self.networks:
            ladder = self._ladder(network, dataset)
            lengths = tuple(self.lengths[rung] for rung in ladder.rungs)
            scores = self._scores(network, lengths, dataset.test_images)
            # Those runs alone.
            ladder = Ladder(rungs=tuple(range(len(lengths))), thresholds=ladder.thresholds)
            found.append((lengths, Outcome(ladder, scores, dataset.test_labels, lengths)))
        return found

    def _ladder(self, network: Network, dataset: Dataset) -> Ladder:
        """Of one seed, rungs among ``lengths``."""
        if self.tolerance is None:
            exits = {each.length: each.margin for each in network.exits}
            thresholds = tuple(exits[length] for length in self.lengths[:-1])
            return Ladder(rungs=tuple(range(len(self.lengths))), thresholds=thresholds)
        images, labels = (
            evenly_spaced(array, CALIBRATION_IMAGES)
            for array in (dataset.train_images, dataset.train_labels)
        )
        rules = find_arithmetic(self.arithmetic)
        runs = self._runs(network, self.lengths)
        cycles = [max(rules.cycles(run, layer) for layer in run.layers) for run in runs]
        scores = self._scores(network, self.lengths, images)
        return Exits(scores, labels, cycles).choose(self.tolerance / 100)

    def _scores(
        self, network: Network, lengths: Sequence[int], images: np.ndarray
    ) -> list[np.ndarray]:
        """Of each run, by the golden model; images: in [0, 1]."""
        pixels = to_unipolar(images, network.bits)
        runs = self._runs(network, lengths)
        with torch_threads():
            return [
                golden.predict(run, pixels >> network.bits - run.bits, self.arithmetic)
                for run in runs
            ]

    def _runs(self, network: Network, lengths: Sequence[int]) -> list[Network]:
        if not self.several_lengths:
            return [network]
        shorter = find_arithmetic(self.arithmetic).shorter(network)
        return [shorter[length] for length in lengths]

    def cycles(self, network: Network, array: Array) -> tuple[int, dict[int, int]]:
        """Cycles to load an image and send its scores, and those of each run, by its length."""
        program = Program(network, array, **self.options)
        runs = {self.lengths[-1]: program}
        if self.several_lengths:
            runs = {length: program.prefix_programs[length] for length in self.lengths}
        costs = {length: estimate(run) for length, run in runs.items()}
        around = costs[self.lengths[-1]]
        return around.load_cycles + around.output_cycles, {
            length: cost.latency for length, cost in costs.items()
        }


def find_contenders(folders: Sequence[Path], families: Sequence[str]) -> list[Contender]:
    """Contenders of ``families`` among the networks of `bitrain accuracy` in ``folders``.

    All must have the same seeds. Raises :class:`BitrainError` for a folder without networks, and
    for networks that are not there for every seed.
    """
    found: list[Contender] = []
    for folder in folders:
        seeds = [path for path in folder.glob("seed*") if path.name[len("seed") :].isdecimal()]
        seeds.sort(key=lambda path: int(path.name[len("seed") :]))
        names = {path.parent.name for seed in seeds for path in seed.glob("*/network.npz")}
        if not names:
            hint = f", as {folder.parent}" if folder.name.startswith("seed") else ""
            raise BitrainError(
                f"{folder}: no networks; expected the --out folder of `bitrain accuracy`{hint}"
            )
        for name in sorted(names, key=lambda name: (len(name), name)):
            found += _contenders([seed / name for seed in seeds], families)
    listed = ", ".join(map(str, folders))
    if not found:
        raise BitrainError(
            f"{listed}: no network for {', '.join(families)}; OR groups want a folder of `bitrain "
            "accuracy` whose configuration has or_lanes under sc"
        )
    if len({len(each.networks) for each in found}) > 1:
        raise BitrainError(
            f"{listed}: seeds differ; run `bitrain accuracy` for the same --seeds in each"
        )
    titles = [each.title for each in found]
    if twice := {title for title in titles if titles.count(title) > 1}:
        raise BitrainError(f"{listed}: {min(twice)} is in more than one; give one of them")
    return found


def contenders_of_file(path: Path, families: Sequence[str]) -> list[Contender]:
    """Contenders of a network file by itself: streams, or integers in each kind of circuit."""
    network = load_network(path)
    if network.metadata.get("arithmetic") in ("binary", "bitserial"):
        own = ("binary", "dsp", "bitserial")
        own = own[2:] if _lengths(network) else own
    else:
        own = ("or",) if network.or_lanes > 1 else ("stochastic",)
    found = [
        each for family in own if family in families for each in _contenders_of(family, (network,))
    ]
    return [replace(each, files=(path,)) for each in found]


def _contenders(folders: list[Path], families: Sequence[str]) -> Iterator[Contender]:
    """Of one training, at one length or at several."""
    names = ["network.npz", "rival.npz"]
    streams, integers = (_load(folders, name) for name in names)
    if streams[0].metadata.get("arithmetic") in ("binary", "bitserial"):
        streams, integers = integers, streams
        names.reverse()
    files = [tuple(folder / name for folder in folders) for name in names]
    grouped = streams[0].or_lanes > 1  # its integers are those of the networks without groups
    several = _lengths(streams[0])
    for family in families:
        if family in ("stochastic", "or"):
            if grouped == (family == "or"):
                for each in _contenders_of(family, streams):
                    yield replace(each, files=files[0])
        elif not grouped and (family == "bitserial" or not several):
            for each in _contenders_of(family, integers):
                yield replace(each, files=files[1])


def _contenders_of(family: str, networks: tuple[Network, ...]) -> Iterator[Contender]:
    network = networks[0]
    longest, lengths = _longest(network), _lengths(network)
    groups = f"{network.or_lanes}" if network.or_lanes > 1 else ""
    name = f"{family}{groups}-" + ("anytime" if lengths else f"n{network.bits}-L{longest}")
    contender = Contender(
        family=family,
        accelerator=name,
        networks=networks,
        lengths=(longest,),
        several_lengths=bool(lengths),
    )
    for length in lengths or (longest,):
        yield replace(contender, lengths=(length,))
    if network.exits:
        for tolerance in TOLERANCES:
            yield replace(contender, lengths=lengths, tolerance=tolerance)
        yield replace(contender, lengths=(*(each.length for each in network.exits), longest))


def _lengths(network: Network) -> tuple[int, ...]:
    """Those that it was trained for together, if there are several."""
    return tuple(network.metadata.get("recipe", {}).get("sc", {}).get("lengths", ()))


def _load(folders: Sequence[Path], name: str) -> tuple[Network, ...]:
    for folder in folders:
        if not (folder / name).is_file():
            raise BitrainError(
                f"{folder / name}: not there; expected the --out folder of `bitrain accuracy` of "
                "this version, with all of its seeds"
            )
    return tuple(load_network(folder / name) for folder in folders)


def _longest(network: Network) -> int:
    return max(layer.stream_length for layer in network.layers)
