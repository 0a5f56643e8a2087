"""Normalisation and upscaling: weight clips, gains and shifts, chosen from a batch of images.

With a clip c below max|w| the many small weights keep more of their precision while a few large
ones saturate; a channel of small weights uses c / 2^u, which the requantisation shifts back; the
layer's shift, a power-of-two gain, sets where activations saturate. All are searched together,
layer by layer, for the best signal-to-noise ratio of the layer's real output (streams, quantisation
and the errors of the layers before included) against the float network's, in all runs together
where there are several. What these errors are on average goes into each channel's bias (M. Nagel et
al., *Data-Free Quantization Through Weight Equalization and Bias Correction*, arXiv:1906.04721).
"""

import math
from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from bitrain.frontend.float_layer import joined
from bitrain.spec import BitrainError, check_images, parts_read

from .layer import ScLayer

LEVELS = 6
"""How many halvings of a clip are tried."""
STEPS = 4
"""Clips tried per octave."""
GAINS = range(1, 16, 2)
"""Odd parts of the gains tried where there is a shortcut: they take the place of the steps."""
FINER_SHIFTS = 4
"""How many shifts below the one that lets nothing saturate are tried."""
SHIFTS = range(-16, 25)
"""What the contract allows."""


class Run(NamedTuple):
    """One of the lengths that a network is calibrated for."""

    lost: list[int]
    """d of each layer (``ScLayer.lost``)."""
    images: Tensor
    """As integers 0 … 2^n."""


class _Batch(NamedTuple):
    """What a layer reads in each run, and what its output should stand for."""

    lost: list[int]
    activations: list[Tensor]
    added: list[Tensor]
    sums: Tensor

    def runs(self, layer: ScLayer) -> Iterator[tuple[Tensor, Tensor]]:
        """What the layer reads and adds, while it is in each of the runs."""
        for lost, pair in zip(
            self.lost, zip(self.activations, self.added, strict=True), strict=True
        ):
            layer.lost = lost
            yield pair
        layer.lost = 0


class _Maps(NamedTuple):
    """What is known of the image and the layers that are set."""

    wanted: list[Tensor]
    """Of the float network."""
    stored: list[list[Tensor]]
    """In each run."""
    scales: list[float]

    def batch(
        self, layer: ScLayer, parts: tuple[int, ...], lost: list[int], sums: Tensor
    ) -> _Batch:
        """What a layer that reads ``parts`` is calibrated on."""
        runs = range(len(lost))
        reads = [joined([each[run] for each in self.stored], parts) for run in runs]
        return _Batch(lost, reads, self.stored[_added(layer)], sums)

    def add(self, layer: ScLayer, batch: _Batch, wanted: Tensor) -> None:
        """What the next layer stores."""
        self.wanted.append(wanted)
        self.stored.append([layer(*pair) for pair in batch.runs(layer)])
        self.scales.append(layer.out_scale)

    def cut(self, index: int) -> None:
        """Forget the layers from ``index`` on."""
        for each in self:
            del each[index + 1 :]


class _Choice(NamedTuple):
    error: float
    correction: Tensor
    clip: float
    shift: int
    gain: int
    upscale: Tensor


