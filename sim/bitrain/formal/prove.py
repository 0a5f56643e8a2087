"""All proofs about an IP package."""

import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bitrain.accelerator import Engines, compile_network
from bitrain.gen.ip.config import IpConfig, read_config
from bitrain.gen.ip.verilog import write_verilog
from bitrain.host import SerialLink
from bitrain.program import Program
from bitrain.rtl.ports.top import build_top
from bitrain.spec import BitrainError, load_network

from .accumulators import CountsFit, ranges
from .neurons import FiresAsContracted, MaxIsLargestCount, window_of
from .planes import PlanesFollowPairs
from .sequence import SequenceIsPermutation, SourceFollowsSequence, StreamsFollowNumbers
from .solve import Proof, ProofResult, solve
from .streams import BufferedElementsAreKept, BytesAreKept, ElementsAreKept, ScoresAreKept


def prove(ip: Path) -> Iterator[ProofResult]:
    """Results one by one, quick ones first; :class:`BitrainError` if the folder is no IP package.

    The first shows that the folder's Verilog is that of the components which the others speak of.
    """
    ip = Path(ip)
    config = read_config(ip)
    network = load_network(ip / "network.npz")
    engines = compile_network(network, config.accelerator)
    yield _same_verilog(ip, config, engines)
    for name, engine in _engines(engines):
        yield _ranges_fit(ip, engine, name)
    for proof in proofs_of(engines):
        yield solve(proof)


def proofs_of(engines: Engines) -> Iterator[Proof]:
    """What the solver is to prove; of streams only where the array has them.

    Proofs of further components belong here, each a class in a module of its own.
    """
    network, streams = engines.network, engines.array.arithmetic == "stochastic"
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
            claim=f"{name} SNGs ({bank.generator}s): the contract's bit of any number at each lane",
            component=StreamsFollowNumbers(bank),
        )
    if engines.array.arithmetic == "bitserial":
        yield Proof(
            claim=f"planes (n = {network.bits}): each pair of bits in its cycle, after any restart",
            component=PlanesFollowPairs(network.bits),
        )
    yield Proof(
        claim="serial link: an offered byte stays until it is sent",
        component=BytesAreKept(SerialLink.of(network, engines.score_bits)),
    )
    for name, engine in _engines(engines):
        for proof in _proofs_of_engine(engine):
            yield replace(proof, claim=_of(name, proof.claim))


def _engines(engines: Engines) -> list[tuple[str, Program]]:
    """Each by the name of its instance; the only one needs none."""
    if not engines.are_several:
        return [("", engines.programs[0])]
    return [(f"engine{i}", program) for i, program in enumerate(engines.programs)]


def _of(engine: str, claim: str) -> str:
    return f"{engine}, {claim}" if engine else claim


def _proofs_of_engine(program: Program) -> Iterator[Proof]:
    yield Proof(
        claim="score stream: an offered word stays until it is taken",
        component=ScoresAreKept(program),
    )
    yield Proof(
        claim="operand stream: an offered element stays until it is taken",
        component=ElementsAreKept(program),
    )
    yield Proof(
        claim="skid buffer: an offered element stays until it is taken",
        component=BufferedElementsAreKept(program),
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
    elif program.array.arithmetic == "stochastic":  # else other neurons count
        lanes, bits = program.array.lanes, program.count_bits
        bound = max(sums.largest_count or 0 for sums in program.sums)
        groups = program.network.or_lanes
        most = "K L =" if groups == 1 else f"OR groups of {groups}, up to"
        yield Proof(
            claim=f"counts of {lanes} lanes: {bits} bits suffice for {most} {bound}",
            component=CountsFit(program.network, num_lanes=lanes, bound=bound, count_bits=bits),
        )


def _same_verilog(ip: Path, config: IpConfig, engines: Engines) -> ProofResult:
    """Whether the package's Verilog and ROM images are what these components give."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="bitrain-") as folder:
        write_verilog(build_top(engines), Path(folder), config.top)
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


def _read_biases(path: Path, program: Program) -> list[int]:
    """Words of the bias ROM's image."""
    try:
        words = [int(line, 2) for line in path.read_text(encoding="utf-8").split()]
    except (OSError, ValueError):
        words = []
    if len(words) != max(2, program.bias_depth):
        raise BitrainError(
            f"{path}: no image of {program.bias_depth} biases; generate the package again"
        )
    return words


def _ranges_fit(ip: Path, program: Program, name: str) -> ProofResult:
    """Counts and accumulators against their widths, with the biases of the ROM's image."""
    started = time.perf_counter()
    image = f"{name}_engine_biases.mem" if name else "biases.mem"
    found = list(ranges(program, _read_biases(ip / "rom" / image, program)))
    wrong = [each for each in found if not each.fits]
    tightest = max(found, key=lambda each: max(-each.least, each.greatest))
    shown = wrong[0] if wrong else tightest
    return ProofResult(
        claim=_of(name, "accumulators: no layer in counter mode can overflow"),
        method="exact integers",
        proven=not wrong,
        detail=f"layer {shown.layer}: count up to {shown.largest_count} of {shown.count_limit}, "
        f"accumulator {shown.least} … {shown.greatest} in ±{shown.limit}",
        seconds=round(time.perf_counter() - started, 1),
    )
