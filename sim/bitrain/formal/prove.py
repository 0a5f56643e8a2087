"""All proofs about an IP package."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bitrain.gen import IpConfig, read_config, write_verilog
from bitrain.rtl import build_top
from bitrain.spec import BitrainError, Program, SerialLink, load_network

from .accumulators import CountsFit, ranges
from .neurons import FiresAsContracted, MaxIsLargestCount, window_of
from .sequence import SequenceIsPermutation, SourceFollowsSequence
from .solve import Proof, ProofResult, solve
from .streams import BytesAreKept, ElementsAreKept, ScoresAreKept


def prove(ip: Path) -> Iterator[ProofResult]:
    """Results one by one, quick ones first; :class:`BitrainError` if the folder is no IP package.

    The first shows that the folder's Verilog is that of the components which the others speak of.
    """
    ip = Path(ip)
    config = read_config(ip)
    if config.engines > 1:
        raise BitrainError(
            f"{ip}: {config.engines} engines; proofs are of one engine, so prove a package of the "
            "same network and array without --engines"
        )
    network = load_network(ip / "network.npz")
    program = Program(network, config.array, **config.options)
    yield _same_verilog(ip, config, program)
    yield _ranges_fit(ip, program)
    for proof in proofs_of(program):
        yield solve(proof)


def proofs_of(program: Program) -> Iterator[Proof]:
    """What the solver is to prove; of streams only where the array has them.

    Proofs of further components belong here, each a class in a module of its own.
    """
    network, streams = program.network, program.array.arithmetic == "stochastic"
    banks = {"activation": network.activation_bank, "weight": network.weight_bank}
    for name, bank in banks.items() if streams else ():
        sequence = bank.sequence
        yield Proof(
            claim=f"{name} sequence ({sequence.kind}, n = {sequence.width}): a permutation",
            component=SequenceIsPermutation(sequence),
            sequential=False,
        )
        yield Proof(
            claim=f"{name} source: emits its sequence after any restarts and steps",
            component=SourceFollowsSequence(sequence),
        )
    yield Proof(
        claim="score stream: an offered word stays until it is taken",
        component=ScoresAreKept(program),
    )
    yield Proof(
        claim="operand stream: an offered element stays until it is taken",
        component=ElementsAreKept(program),
    )
    yield Proof(
        claim="serial link: an offered byte stays until it is sent",
        component=BytesAreKept(SerialLink.of(program)),
    )
    if program.stream_layers:
        window = window_of(program)
        size = max(program.stream_windows)
        yield Proof(
            claim=f"stream mode, windows of {size}: fires and counts are those of the contract",
            component=FiresAsContracted(window),
        )
        yield Proof(
            claim=f"stochastic max of {size}: as many ones as the largest input has",
            component=MaxIsLargestCount(window),
        )
    elif streams:  # else other neurons count
        lanes, bits = program.array.lanes, program.count_bits
        bound = max(sums.largest_count or 0 for sums in program.sums)
        most = "K L =" if network.or_lanes == 1 else f"OR groups of {network.or_lanes}, up to"
        yield Proof(
            claim=f"counts of {lanes} lanes: {bits} bits suffice for {most} {bound}",
            component=CountsFit(network, num_lanes=lanes, bound=bound, count_bits=bits),
        )


def _same_verilog(ip: Path, config: IpConfig, program: Program) -> ProofResult:
    """Whether the package's Verilog and ROM images are what these components give."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="bitrain-") as folder:
        write_verilog(build_top(program, config.interface), Path(folder), config.top)
        files = [path for path in Path(folder).rglob("*") if path.is_file()]
        differing = [
            path.relative_to(folder).as_posix()
            for path in sorted(files)
            if not (ip / path.relative_to(folder)).is_file()
            or (ip / path.relative_to(folder)).read_bytes() != path.read_bytes()
        ]
    return ProofResult(
        claim="Verilog and ROM images are those of the components below",
        method="comparison",
        proven=not differing,
        detail=", ".join(differing) or f"{len(files)} files",
        seconds=round(time.perf_counter() - started, 1),
    )


def _read_biases(ip: Path, program: Program) -> list[int]:
    """Words of the bias ROM's image."""
    path = ip / "rom" / "biases.mem"
    try:
        words = [int(line, 2) for line in path.read_text(encoding="utf-8").split()]
    except (OSError, ValueError):
        words = []
    if len(words) != max(2, program.bias_depth):
        raise BitrainError(
            f"{path}: no image of {program.bias_depth} biases; generate the package again"
        )
    return words


def _ranges_fit(ip: Path, program: Program) -> ProofResult:
    """Counts and accumulators against their widths, with the biases of the ROM's image."""
    started = time.perf_counter()
    found = list(ranges(program, _read_biases(ip, program)))
    wrong = [each for each in found if not each.fits]
    tightest = max(found, key=lambda each: max(-each.least, each.greatest))
    shown = wrong[0] if wrong else tightest
    return ProofResult(
        claim="accumulators: no layer in counter mode can overflow",
        method="exact integers",
        proven=not wrong,
        detail=f"layer {shown.layer}: count up to {shown.largest_count} of {shown.count_limit}, "
        f"accumulator {shown.least} … {shown.greatest} in ±{shown.limit}",
        seconds=round(time.perf_counter() - started, 1),
    )