def calibration_batch(images: np.ndarray | Tensor, in_shape: Sequence[int], count: int) -> Tensor:
    """So many images, evenly spaced: image folders are sorted by class.

    images: (images, *in_shape), of any type of numbers. Raises :class:`BitrainError` where they are
    of another shape, or none.
    """
    if isinstance(images, Tensor):
        images = images.detach().cpu().float().numpy()
    check_images(images.shape, in_shape)
    if not len(images):
        raise BitrainError("no images to calibrate with; give training images")
    chosen = images[:: max(1, len(images) // count)][:count]
    return torch.from_numpy(np.ascontiguousarray(chosen, np.float32))


@torch.no_grad()
def calibrate(
    layers: Sequence[ScLayer],
    images: Tensor,
    runs: Sequence[Run],
    *,
    normalise: bool = True,
    upscale: bool = True,
) -> None:
    """Set ``clip``, ``in_scale``, ``in_ratio``, ``shift``, ``upscale`` and ``gain`` of every layer.

    images: (batch, channels, rows, columns) in [0, 1]; runs: those that count, all alike. Without
    ``normalise`` nothing saturates: c = max|w|, and the least shift that fits. Without ``upscale``
    all channels of a layer share one clip. Scores share one in any case.
    """
    maps = _Maps([images], [[run.images for run in runs]], [1.0])
    reads = parts_read([layer.source for layer in layers])
    losses = [list(lost) for lost in zip(*(run.lost for run in runs), strict=True)]

    def choose(index: int) -> float:
        given = layers[index], maps, reads[index], losses[index]
        return _calibrate(*given, normalise=normalise, upscale=upscale)

    for index, layer in enumerate(layers):
        error = choose(index)
        if not (octaves := _octaves_short(layer, maps)):
            continue
        assert layer.source.shortcut is not None
        first = layer.source.shortcut.source
        if not _can_coarsen(layers[first], octaves):
            continue
        states = [deepcopy(each.state_dict()) for each in layers[first : index + 1]]
        kept = _Maps(list(maps.wanted), list(maps.stored), list(maps.scales))
        maps.cut(first)
        layers[first].shift.add_(octaves)
        coarse, wanted = layers[first], kept.wanted[first + 1]
        maps.add(coarse, maps.batch(coarse, reads[first], losses[first], wanted), wanted)
        if [choose(each) for each in range(first + 1, index + 1)][-1] >= error:
            for each, state in zip(layers[first:], states, strict=False):
                each.load_state_dict(state)
            maps = kept


def _calibrate(
    layer: ScLayer,
    maps: _Maps,
    parts: tuple[int, ...],
    lost: list[int],
    *,
    normalise: bool,
    upscale: bool,
) -> float:
    """Choose for one layer and add its maps to those before: the error that is left."""
    if not layer.source.weight.any():
        raise BitrainError(f"{layer.source.name}: all weights are zero; train the model first")
    layer.bias.copy_(layer.source.bias)
    source = _added(layer)
    sums = layer.source.accumulate(joined(maps.wanted, parts), maps.wanted[source])
    _set_in_scales(layer, [(maps.scales[part + 1], maps.stored[part + 1][0]) for part in parts])
    batch = maps.batch(layer, parts, lost, sums)
    choices = [
        _choose(layer, batch, phase, normalise=normalise, upscale=upscale)
        for phase in _phases(layer, maps.scales[source], normalise)
    ]
    best = min(choices, key=lambda choice: choice.error)
    _set(layer, best.clip, best.shift, best.gain, best.upscale)
    layer.bias.add_(best.correction)
    maps.add(layer, batch, layer.source.finish(sums))
    return best.error


def _added(layer: ScLayer) -> int:
    """Which of the maps the shortcut adds; entry 0 is the image."""
    shortcut = layer.source.shortcut
    return shortcut.source + 1 if shortcut else 0


def _octaves_short(layer: ScLayer, maps: _Maps) -> int:
    """By how much coarser the maps that a shortcut adds must be for no weight to saturate.

    No clip is above the one at which a step of theirs is worth a single product bit of the shortest
    run.
    """
    if layer.source.shortcut is None:
        return 0
    largest = layer.scaled_weight.abs().max().item()
    highest = _unit(layer, maps.scales[_added(layer)]) / (1 << layer.most_lost)
    return max(0, math.ceil(math.log2(largest / highest) - 1e-6))


def _can_coarsen(layer: ScLayer, octaves: int) -> bool:
    ceiling, largest = layer.source.ceiling, layer.out_scale * 2.0**octaves
    fits = layer.shift.item() + octaves <= SHIFTS[-1]
    return layer.source.relu and fits and (ceiling is None or largest <= ceiling * (1 + 1e-6))


def _unit(layer: ScLayer, added_scale: float) -> float:
    """The clip at which one step of what a shortcut adds is worth one product bit."""
    return added_scale * layer.sums.length / (layer.one * layer.in_scale.item())


def _set_in_scales(layer: ScLayer, parts: list[tuple[float, Tensor]]) -> None:
    """Scales of what a layer reads, with the maps (batch, channels, rows, columns)."""
    largest = max(scale for scale, _ in parts)
    layer.in_scale.fill_(largest)
    if layer.in_ratio is not None:
        area = layer.source.in_shape.height * layer.source.in_shape.width
        sizes = torch.tensor([maps[0].numel() // area for _, maps in parts])
        ratios = torch.tensor([scale / largest for scale, _ in parts], dtype=torch.float64)
        layer.in_ratio.copy_(ratios.repeat_interleave(sizes))


def _set(layer: ScLayer, clip: float, shift: int, gain: int, upscale: Tensor | int = 0) -> None:
    layer.clip.fill_(clip)
    layer.shift.fill_(min(max(shift, SHIFTS[0] + layer.most_lost), SHIFTS[-1]))
    layer.gain.fill_(gain)
    layer.upscale.copy_(torch.as_tensor(upscale).expand_as(layer.upscale))


def _phases(layer: ScLayer, added_scale: float, normalise: bool) -> list[tuple[list[float], int]]:
    """Families of clips that differ by powers of two, largest first, with the gain of the first."""
    largest = layer.scaled_weight.abs().max().item()
    if layer.source.shortcut is None:
        aligned = [] if layer.source.ceiling is None else [_aligned(layer, largest)]
        if not normalise:
            return [(_halvings(first), 1) for first in aligned or [largest]]
        firsts = aligned + [largest * 2 ** (-step / STEPS) for step in range(STEPS)]
        return [(_halvings(first), 1) for first in firsts]
    unit, least = _unit(layer, added_scale), 1 << layer.most_lost
    if not normalise:
        gain = max(least, math.floor(unit / largest))
        return [(_halvings(unit / gain), gain)]
    phases = []
    for odd in GAINS:
        gain = odd << max(0, math.ceil(math.log2(max(unit / (2 * largest), least) / odd)))
        levels = [unit / (gain << level) for level in range(LEVELS + 1)]
        phases.append(([clip for clip in levels if clip > largest / (1 << LEVELS)], gain))
    return [phase for phase in phases if phase[0]] or [([unit / least], least)]


def _aligned(layer: ScLayer, largest: float) -> float:
    """The least clip from ``largest`` on with which activations can saturate at the ceiling."""
    assert layer.source.ceiling is not None
    exact = layer.source.ceiling * layer.sums.length / (layer.in_scale.item() * layer.one)
    return exact * 2.0 ** math.ceil(math.log2(largest / exact))


def _halvings(clip: float) -> list[float]:
    return [clip / 2**level for level in range(LEVELS)]


def _unsaturated(weight: Tensor, clips: list[float]) -> Tensor:
    """Index of the least clip that no weight of each output channel exceeds: (out,)."""
    largest = weight.abs().amax((1, 2, 3)).double()
    fits = largest <= torch.tensor(clips, dtype=torch.float64)[:, None]
    return (fits.sum(0) - 1).clamp(min=0) * (largest > 0)


def _choose(
    layer: ScLayer, batch: _Batch, phase: tuple[list[float], int], *, normalise: bool, upscale: bool
) -> _Choice:
    """The best shift of the layer, and the best clip for it or for each of its channels."""
    clips, gain = phase
    separate = upscale and layer.source.relu
    sums, corrections = [], []
    for level, clip in enumerate(clips):
        _set(layer, clip, 0, gain << level)
        found, units, errors = [], [], []
        for pair in batch.runs(layer):
            found.append(layer.accumulate(*pair))
            units.append(layer.product_scale)
            errors.append((batch.sums - found[-1] * units[-1]).mean((0, 2, 3)).float())
        correction = torch.zeros_like(layer.bias)
        if normalise:
            correction = torch.stack(errors).mean(0)
        steps = [(correction / unit).round()[:, None, None] for unit in units]
        sums.append([each + step for each, step in zip(found, steps, strict=True)])
        corrections.append(correction)
    target = layer.source.finish(batch.sums)
    _set(layer, clips[0], 0, gain)
    shifts = [0]
    if layer.source.relu:
        largest = max(target.max().item(), 1e-9)  # positive where no image fires any neuron
        highest = math.ceil(math.log2(largest / layer.out_scale))
        if (ceiling := layer.source.ceiling) is not None:
            # Full scale must not lie above it, and at it where that is rounding alone.
            highest = min(highest, math.floor(math.log2(ceiling / layer.out_scale) + 1e-6))
        shifts = list(range(highest - FINER_SHIFTS if normalise else highest, highest + 1))
        if layer.neuron == "stream":
            # Thresholds are whole product bits.
            least = layer.sums.length.bit_length() - 1 - layer.bits
            shifts = sorted({max(shift, least) for shift in shifts})
    choices = []
    for shift in shifts:
        errors = []
        for level, (clip, accumulators) in enumerate(zip(clips, sums, strict=True)):
            _set(layer, clip, shift + level, gain << level)
            squares = []
            for _, found in zip(batch.runs(layer), accumulators, strict=True):
                unit = layer.out_scale / layer.one if layer.source.relu else layer.product_scale
                squares.append((layer.finish(found) * unit - target).square().mean((0, 2, 3)))
            errors.append(torch.stack(squares).mean(0))
        table = torch.stack(errors)  # (levels, out)
        if not normalise:
            levels = _unsaturated(layer.scaled_weight, clips) * separate
        elif separate:
            levels = table.argmin(0)
        else:
            levels = table.sum(1).argmin().expand(len(layer.upscale))
        tables = (torch.stack(rows) for rows in (errors, corrections))
        error, correction = (each.gather(0, levels[None])[0] for each in tables)
        first = int(levels.min())
        settings = (clips[first], shift + first, gain << first, levels - first)
        choices.append(_Choice(float(error.sum()), correction, *settings))
    return min(choices, key=lambda choice: choice.error)
