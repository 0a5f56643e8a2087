"""``bitrain diagnose``: where a network loses accuracy, and what helps."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import Progress

from bitrain.data import evenly_spaced
from bitrain.frontend import FloatLayer
from bitrain.nn import torch_threads
from bitrain.runner import plots
from bitrain.runner.workspace import write_result
from bitrain.spec import Network, to_unipolar

from .floats import OWN_NUMBERS
from .layers import LayerReport, measure_layers, num_steps
from .reals import fitted, real_chain

FITTED_IMAGES = 128
"""Images that say what a step of each layer stands for in a float model."""
WORST = 3
"""Layers that are named."""
MUCH = 0.3
"""Share of a layer's own errors from which on a kind of them is worth a remedy."""
WIDE = 4.0
"""Spread of ranges from which on equal ones may help."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A layer that loses much."""

    layer: str
    why: str
    helps: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """A network's layers; accuracies in per cent of the images."""

    network: str
    reference: str
    """What float stands for."""
    images: int
    accuracy: dict[str, float]
    """Of ``float``, ``streams``, and ``integers``: exact products of the same numbers."""
    layers: tuple[LayerReport, ...]
    worst: tuple[Finding, ...]
    """Those first that alone in float would bring most images to the float model's class; then
    least SNR of its own."""

    def to_json(self) -> dict[str, Any]:
        """As it is written."""
        return asdict(self)

    def to_svg(self) -> str:
        """SNR of each layer."""
        return plots.snr_by_layer(
            [layer.name for layer in self.layers],
            {
                "streams, with all layers before": [layer.snr for layer in self.layers],
                "integers, with all layers before": [layer.integer_snr for layer in self.layers],
                "streams, this layer alone": [layer.own_snr for layer in self.layers],
            },
        )


def diagnose(
    network: Network,
    images: np.ndarray,
    labels: np.ndarray,
    chain: Sequence[FloatLayer] | None = None,
    *,
    reference: str = OWN_NUMBERS,
    progress: bool = False,
) -> Diagnosis:
    """Compare a network with float layers on images in [0, 1] and their classes.

    images: (images, channels, rows, columns). chain: layers of the float model that it was made of,
    as ``bitrain.frontend.read_model`` gives them; by default its own numbers in real arithmetic.
    reference: what that is, in words. progress: show a bar.
    """
    integers = to_unipolar(images, network.bits)
    if chain is None:
        reals = real_chain(network)
    else:
        reals = fitted(network, list(chain), evenly_spaced(integers, FITTED_IMAGES))
    with torch_threads(), Progress(console=Console(stderr=True), disable=not progress) as bar:
        task = bar.add_task("diagnose", total=num_steps(network, len(images)))
        accuracy, layers = measure_layers(
            network, reals, integers, labels, lambda: bar.advance(task)
        )
    order = sorted(layers, key=lambda layer: (-layer.in_float.agreement, layer.own_snr))
    return Diagnosis(
        network=network.name,
        reference=reference,
        images=len(images),
        accuracy=accuracy,
        layers=tuple(layers),
        worst=tuple(finding(layer, network) for layer in order[:WORST]),
    )


def write_diagnosis(diagnosis: Diagnosis, folder: Path) -> None:
    """Write ``diagnosis.json`` and ``diagnosis.svg``."""
    write_result(folder / "diagnosis", diagnosis.to_json(), diagnosis.to_svg())


def finding(layer: LayerReport, network: Network) -> Finding:
    """What makes the errors of a layer, and what is made for that."""
    parts = {
        f"{layer.streams:.0%} streams": layer.streams,
        f"{layer.rounding:.0%} rounding": layer.rounding,
        f"{layer.saturation:.0%} saturation": layer.saturation,
    }
    kinds = ", ".join(sorted(parts, key=lambda part: -parts[part]))
    why = f"{layer.own_snr:.1f} dB of its own ({kinds}"
    why += f"; {layer.offset:.0%} of it the mean of a channel)" if layer.offset > MUCH else ")"
    why += f", {layer.in_float.agreement:+.1f} % of the classes as in float without them"
    helps = []
    if layer.streams > MUCH:
        if layer.doubled is not None:
            helps.append(f"L = {2 * layer.stream_length}")
        elif layer.stream_length == network.one:
            helps.append(f"n = {network.bits + 1} with L = {2 * layer.stream_length}")
    if layer.rounding > MUCH:
        # Of shorter streams sums and biases are rounded to whole product bits, 1 / L.
        longer = layer.doubled is not None
        helps.append(f"L = {2 * layer.stream_length}" if longer else f"n = {network.bits + 1}")
        if layer.spread > WIDE:
            helps.append(
                f"equal ranges of channels (the largest is {layer.spread:.0f} times the median)"
            )
    if layer.saturation > MUCH:
        helps.append("fine-tuning, which learns with the saturation")
    if layer.offset > MUCH:
        helps.append("offsets in the biases")
    if not helps or layer.own_snr < 15:
        helps.append("fine-tuning")
    return Finding(layer=layer.name, why=why, helps=tuple(dict.fromkeys(helps)))
