"""Where the errors of a network come from, layer by layer.

The golden model is compared with the same layers in real numbers, on the same images. Of a layer,
with f what it should store (in steps of what it stores) and s what it stores, over all images,
channels and positions,

    SNR = 10 log10(Σ_c Var(f_c) / mean((s - f)^2 summed over channels)) dB

so that neither a constant nor an offset counts as signal. Its **own** errors are those that are
left when it reads what the layers before it really store: f then is the real layer of just that.
They are taken apart in three, b being what exact products of the same integers give:

    streams     Σ (s - b)^2
    saturation  Σ (b - f)^2 where f is beyond full scale
    rounding    Σ (b - f)^2 elsewhere: of weights, biases and what is stored

and as shares of their sum. The share of Σ (s - f)^2 that is the mean of a channel is its offset.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from bitrain import golden
from bitrain.frontend.float_layer import joined
from bitrain.spec import BitrainError, Layer, Network, lengthened

from .reals import Reals, walk_float

BATCH = 50
"""Images at a time."""


@dataclass(frozen=True, kw_only=True)
class Gain:
    """What one change makes of the classes, in per cent of the images.

    Standard errors are the root of how many images change sides. Images that the float model has
    learnt are right with large margins: there, agreement with it shows more than accuracy.
    """

    points: float
    """Accuracy gained."""
    error: float
    """Its standard error."""
    agreement: float
    """Gained of the images that get the float model's class."""
    agreement_error: float

    @property
    def helps(self) -> bool:
        """More accuracy by over one standard error; or, if that does not decide, more agreement."""
        if abs(self.points) > self.error:
            return self.points > 0
        return self.agreement > self.agreement_error


@dataclass(frozen=True, kw_only=True)
class LayerReport:
    """Of one layer; SNRs in dB, shares 0 … 1."""

    name: str
    stream_length: int
    macs: int
    snr: float
    """Of streams, with the errors of the layers before."""
    integer_snr: float
    """The same of exact products of the same integers, in all layers."""
    own_snr: float
    """Of its own errors alone."""
    streams: float
    """Share of its own errors that streams make."""
    rounding: float
    saturation: float
    offset: float
    """Share of its own errors that is the mean of a channel."""
    saturated: float
    """Share of what it stores that is at full scale."""
    dead: float
    """Share of its channels that stored nothing but zero."""
    spread: float
    """Largest value of the channel with the largest range over that of the median channel, of the
    real layer."""
    in_float: Gain
    """If this layer alone were computed in real numbers; it stores what it did, rounded."""
    doubled: Gain | None
    """If its streams were twice as long; None where they cannot be."""

    @property
    def gains(self) -> list[Gain]:
        """Those that there are."""
        return [gain for gain in (self.in_float, self.doubled) if gain]


@dataclass
class _Moments:
    """Sums over images and positions, by channel: (channels,), float64."""

    count: int = 0
    f: np.ndarray = field(default_factory=lambda: np.zeros(()))
    ff: np.ndarray = field(default_factory=lambda: np.zeros(()))
    s: np.ndarray = field(default_factory=lambda: np.zeros(()))
    ss: np.ndarray = field(default_factory=lambda: np.zeros(()))
    fs: np.ndarray = field(default_factory=lambda: np.zeros(()))

    def add(self, wanted: np.ndarray, stored: np.ndarray) -> None:
        """Both (batch, channels, rows, columns)."""
        f, s = (x.astype(np.float64) for x in (wanted, stored))
        self.count += f[:, 0].size
        for name, product in (("f", f), ("ff", f * f), ("s", s), ("ss", s * s), ("fs", f * s)):
            setattr(self, name, getattr(self, name) + product.sum((0, 2, 3)))

    def snr(self, unit: float) -> float:
        """Of u s against f, in dB."""
        signal = (self.ff - self.f**2 / self.count).sum()
        noise = (self.ff - 2 * unit * self.fs + unit**2 * self.ss).sum()
        return _decibels(signal, noise)


@dataclass
class _Own:
    """A layer's own errors, added up."""

    signal: _Moments = field(default_factory=_Moments)
    streams: float = 0
    rounding: float = 0
    saturation: float = 0

    def shares(self) -> dict[str, float]:
        """Of the three kinds, and of means of channels."""
        whole = self.streams + self.rounding + self.saturation
        moments = self.signal
        means = ((moments.s - moments.f) ** 2 / max(1, moments.count)).sum()
        total = (moments.ff - 2 * moments.fs + moments.ss).sum()
        kinds = {name: getattr(self, name) for name in ("streams", "rounding", "saturation")}
        found = {name: float(part / whole) if whole > 0 else 0.0 for name, part in kinds.items()}
        return found | {"offset": float(means / total) if total > 0 else 0.0}


