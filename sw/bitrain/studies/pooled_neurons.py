"""What a pooled neuron costs and how far it errs: counter mode, fires, and the literature's blocks.

Neurons of random weights read random activations through the default SNGs; a window of four shares
weights. Errors are against counter mode, in steps of the activation. Circuits begin at the signed
increments P_t - N_t and end at the activation; they are synthesised by themselves.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from bitrain.gen.tools.synth import synthesise_component
from bitrain.golden import fsm_max, pooled_fire
from bitrain.nn import ScConfig, StreamSource
from bitrain.rtl.baselines.fsm_relu_max import FsmReluMax
from bitrain.rtl.baselines.pooled_counts import PooledCounts
from bitrain.rtl.baselines.pooled_fire import PooledFire
from bitrain.runner.workspace import write_json

MEMBERS = 4
BITS = 6
LENGTH = 1 << BITS
INPUTS = 9
SHIFT = 4
WINDOWS = 2000
INCREMENT_BITS = INPUTS.bit_length() + 1
SUM_BITS = (INPUTS * LENGTH).bit_length() + 1
STATE_BITS = SUM_BITS + 1
FSM_BITS = 4


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A circuit for a pooling window, and the activations that it gives."""

    name: str
    circuit: FsmReluMax | PooledCounts | PooledFire
    activations: Callable[[np.ndarray], np.ndarray]
    """Activations of increments (windows, members, L)."""


def variants() -> list[Variant]:
    """Counter mode, exact fires, saturating ones, and blocks of the literature."""
    counts = PooledCounts(
        members=MEMBERS, increment_bits=INCREMENT_BITS, sum_bits=SUM_BITS, shift=SHIFT, bits=BITS
    )
    return [
        Variant(name="counters, binary ReLU and max", circuit=counts, activations=exact),
        _fused(STATE_BITS, saturating=False),
        *(_fused(bits, saturating=True) for bits in (8, 6, 5)),
        _literature(6),
    ]


def _fused(state_bits: int, *, saturating: bool) -> Variant:
    """Neurons that fire as one."""
    circuit = PooledFire(
        members=MEMBERS,
        increment_bits=INCREMENT_BITS,
        state_bits=state_bits,
        threshold_bits=SHIFT,
        count_bits=BITS + 1,
        saturating=saturating,
    )
    theta, half = 1 << SHIFT, 1 << state_bits - 1
    limits = (theta, theta - half, theta + half - 1)
    return Variant(
        name=f"fused fire, states of {state_bits} bits{', saturating' * saturating}",
        circuit=circuit,
        activations=lambda increments: pooled_fire(increments, *limits).sum(1),
    )


def _literature(state_bits: int) -> Variant:
    """Saturating-counter ReLU of each neuron, and the max of their streams by multiplexers."""
    circuit = FsmReluMax(
        members=MEMBERS,
        increment_bits=INCREMENT_BITS,
        state_bits=state_bits,
        fsm_bits=FSM_BITS,
        threshold_bits=SHIFT,
        count_bits=BITS + 1,
    )
    theta, half = 1 << SHIFT, 1 << state_bits - 1

    def activations(increments: np.ndarray) -> np.ndarray:
        each = increments.reshape(-1, 1, LENGTH)
        streams = pooled_fire(each, theta, 0, theta + half - 1).reshape(increments.shape)
        return fsm_max(streams, FSM_BITS).sum(1)

    name = f"saturating-counter ReLU ({state_bits} bits, floor 0) and FSM max ({FSM_BITS} bits)"
    return Variant(name=name, circuit=circuit, activations=activations)


def exact(increments: np.ndarray) -> np.ndarray:
    """Counter mode: max of clip(floor(A / 2^SHIFT), 0, 2^n), (windows,)."""
    return (increments.sum(2).max(1) >> SHIFT).clip(0, 1 << BITS)


LFSR = ScConfig(
    bits=BITS,
    activation_source=StreamSource(kind="lfsr", wiring="rotated"),
    weight_source=StreamSource(kind="lfsr", wiring="rotated", seed=5),
)
"""The customary source, whose sums wander more on their way than those of the default pair."""


def random_increments(config: ScConfig, seed: int = 0) -> np.ndarray:
    """P_t - N_t of windows of neurons that share weights: (windows, members, L)."""
    rng = np.random.default_rng(seed)
    one = 1 << BITS
    activation_bank, weight_bank = config.banks()
    selects = activation_bank.selects(LENGTH)[:INPUTS].astype(int)
    activations = rng.integers(0, one + 1, (WINDOWS, MEMBERS, INPUTS, 1))
    weights = rng.integers(-one, one + 1, (WINDOWS, 1, INPUTS, 1))
    weight_selects = weight_bank.selects(LENGTH)[:INPUTS].astype(int)
    products = activation_bank.bits(selects, activations)
    products &= weight_bank.bits(weight_selects, np.abs(weights))
    return (products * np.sign(weights)).sum(2)


def measure_pooled_neurons(directory: Path, device: str) -> list[dict]:
    """A row for each variant: errors, and resources post-synthesis; ``pooled_neurons.json`` too."""
    rows = []
    for index, variant in enumerate(variants()):
        errors = {}
        for name, config in (("default", ScConfig(bits=BITS)), ("lfsr", LFSR)):
            increments = random_increments(config)
            error = variant.activations(increments) - exact(increments)
            errors[name] = {
                "mean": float(error.mean()),
                "rms": float(np.sqrt((error**2).mean())),
                "wrong": float((error != 0).mean()),
            }
        folder = directory / str(index)
        report = synthesise_component(variant.circuit, device, folder, name="window")
        rows.append({"circuit": variant.name, "errors": errors, **asdict(report.resources)})
    write_json(directory / "pooled_neurons.json", rows)
    return rows
