"""What competes in the verdict: networks of `bitrain accuracy`, each on the accelerator it is for.

A folder of it has, for each seed, networks trained at each stream length alone, and one trained at
several, in streams and in integers. Streams give a contender for each length; the integers' twins
one in LUTs, one in DSP blocks and one bit by bit, n = log2 L. What was trained at several lengths
has one contender that stops at its exits, and one for each of its lengths alone on the same
accelerator.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bitrain import golden
from bitrain.cost import estimate
from bitrain.data import Dataset
from bitrain.golden.exits import Ladder, Outcome
from bitrain.nn import torch_threads
from bitrain.program import Array, Options, Program, find_arithmetic
from bitrain.spec import BitrainError, Network, content_digest, load_network, to_unipolar

from .arithmetic import KINDS

TITLES = {
    "stochastic": "streams",
    "or": "streams, OR groups",
    "binary": "integers in LUTs",
    "dsp": "integers in DSP blocks",
    "bitserial": "bit-serial integers",
}
"""Families that have a Pareto curve each."""


@dataclass(frozen=True, kw_only=True)
class Contender:
    """One point of a curve: networks of all seeds, and how an accelerator runs them."""

    family: str
    """Of ``TITLES``."""
    accelerator: str
    """Those of the same name run on one circuit."""
    networks: tuple[Network, ...]
    """One a seed."""
    lengths: tuple[int, ...]
    """Runs of an image, shortest first, of which exits may leave out the last ones."""
    several_lengths: bool
    """Whether its accelerator runs others too."""

    @property
    def name(self) -> str:
        """Unique among contenders."""
        return f"{self.accelerator}-{'-'.join(map(str, self.lengths))}"

    @property
    def kind(self) -> str:
        """Of ``studies.arithmetic.KINDS``."""
        return "stochastic" if self.family == "or" else self.family

    @property
    def arithmetic(self) -> str:
        """As arrays have it."""
        return KINDS[self.kind]["arithmetic"]

    @property
    def digest(self) -> str:
        """Of all that its accuracy depends on."""
        files = [[network.model_dump(mode="json") for network in self.networks], self.lengths]
        return content_digest(files, {})

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
        if len(self.lengths) > 1:
            how = "exits"
        elif self.several_lengths:
            how += ", one set of weights"
        return f"{TITLES[self.family]}{groups}, {how}"

    @property
    def bits(self) -> int:
        """N of its last run."""
        network = self.networks[0]
        if self._has_streams:
            return network.bits
        return network.bits - (_longest(network) // self.lengths[-1]).bit_length() + 1

    @property
    def _has_streams(self) -> bool:
        return self.arithmetic == "stochastic"

    def judge(self, dataset: Dataset) -> list[Outcome]:
        """Where each test image stops and whether its class is right, for each seed."""
        found = []
        for network in self.networks:
            exits = {each.length: each.margin for each in network.exits}
            thresholds = tuple(exits[length] for length in self.lengths[:-1])
            images = to_unipolar(dataset.test_images, network.bits)
            runs = self._runs(network)
            with torch_threads():
                scores = [
                    golden.predict(run, images >> network.bits - run.bits, self.arithmetic)
                    for run in runs
                ]
            ladder = Ladder(rungs=tuple(range(len(runs))), thresholds=thresholds)
            found.append(Outcome(ladder, scores, dataset.test_labels, self.lengths))
        return found

    def _runs(self, network: Network) -> list[Network]:
        if not self.several_lengths:
            return [network]
        shorter = find_arithmetic(self.arithmetic).shorter(network)
        return [shorter[length] for length in self.lengths]

    def cycles(self, network: Network, array: Array) -> tuple[int, list[int]]:
        """Cycles to load an image and send its scores, and those of each run."""
        program = Program(network, array, **self.options)
        runs = [program]
        if self.several_lengths:
            runs = [program.prefix_programs[length] for length in self.lengths]
        costs = [estimate(run) for run in runs]
        return costs[0].load_cycles + costs[0].output_cycles, [cost.latency for cost in costs]


def find_contenders(folders: Sequence[Path], families: Sequence[str]) -> list[Contender]:
    """Contenders of ``families`` among the networks of `bitrain accuracy` in ``folders``.

    All must have the same seeds. Raises :class:`BitrainError` for a folder without networks, and
    for networks that are not there for every seed.
    """
    found: list[Contender] = []
    for folder in folders:
        seeds = sorted(folder.glob("seed*"), key=lambda seed: int(re.sub(r"\D", "", seed.name)))
        names = sorted({path.parent.name for path in folder.glob("seed*/*/network.npz")})
        if not names:
            raise BitrainError(
                f"{folder}: no networks; expected the --out folder of `bitrain accuracy`"
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


def _contenders(folders: list[Path], families: Sequence[str]) -> Iterator[Contender]:
    """Of one training, at one length or at several."""
    streams, integers = (_load(folders, name) for name in ("network.npz", "rival.npz"))
    if streams[0].metadata.get("arithmetic") in ("binary", "bitserial"):
        streams, integers = integers, streams
    grouped = streams[0].or_lanes > 1  # its integers are those of the networks without groups
    several = _lengths(streams[0])
    for family in families:
        if family in ("stochastic", "or"):
            if grouped == (family == "or"):
                yield from _contenders_of(family, streams)
        elif not grouped and (family == "bitserial" or not several):
            yield from _contenders_of(family, integers)


def _contenders_of(family: str, networks: tuple[Network, ...]) -> Iterator[Contender]:
    network = networks[0]
    longest, lengths = _longest(network), _lengths(network)
    groups = f"{network.or_lanes}" if network.or_lanes > 1 else ""
    name = f"{family}{groups}-" + ("anytime" if lengths else f"n{network.bits}-L{longest}")
    ladders: list[tuple[int, ...]] = [(length,) for length in lengths or (longest,)]
    if network.exits:
        ladders.append((*(each.length for each in network.exits), longest))
    for ladder in ladders:
        yield Contender(
            family=family,
            accelerator=name,
            networks=networks,
            lengths=ladder,
            several_lengths=bool(lengths),
        )


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
