"""Proofs hold for the circuit as it is, and fail for one with a fault."""

import re
import shutil
from importlib import import_module
from pathlib import Path

import pytest
from amaranth.hdl import Cat, Const, Module, Signal
from networks import compiled, random_network, residual_network, streamed

from bitrain.accelerator import Engines
from bitrain.formal import Proof, proofs_of, prove, solve
from bitrain.formal.accumulators import CountsFit, ranges
from bitrain.formal.neurons import FiresAsContracted, MaxIsLargestCount, window_of
from bitrain.formal.planes import PlanesFollowPairs
from bitrain.formal.sequence import (
    SequenceIsPermutation,
    SourceFollowsSequence,
    StreamsFollowNumbers,
)
from bitrain.formal.streams import (
    BufferedElementsAreKept,
    BytesAreKept,
    ElementsAreKept,
    ScoresAreKept,
)
from bitrain.gen.ip.package import generate_ip
from bitrain.host import SerialLink
from bitrain.program import Array, Program
from bitrain.rtl.array.plane_source import PlaneSource
from bitrain.rtl.array.sng_bank import StochasticNumberGenerators
from bitrain.rtl.array.source import SequenceSource
from bitrain.rtl.engine.firing_neurons import FiringNeurons
from bitrain.rtl.engine.loader import Loader
from bitrain.rtl.engine.skid_buffer import SkidBuffer
from bitrain.rtl.ports.accelerator import Accelerator
from bitrain.rtl.ports.serial_frames import SerialFrames
from bitrain.spec import BitrainError, Lfsr, Network, Ramp, SngBank, Sobol, VanDerCorput

pytestmark = pytest.mark.tools

ARRAY = Array(channels=2, positions=2, lanes=2)
SEQUENCES = [
    Lfsr(width=2),
    Lfsr(width=5, seed=9),
    Ramp(width=4, seed=3, direction="down"),
    VanDerCorput(width=6, seed=1),
    Sobol(width=5, dimension=3),
]


@pytest.fixture(scope="module")
def program() -> Program:
    return Program(random_network(1, bits=3, lanes=2, in_shape=(1, 4, 4)), ARRAY)


def proven(component, *, sequential: bool = True) -> bool:
    return solve(Proof(claim="a test", component=component, sequential=sequential)).proven


# --- sequences ----------------------------------------------------------------------------------


class WithoutZero(SequenceSource):
    """A plain LFSR, which never shows 0."""

    def elaborate(self, platform):
        m = Module()
        state = Signal(self.sequence.width, init=self.sequence.seed)
        feedback = Cat(*(state[tap - 1] for tap in self.sequence.taps)).xor()
        m.d.comb += self.value.eq(state)
        with m.If(self.restart):
            m.d.sync += state.eq(self.sequence.seed)
        with m.Elif(self.step):
            m.d.sync += state.eq(Cat(feedback, state))
        return m


class StepsWithoutBeingAsked(SequenceSource):
    """Ignores ``step``."""

    def elaborate(self, platform):
        m = Module()
        m.submodules.inner = inner = SequenceSource(self.sequence)
        m.d.comb += [inner.restart.eq(self.restart), inner.step.eq(1), self.value.eq(inner.value)]
        return m


@pytest.mark.parametrize("sequence", SEQUENCES, ids=lambda s: f"{s.kind}{s.width}")
def test_sequences_are_permutations_and_sources_follow_them(sequence):
    assert proven(SequenceIsPermutation(sequence), sequential=False)
    assert proven(SourceFollowsSequence(sequence))


@pytest.mark.parametrize("fault", [WithoutZero, StepsWithoutBeingAsked])
def test_faulty_sources_are_refuted(fault):
    assert not proven(SourceFollowsSequence(Lfsr(width=4, seed=5), fault))


def test_a_sequence_that_repeats_is_refuted():
    class Repeats(Ramp, frozen=True):
        @property
        def values(self):
            return super().values // 2

    assert not proven(SequenceIsPermutation(Repeats(width=4)), sequential=False)


class SkipsAPair(PlaneSource):
    """Goes on to the next bit of weights from the last one as well."""

    def elaborate(self, platform):
        m = Module()
        m.submodules.inner = inner = PlaneSource(self.bits)
        outputs = ("activation_lines", "weight_lines", "shift")
        m.d.comb += [
            inner.restart.eq(self.restart),
            inner.step.eq(self.step | inner.weight_lines[0]),
            *(getattr(self, name).eq(getattr(inner, name)) for name in outputs),
        ]
        return m


