"""Array energy per image: what a mapped array takes for a network's products, at gate level.

Chunks of the network are drawn at random from real images, for each layer as many as its share of
all chunks of an image, and simulated in the mapped netlist (``gen.asic.gates``) for as many cycles
as they take, each behind the chunk that the engine runs before it, whose operands are what changes.
With E_l the mean energy of a chunk of layer l (``gen.asic.energy``), an image takes

    Σ_l (tiles · chunks of layer l) · E_l

Every simulation must count what the golden model does, or :class:`BitrainError` is raised. No
cycles are idle between chunks. Wires, the clock tree, memories, and all of the accelerator that is
not the array are left out. ``energy_per_image`` is without glitches, the least that an array
takes; ``energy_per_image_glitches`` has every pulse of cells that all have one delay, where real
cells swallow short ones.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bitrain import golden
from bitrain.gen.asic.energy import PARTS, transition_energies
from bitrain.gen.asic.gates import BATCHES, COPIES, Gates, pack, read_module
from bitrain.gen.asic.liberty import Library
from bitrain.gen.asic.mapping import mapped_netlist
from bitrain.golden.sums import SUMS
from bitrain.program import Array, Program
from bitrain.runner.workspace import Workspace
from bitrain.spec import BitrainError, Layer, Network, Shape, content_digest

from .array_operands import Operands, draw

CHUNKS = 512
"""Chunks that are simulated, at least; each layer has a multiple of COPIES."""
_FLUSH = 16
"""Cycles after which nothing of a chunk is on its way any more."""
SEED = 0
LEFT_OUT = (
    "energy of the array alone, at gate level: no wires, no clock tree, no memories, no idle "
    "cycles; glitches: those of cells that all have one delay; leakage is beside it"
)
"""Stands wherever figures of energy do."""


def energy_step(
    workspace: Workspace,
    name: str,
    *,
    network: Network,
    array: Array,
    folder: Path,
    library: Library,
    images: np.ndarray,
    clock_mhz: float,
    shorter: Network | None = None,
) -> dict[str, Any]:
    """:func:`measure_energy` as the step of a workspace that follows the mapping of the array.

    name: of the step that mapped it to ``folder``, whose result has ``leakage``.
    """
    weights = {f"weight.{i}": layer.weight for i, layer in enumerate(network.layers)}
    digest = content_digest([], weights | {"images": images})
    mapped, step, inputs = workspace.results[name], f"energy-{name}", [digest, clock_mhz]
    if shorter is not None:
        lengths = [layer.stream_length for layer in shorter.layers]
        step, inputs = f"{step}-L{max(lengths)}", [*inputs, shorter.bits, lengths]

    def measure() -> dict[str, Any]:
        netlist, leakage = mapped_netlist(folder, library), mapped["leakage"]
        options = {"clock_mhz": clock_mhz, "leakage": leakage, "shorter": shorter}
        return measure_energy(network, array, netlist, library, images, **options)

    workspace.step(step, [*inputs, CHUNKS, SEED], measure)
    return workspace.results[step]


def measure_energy(
    network: Network,
    array: Array,
    netlist: Path,
    library: Library,
    images: np.ndarray,
    *,
    clock_mhz: float,
    leakage: float,
    shorter: Network | None = None,
    chunks: int = CHUNKS,
) -> dict[str, Any]:
    """Energy of ``network``'s images on ``array``, which ``netlist`` (Yosys' JSON) is.

    images: integers (images, channels, height, width) in 0 … 2^n. leakage: of all cells, nW, which
    counts for the cycles of an image at ``clock_mhz``. shorter: one of the array's shorter runs of
    the network (``Arithmetic.shorter``), in the place of the whole. Returns, in nJ,
    ``energy_per_image`` and ``energy_per_image_glitches`` with the standard errors of the sample,
    ``energy_by_part`` of the first, and ``leakage_per_image``; ``energy_per_mac`` in fJ, for each
    product of the network.
    """
    check_energy(network)
    program, run = Program(network, array), Program(shorter or network, array)
    module = read_module(netlist, "array")
    energies = transition_energies(module, library)
    gates, rng = Gates(module, library), np.random.default_rng(SEED)
    counts = [tiling.tiles * tiling.chunks for tiling in run.tilings]
    stored = golden.run_shorter(network, run.network, images, array.arithmetic)
    inputs = golden.layer_inputs(network, images, stored)
    totals, parts, simulated = np.zeros((2, BATCHES)), np.zeros(len(PARTS)), 0
    for index, count in enumerate(counts):
        each = -(-chunks * count // (sum(counts) * COPIES))
        operands = draw(program, index, inputs[index], each, rng)
        gates.clear_counts()
        simulate(gates, program, run, index, operands, rng=rng)
        share = count / (each * COPIES // BATCHES) * 1e-3
        found = (gates.settled, gates.with_glitches)
        totals += share * np.stack([energies.total(transitions) for transitions in found])
        parts += share / BATCHES * energies.by_part(gates.settled)
        simulated += each * COPIES
    means = totals.mean(1)
    errors = totals.std(1, ddof=1) / np.sqrt(BATCHES)
    cycles = sum(np.multiply(counts, run.chunk_cycles).tolist())
    macs = sum(layer.macs for layer in network.layers)
    return {
        "energy_per_image": float(means[0]),
        "energy_error": float(errors[0]),
        "energy_per_image_glitches": float(means[1]),
        "energy_error_glitches": float(errors[1]),
        "energy_by_part": dict(zip(PARTS, parts.tolist(), strict=True)),
        "energy_per_mac": float(1e6 * means[0] / macs),
        "leakage_per_image": leakage * cycles / clock_mhz * 1e-6,
        "array_cycles": cycles,
        "chunks_simulated": simulated,
        "images": len(images),
    }


def check_energy(network: Network) -> None:
    """Raise :class:`BitrainError` for a network whose array has ports that are not driven here."""
    if any(layer.neuron == "stream" for layer in network.layers):
        raise BitrainError(
            f"network {network.name!r} has layers in stream mode, whose array's energy is not "
            "simulated; leave out --images, or give a network in counter mode"
        )


def simulate(
    gates: Gates,
    program: Program,
    run: Program,
    index: int,
    operands: Operands,
    *,
    rng: np.random.Generator,
) -> None:
    """Run chunks of a layer, of which every second one counts, and check the array's counts.

    program: what the array is made for. run: what it runs, of whose bits it may leave out the last.
    Accumulators begin at random, as they go on from tile to tile.
    """
    cycles, layer = run.chunk_cycles[index], run.network.layers[index]
    num_chunks = operands.last.shape[1]
    activations = [pack(bits) for bits in _bits(operands.activations, program.activation_bits)]
    magnitude = np.abs(operands.weights) | (operands.weights < 0) << program.weight_bits - 1
    weights = [pack(bits) for bits in _bits(magnitude, program.weight_bits)]
    none, all_ones = np.zeros(1, np.uint64), np.full(1, ~np.uint64(0))
    idle = {"rst": none, "step": none, "last": none}
    restarts = "restart" in gates.ports
    gates.step(idle | {"rst": all_ones} | ({"restart": none} if restarts else {}))
    for _ in range(_FLUSH):
        gates.step(idle)
    gates.randomise("counts", rng)
    before = gates.read("counts")
    for i in range(num_chunks * cycles + 1):
        # Streams restart in the cycle before those of a chunk.
        chunk, cycle = divmod(i - 1, cycles)
        inputs = {"restart": all_ones if cycle == cycles - 1 else none} if restarts else {}
        if i:
            ends = (operands.last[:, chunk] & (cycle == cycles - 1)).astype(np.uint8)
            inputs |= {"step": all_ones, "last": pack(ends[:, None])}
            inputs |= {"activations": activations[chunk], "weights": weights[chunk]}
        gates.step(inputs, counted=bool(i) and chunk % 2 == 1)
    for _ in range(_FLUSH):
        gates.step(idle)
    modulus = 1 << program.count_bits
    found = (_counts(gates.read("counts"), program) - _counts(before, program)) % modulus
    wanted = _expected_in_run(program, run, layer, operands) % modulus
    if (found != wanted).any():
        copy, neuron = np.argwhere(found != wanted)[0]
        raise BitrainError(
            f"layer {layer.name!r}: the mapped array counts {found[copy, neuron]} for neuron "
            f"{neuron}, the golden model {wanted[copy, neuron]}, so that its energy is worth "
            "nothing; give another --out to have it mapped again"
        )


def expected_counts(program: Program, layer: Layer, operands: Operands) -> np.ndarray:
    """What the golden model adds to each neuron's count: (copies, Q P), position by position."""
    network, array = program.network, program.array
    wanted = np.empty((COPIES, array.neurons), np.int64)
    for copy in range(COPIES):
        weights = np.concatenate(operands.weights[copy], 1)  # (P, chunks · N)
        activations = np.concatenate(operands.activations[copy], 1)
        one = Layer(
            kind="linear",
            name=layer.name,
            in_shape=Shape(weights.shape[1], 1, 1),
            weight=weights[:, :, None, None],
            bias=np.zeros(len(weights), np.int64),
            stream_length=layer.stream_length,
            relu=False,
        )
        sums, _ = SUMS[array.arithmetic](network, one, activations[:, :, None, None])
        constants = array.rules.accumulate(network, one, array.lanes).constants
        wanted[copy] = (sums.reshape(sums.shape[:2]) - constants).ravel()
    return wanted


