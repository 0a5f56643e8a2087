"""Remedies, tried one after the other on held-out images; those that help are kept.

A remedy is kept if it makes more images right than wrong by more than one standard error, won -
lost > √(won + lost) of the images that change sides; or, where these differ by less than that, if
it brings the classes nearer to the float model's by as much: images that this has learnt are right
with large margins, and show little else. Some remedies that do nothing are kept so, by chance; what
all of them gain is measured on the test images, which choose nothing.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError
from rich.console import Console

from bitrain import golden
from bitrain.nn import ScConfig, torch_threads
from bitrain.runner.workspace import write_json
from bitrain.spec import BitrainError, Network, plain

from .diagnosis import WORST, Diagnosis
from .floats import is_tuned
from .layers import Gain
from .surgery import Case, Plan, Surgery

EXPONENTS = (0.5, 1.0)
"""Of the ranges of channels that are made equal (``bitrain.nn.equalise``)."""


@dataclass(frozen=True, kw_only=True)
class Try:
    """One remedy, on top of those kept before it."""

    what: str
    accuracy: float
    """Per cent of the held-out images."""
    gain: Gain
    """Against what was kept before."""
    mean_length: float
    """Cycles of a product, on average over the MACs."""
    kept: bool


@dataclass(frozen=True, kw_only=True)
class Repair:
    """What was tried, and what came of it; accuracies in per cent."""

    held_out: int
    before: float
    """On the held-out images."""
    mean_length: float
    tries: tuple[Try, ...]
    left_out: tuple[str, ...]
    """Remedies that were not tried, and why."""
    test_images: int
    float_accuracy: float
    """Of the float model, or of the network's own numbers in real arithmetic."""
    test: dict[str, dict[str, float]]
    """Of ``before`` and ``after``: ``streams`` and ``integers``, exact products of the same
    numbers."""


def repair(
    case: Case,
    diagnosis: Diagnosis,
    folder: Path,
    *,
    max_slowdown: float | None = None,
    console: Console,
) -> Repair:
    """Try what helps; write ``repair.json``, and ``fixed.npz`` with what is kept, if anything is.

    diagnosis: of the held-out images of ``case``. max_slowdown: leave out what takes more than so
    many times the cycles of a product. Tries that are finished in ``folder`` are kept.
    """
    surgery, plan = Surgery(case, folder), Plan()
    start = classes = surgery.measure("before", plan)
    tries, left_out, fixed = list[Try](), list(_missing(case)), case.network
    before = surgery.mean_length(plan)
    for index, (what, change) in enumerate(_remedies(case, diagnosis)):
        try:
            wanted = change(plan)
            length = surgery.mean_length(wanted)
            if max_slowdown is not None and length > max_slowdown * before:
                left_out.append(f"{what}: products would take {length:.4g} cycles on average")
                continue
            found = surgery.measure(f"try-{index}", wanted)
        except BitrainError as error:
            left_out.append(f"{what}: {error}")
            continue
        gain, accuracy = surgery.gain(classes, found), surgery.accuracy(found)
        if gain.helps:
            plan, classes, fixed = wanted, found, surgery.built(f"try-{index}")
        told = f"{what}: {accuracy:.2f} %, {gain.points:+.2f} ± {gain.error:.2f}"
        console.print(f"{told}{', kept' if gain.helps else ''}", soft_wrap=True)
        tries.append(
            Try(what=what, accuracy=accuracy, gain=gain, mean_length=length, kept=gain.helps)
        )
    surgery.keep(fixed if fixed is not case.network else None, plan)
    images, labels = case.test
    result = Repair(
        held_out=len(start),
        before=surgery.accuracy(start),
        mean_length=before,
        tries=tuple(tries),
        left_out=tuple(left_out),
        test_images=len(images),
        float_accuracy=100 * float((surgery.float_classes(images) == labels).mean()),
        test={
            "before": _accuracies(case.network, images, labels),
            "after": _accuracies(fixed, images, labels),
        },
    )
    write_json(folder / "repair.json", asdict(result))
    return result


def _accuracies(network: Network, images: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    names = {"streams": "stochastic", "integers": "binary"}
    with torch_threads():
        return {
            name: 100 * golden.accuracy(network, images, labels, arithmetic)
            for name, arithmetic in names.items()
        }


def _missing(case: Case) -> Iterator[str]:
    """Remedies that there are not, and why."""
    told = "more bits, equal ranges of channels, fine-tuning"
    if case.network.exits:
        yield f"{told}: the exits were chosen for the weights as they are"
    elif is_tuned(case.network) and case.tuning is None:
        yield (
            f"{told}: would undo the fine-tuning; give --finetune EPOCHS to do it again, and the "
            "float model (--model, --weights)"
        )
    elif case.chain is None:
        yield f"{told}: need the float model; give --model and --weights (an ONNX file has its own)"
    elif case.config is None:
        yield f"{told}: the network does not say how it was converted"
    elif case.tuning is None:
        yield "fine-tuning: trains for long; give --finetune EPOCHS"


Change = Callable[[Plan], Plan]
"""A plan with a remedy more."""


def _remedies(case: Case, diagnosis: Diagnosis) -> Iterator[tuple[str, Change]]:
    """What can be tried, cheapest first."""
    yield "offsets in the biases", lambda plan: replace(plan, offsets=True)
    base = case.config if case.reconverts else None
    if base is not None:
        if not (base.normalise and base.upscale):
            yield "normalisation and upscaling", _converting(base, normalise=True, upscale=True)
        for exponent in EXPONENTS:
            yield f"equal ranges of channels, exponent {exponent:g}", _equal(base, exponent)
        fewer = {"bits": base.bits + 1, "stream_length": base.length}
        yield f"n = {base.bits + 1}", _converting(base, **fewer)
    short = sorted(
        (layer for layer in diagnosis.layers if layer.doubled), key=lambda layer: layer.own_snr
    )
    names = tuple(layer.name for layer in short)
    if len(names) > WORST:
        yield f"twice the L in {', '.join(names[:WORST])}", _longer(names[:WORST])
    if names:
        yield "twice the L", _longer(names)
    elif base is not None:
        twice = {"bits": base.bits + 1, "stream_length": 2 * base.length}
        yield f"n = {base.bits + 1} with L = {2 * base.length}", _converting(base, **twice)
    if base is not None and case.tuning is not None:
        epochs = case.tuning.epochs
        again = _converting(base)
        yield (
            f"fine-tuning, {epochs} epoch{'s' if epochs > 1 else ''}",
            lambda plan: replace(again(plan), tuned=True),
        )


def _longer(names: tuple[str, ...]) -> Change:
    return lambda plan: replace(plan, longer=names)


def _equal(base: ScConfig, exponent: float) -> Change:
    again = _converting(base)
    return lambda plan: replace(again(plan), equal=exponent)


def _converting(base: ScConfig, **changes: Any) -> Change:
    """The float model converted again, with changes of its configuration."""

    def change(plan: Plan) -> Plan:
        options = (plan.config or base).model_dump() | changes
        try:
            return replace(plan, config=ScConfig.model_validate(options))
        except ValidationError as error:
            raise BitrainError(plain(error.errors()[0])) from error

    return change