@pytest.mark.parametrize("bits", [2, 3, 4, 6])
def test_planes_follow_their_pairs(bits):
    assert proven(PlanesFollowPairs(bits))


def test_faulty_planes_are_refuted():
    assert not proven(PlanesFollowPairs(3, SkipsAPair))


class Lowest(StochasticNumberGenerators):
    """Selects by the lowest one."""

    def elaborate(self, platform):
        m = Module()
        width = self.bank.sequence.width
        m.submodules.source = source = self.source
        m.d.comb += [source.restart.eq(self.restart), source.step.eq(self.step)]
        lines = source.value & -source.value
        for j in range(self.num_lanes):
            number = self.numbers[0][j]
            m.d.sync += self.bits[0][j].eq((lines[:width] & number[:width]).any() | number[width])
        return m


@pytest.mark.parametrize("generator", ["comparator", "multiplexer"])
@pytest.mark.parametrize("sequence", SEQUENCES, ids=lambda s: f"{s.kind}{s.width}")
def test_streams_are_those_of_their_numbers(sequence, generator):
    bank = SngBank.wired(sequence, 3, "rotated").model_copy(update={"generator": generator})
    assert proven(StreamsFollowNumbers(bank))


def test_a_faulty_generator_is_refuted():
    bank = SngBank.wired(Ramp(width=3), 1, "identical")
    bank = bank.model_copy(update={"generator": "multiplexer"})
    assert not proven(StreamsFollowNumbers(bank, Lowest))


# --- streams ------------------------------------------------------------------------------------


class DropsScores(Accelerator):
    """Offers a score only while there are pixels."""

    def elaborate(self, platform):
        m = super().elaborate(platform)
        m.d.comb += self.scores.valid.eq(self.pixels.valid)
        return m


class ChangesScores(Accelerator):
    """Marks a word as the last while there are pixels."""

    def elaborate(self, platform):
        m = super().elaborate(platform)
        m.d.comb += self.scores.payload.last.eq(self.pixels.valid)
        return m


class AlwaysMoves(Loader):
    """Does not wait for the operands."""

    def elaborate(self, platform):
        m = super().elaborate(platform)
        m.d.comb += self.enable.eq(1)
        return m


class OffersTheNewest(SkidBuffer):
    """Forgets what it keeps when another element comes."""

    def elaborate(self, platform):
        m = super().elaborate(platform)
        with m.If(self.valid):
            m.d.comb += self.first.eq(self.element)
        return m


class SendsWhatComes(SerialFrames):
    """Echoes the line."""

    def elaborate(self, platform):
        m = super().elaborate(platform)
        m.d.comb += self.bytes.payload.eq(self.byte)
        return m


def test_faulty_streams_are_refuted(program):
    assert not proven(ScoresAreKept(program, DropsScores))
    assert not proven(ScoresAreKept(program, ChangesScores))
    assert not proven(ElementsAreKept(program, AlwaysMoves))
    assert not proven(BufferedElementsAreKept(program, OffersTheNewest))
    assert not proven(
        BytesAreKept(SerialLink.of(program.network, program.score_bits), SendsWhatComes)
    )


# --- accumulators -------------------------------------------------------------------------------


def counts_fit(program: Program, count_bits: int) -> bool:
    lanes, bound = 3 * program.network.or_lanes, (1 << program.count_bits) - 1
    return proven(CountsFit(program.network, num_lanes=lanes, bound=bound, count_bits=count_bits))


def ored(network: Network, or_lanes: int) -> Network:
    return Network.model_validate(dict(network) | {"or_lanes": or_lanes})


@pytest.mark.parametrize("or_lanes", [1, 2])
def test_counts_need_their_bits(program, or_lanes):
    program = Program(ored(program.network, or_lanes), ARRAY)
    assert counts_fit(program, program.count_bits)
    assert not counts_fit(program, program.count_bits - 1)


@pytest.mark.parametrize(
    "network",
    [
        random_network(2, lanes=2),
        residual_network(1, lanes=2),
        ored(random_network(2, lanes=2), 4),
        ored(residual_network(1, lanes=2), 2),
    ],
)
@pytest.mark.parametrize("arithmetic", ["stochastic", "binary", "bitserial"])
def test_accumulators_fit_and_would_not_with_other_biases(network, arithmetic):
    update = {"arithmetic": arithmetic, "lanes": 4}
    program = Program(network, ARRAY.model_copy(update=update))
    assert all(found.fits for found in ranges(program, program.bias_words))
    wrong = [word ^ 1 << program.score_bits - 1 for word in program.bias_words]
    assert not all(found.fits for found in ranges(program, wrong))