def measure_layers(
    network: Network,
    reals: Reals,
    images: np.ndarray,
    labels: np.ndarray,
    advance: Callable[[], None] = lambda: None,
) -> tuple[dict[str, float], list[LayerReport]]:
    """Accuracies in per cent, and every layer.

    reals: layers to compare with. images: integers 0 … 2^n (images, channels, rows, columns), with
    their classes. advance: is called ``num_steps`` times.
    """
    measurement = _Measurement(network, reals, images, labels, advance)
    reports = measurement.reports()
    return measurement.accuracies(), reports


def num_steps(network: Network, count: int) -> int:
    """How often :func:`measure_layers` of so many images says that it goes on."""
    return -(-count // BATCH) * (1 + len(network.layers))


class _Measurement:
    """What is added up, batch by batch."""

    def __init__(
        self,
        network: Network,
        reals: Reals,
        images: np.ndarray,
        labels: np.ndarray,
        advance: Callable[[], None],
    ):
        self.network, self.reals, self.images, self.labels = network, reals, images, labels
        self.advance = advance
        layers = network.layers
        self.so_far = [(_Moments(), _Moments()) for _ in layers]
        self.own = [_Own() for _ in layers]
        self.largest = [np.zeros(layer.out_shape.channels) for layer in layers]
        self.fired = [np.zeros(layer.out_shape.channels, bool) for layer in layers]
        self.full = np.zeros(len(layers))
        self.doubled = [_doubled(network, layer) for layer in layers]
        self.classes: dict[tuple[str, int], list[np.ndarray]] = {}
        """As the network is (index -1), and with one layer changed."""

    def reports(self) -> list[LayerReport]:
        for batch in self._batches():
            self._compare(batch)
            self.advance()
        for batch in self._batches():
            self._take_apart(batch)
        return [self._report(index) for index in range(len(self.network.layers))]

    def accuracies(self) -> dict[str, float]:
        """Per cent of the images, of the real layers, streams, and exact products."""
        names = ("float", "streams", "integers")
        return {name: 100 * float((self._found(name) == self.labels).mean()) for name in names}

    def _found(self, what: str, index: int = -1) -> np.ndarray:
        return np.concatenate(self.classes[what, index])

    def _batches(self) -> Iterator[np.ndarray]:
        for first in range(0, len(self.images), BATCH):
            yield self.images[first : first + BATCH]

    def _compare(self, batch: np.ndarray) -> None:
        """Streams and integers with the real network."""
        wanted = walk_float(self.reals.chain, self._real(batch))
        streams, integers = (
            golden.run(self.network, batch, arithmetic) for arithmetic in ("stochastic", "binary")
        )
        for name, scores in (("float", wanted[-1].numpy()), ("integers", integers[-1])):
            self._note(name, -1, scores)
        layers = zip(self.network.layers, wanted, streams, integers, strict=True)
        for index, (layer, f, s, b) in enumerate(layers):
            f = f.numpy().reshape(s.shape)
            for moments, stored in zip(
                self.so_far[index], (s, self._product_bits(layer, b)), strict=True
            ):
                moments.add(f, stored)
            self.largest[index] = np.maximum(self.largest[index], f.max((0, 2, 3)))
            self.fired[index] |= s.any((0, 2, 3))
            self.full[index] += (s == self.network.one).sum() if layer.relu else 0

    def _take_apart(self, batch: np.ndarray) -> None:
        """Each layer's own errors, and what would be right without them."""
        network = self.network
        stored = golden.run(network, batch)
        reads = golden.layer_inputs(network, batch, stored)
        self._note("streams", -1, stored[-1])
        for index, layer in enumerate(network.layers):
            given = reads[index], (*stored, batch)
            exact = self._product_bits(layer, golden.run_layer(network, layer, *given, "binary"))
            f = self._wanted(index, batch, stored)
            own, s = self.own[index], stored[index]
            own.signal.add(f, s)
            own.streams += float(((s - exact) ** 2.0).sum())
            beyond = (f > network.one) & layer.relu
            errors = (exact - f) ** 2.0
            own.saturation += float(errors[beyond].sum())
            own.rounding += float(errors[~beyond].sum())
            if layer.relu:
                f = np.rint(f).clip(0, network.one).astype(np.int64)
            self._resume("in_float", index, batch, (*stored[:index], f))
            if (longer := self.doubled[index]) is not None:
                s = golden.run_layer(network, longer, *given)
                self._resume("doubled", index, batch, (*stored[:index], s))
            self.advance()

    def _wanted(self, index: int, batch: np.ndarray, stored: Sequence[np.ndarray]) -> np.ndarray:
        """What a layer should store of what it really reads, in steps of what it stores."""
        layer, scales = self.reals.chain[index], self.reals.scales
        maps = [self._real(batch)]
        maps += [_tensor(part) * unit for part, unit in zip(stored[:index], scales, strict=False)]
        added = maps[layer.shortcut.source + 1] if layer.shortcut else None
        found = layer.forward(joined(maps, self.network.reads[index]), added)
        return found.numpy().reshape(stored[index].shape) / scales[index]

    def _resume(
        self, what: str, index: int, batch: np.ndarray, stored: tuple[np.ndarray, ...]
    ) -> None:
        """The classes, with what the layers up to ``index`` store given."""
        scores = stored[-1]
        if index < len(self.network.layers) - 1:
            scores = golden.run(self.network, batch, stored=stored)[-1]
        self._note(what, index, scores)

    def _note(self, what: str, index: int, scores: np.ndarray) -> None:
        found = scores.reshape(len(scores), -1).argmax(1)
        self.classes.setdefault((what, index), []).append(found)

    def _gain(self, what: str, index: int) -> Gain:
        before, after = self._found("streams"), self._found(what, index)
        return gain_of(before, after, self.labels, self._found("float"))

    def _report(self, index: int) -> LayerReport:
        layer, own = self.network.layers[index], self.own[index]
        largest = self.largest[index]
        streams, integers = self.so_far[index]
        unit, firing = self.reals.scales[index], largest[largest > 0]
        stored = len(self.images) * layer.out_shape.size
        return LayerReport(
            name=layer.name,
            stream_length=layer.stream_length,
            macs=layer.macs,
            snr=streams.snr(unit),
            integer_snr=integers.snr(unit),
            own_snr=own.signal.snr(1.0),
            **own.shares(),
            saturated=float(self.full[index] / stored),
            dead=float(1 - self.fired[index].mean()) if layer.relu else 0.0,
            spread=float(firing.max() / np.median(firing)) if layer.relu and len(firing) else 1.0,
            in_float=self._gain("in_float", index),
            doubled=None if self.doubled[index] is None else self._gain("doubled", index),
        )

    def _real(self, batch: np.ndarray) -> Tensor:
        return _tensor(batch) / self.network.one

    def _product_bits(self, layer: Layer, stored: np.ndarray) -> np.ndarray:
        """What exact products give, in the steps of streams: scores are finer by far."""
        if layer.relu:
            return stored
        return stored * (layer.stream_length / self.network.one**2)


def gain_of(before: np.ndarray, after: np.ndarray, labels: np.ndarray, floats: np.ndarray) -> Gain:
    """Of classes before and after a change, those that are right, and those of the float model.

    All are (images,), integers.
    """
    points, error = _changed(before == labels, after == labels)
    agreement, agreement_error = _changed(before == floats, after == floats)
    return Gain(points=points, error=error, agreement=agreement, agreement_error=agreement_error)


def _changed(before: np.ndarray, after: np.ndarray) -> tuple[float, float]:
    """Gained, and its standard error, in per cent."""
    lost, won = int((before & ~after).sum()), int((after & ~before).sum())
    return 100 * (won - lost) / len(before), 100 * float(np.sqrt(won + lost)) / len(before)


def _doubled(network: Network, layer: Layer) -> Layer | None:
    if 2 * layer.stream_length > network.one:
        return None
    try:
        return lengthened(layer, 2 * layer.stream_length)
    except BitrainError:  # in stream mode, or beyond the contract's shifts
        return None


def _decibels(signal: float, noise: float) -> float:
    if signal <= 0:
        return 0.0
    return float(10 * np.log10(signal / max(noise, signal * 1e-12)))


def _tensor(integers: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(integers)).float()