def _expected_in_run(
    program: Program, run: Program, layer: Layer, operands: Operands
) -> np.ndarray:
    """:func:`expected_counts` of operands without the bits that the run leaves out."""
    lost = program.network.bits - run.network.bits
    magnitudes = np.abs(operands.weights) >> lost
    weights = np.sign(operands.weights) * magnitudes
    activations = operands.activations >> lost
    wanted = expected_counts(
        run, layer, replace(operands, activations=activations, weights=weights)
    )
    # Negative weights of which nothing is left count as negative all the same.
    vanished = ((operands.weights < 0) & (magnitudes == 0)).sum((1, 3))  # (copies, P)
    excess = np.tile(vanished, program.array.positions) * (run.network.one - 1) ** 2
    return (wanted + (excess if lost else 0)) << 2 * lost


def _bits(numbers: np.ndarray, width: int) -> np.ndarray:
    """Numbers (copies, chunks, …) as ports show them: (chunks, copies, bits)."""
    bits = numbers[..., None] >> np.arange(width) & 1
    return bits.reshape(*numbers.shape[:2], -1).swapaxes(0, 1)


def _counts(bits: np.ndarray, program: Program) -> np.ndarray:
    """(copies, Q P) of the port's bits."""
    width = program.count_bits
    return bits.reshape(len(bits), -1, width) @ (1 << np.arange(width))