def test_accumulators_are_the_same_where_zeros_are_skipped():
    """Biases are bare there, and the hardware counts negative weights."""
    network = random_network(3, lanes=ARRAY.lanes)
    usual, skipping = (Program(network, ARRAY, skip_zeros=skip) for skip in (False, True))
    assert usual.bias_words != skipping.bias_words
    assert list(ranges(usual, usual.bias_words)) == list(ranges(skipping, skipping.bias_words))


# --- neurons of stream mode ---------------------------------------------------------------------


class FiresIfAllDo(FiringNeurons):
    """A window fires when its last member does."""

    def _fires(self, m, above):
        members = super()._fires(m, above)
        return [above[-1] for _ in members]


class KeepsCounting(FiringNeurons):
    """Fires of the neuron before are in the count."""

    def _count(self, m, fires, fresh, restart):
        return super()._count(m, fires, fresh, Const(0))


class OwesNothing(FiringNeurons):
    """A fire that comes with nothing added is not taken off."""

    def elaborate(self, platform):
        m = super().elaborate(platform)
        with m.If(self.step & ~self.increments.as_value().any()):
            m.d.sync += self.sums.eq(self.sums)
        return m


@pytest.fixture(scope="module")
def streaming() -> Program:
    network = streamed(random_network(0, bits=3, lanes=3, length=4))
    return Program(network, Array(channels=2, positions=4, lanes=3))


def test_neurons_fire_as_contracted_and_their_max_is_exact(streaming):
    window = window_of(streaming)
    assert max(window.stream_windows) > 1
    assert proven(FiresAsContracted(window))
    assert proven(MaxIsLargestCount(window))
    claims = [proof.claim for proof in proofs_of(Engines.of(streaming))]
    assert any("stochastic max" in claim for claim in claims)


@pytest.mark.parametrize("fault", [FiresIfAllDo, KeepsCounting, OwesNothing])
@pytest.mark.parametrize("proof", [FiresAsContracted, MaxIsLargestCount])
def test_faulty_neurons_are_refuted(streaming, proof, fault, monkeypatch):
    monkeypatch.setattr(import_module("bitrain.formal.solve"), "MAX_INDUCTION", 2)
    assert not proven(proof(window_of(streaming), fault))


# --- packages -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def package(program, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("ip") / "ip"
    return generate_ip(
        compiled(program.network, program.array),
        folder,
        name="tiny",
    )


def test_all_proofs_of_a_package(program, package):
    results = list(prove(package))
    assert [result.claim for result in results if not result.proven] == []
    assert len(results) == 2 + len(list(proofs_of(Engines.of(program))))


@pytest.mark.slow
def test_all_proofs_of_several_engines(program, tmp_path):
    folder = generate_ip(
        compiled(program.network, program.array, engines=2),
        tmp_path / "ip",
        name="tiny",
    )
    results = list(prove(folder))
    assert [result.claim for result in results if not result.proven] == []
    claims = [result.claim for result in results]
    assert len(set(claims)) == len(claims)
    of_engines = [sum(c.startswith(f"engine{i}, ") for c in claims) for i in range(2)]
    assert of_engines[0] == of_engines[1] >= 3


@pytest.mark.parametrize("name", ["rtl/tiny.v", "rom/biases.mem", "rom/weights.mem"])
def test_a_changed_package_is_not_what_was_proven(package, tmp_path, name):
    copy = Path(shutil.copytree(package, tmp_path / "ip"))
    text = (copy / name).read_text()
    (copy / name).write_text(text.replace("&", "|", 1) if name.endswith("v") else text[::-1])
    first = next(prove(copy))
    assert not first.proven
    assert name in first.detail


@pytest.mark.parametrize("text", [None, "", "10\n", "10\nno bits\n"])
def test_bias_image_that_cannot_be_read(program, package, tmp_path, text):
    copy = Path(shutil.copytree(package, tmp_path / "ip"))
    image = copy / "rom" / "biases.mem"
    image.unlink()
    if text is not None:
        image.write_text(text)
    results = prove(copy)
    assert not next(results).proven
    message = f"{image}: no image of {program.bias_depth} biases; generate the package again"
    with pytest.raises(BitrainError, match=re.escape(message)):
        next(results)
