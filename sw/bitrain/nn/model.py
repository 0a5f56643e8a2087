"""A trained model turned into the network that the accelerator computes, still trainable."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, TypedDict, Unpack

import numpy as np
import torch
from torch import Tensor, nn

from bitrain.frontend import FloatLayer, Origin, read_model
from bitrain.frontend.float_layer import walk
from bitrain.program import find_arithmetic
from bitrain.spec import (
    BitrainError,
    Network,
    Neuron,
    Shape,
    best_word,
    check_images,
    parts_read,
    to_unipolar,
)
from bitrain.spec.precision import LEAST_BITS

from .calibrate import Run, calibrate, calibration_batch
from .config import ScConfig
from .layer import Noise, ScLayer
from .or_sums import OredSums
from .sums import BinarySums, BitSerialSums, ExactSums, StochasticSums


def lengths_and_neurons(
    chain: Sequence[FloatLayer], config: ScConfig
) -> tuple[list[int], list[Neuron]]:
    """L and mode of each layer; :class:`BitrainError` for what ``config`` asks but no layer can."""
    names = [source.name for source in chain]
    neurons = config.neurons_of(names)
    for source, neuron in zip(chain, neurons, strict=True):
        if neuron == "stream" and source.shortcut:
            raise BitrainError(
                f"{source.name}: a shortcut is added there, which stream mode cannot do; set "
                f"layer_neurons: {{{source.name}: counter}}"
            )
    return config.lengths_of(names), neurons


def _product_bits(config: ScConfig, length: int) -> ExactSums:
    streams = *config.banks(), length
    return OredSums(*streams, config.or_lanes) if config.or_lanes > 1 else StochasticSums(*streams)


SUMS: dict[str, Callable[[ScConfig, int], ExactSums]] = {
    "stochastic": _product_bits,
    "binary": lambda config, length: BinarySums(config.bits, length),
    "bitserial": lambda config, length: BitSerialSums(config.bits, length),
}
"""Sums in each arithmetic (``bitrain.program.arithmetics``), for streams of so many bits."""


class Options(TypedDict, total=False):
    """How a module is read (``bitrain.frontend.read_model``)."""

    replace_activations: bool
    exact_borders: bool


class ScModel(nn.Module):
    """Layers in order, one :class:`ScLayer` for each ``spec.Layer`` of the exported network."""

    def __init__(
        self,
        chain: list[FloatLayer],
        config: ScConfig,
        arithmetic: str = "stochastic",
        in_shape: Shape | None = None,
    ):
        """in_shape: of one image, where the first layer flattens it; else that layer's own."""
        super().__init__()
        self.in_shape = in_shape or chain[0].in_shape
        self.config = config
        self.arithmetic = arithmetic
        self.origins: list[Origin] = []
        """What became of each operation of the module that was converted."""
        lengths, neurons = lengths_and_neurons(chain, config)
        fires = find_arithmetic(arithmetic).has_streams
        sums = {length: SUMS[arithmetic](config, length) for length in set(lengths)}
        modes: list[Neuron] = [neuron if fires else "counter" for neuron in neurons]
        parts = map(len, parts_read(chain))
        self.layers = nn.ModuleList(
            ScLayer(
                *(source, config.bits, sums[length]),
                parts=count,
                neuron=mode,
                lost={self._lost(prefix, length) for prefix in self.prefixes},
                **words,
            )
            for source, length, count, mode, words in zip(
                *(chain, lengths, parts, modes, _words(chain, self.in_shape, config.word)),
                strict=True,
            )
        )

    @property
    def steps(self) -> list[ScLayer]:
        """The layers in order."""
        return [layer for layer in self.layers if isinstance(layer, ScLayer)]

    @property
    def prefixes(self) -> list[int]:
        """Lengths of the runs, L the last; integers have none of less than two bits."""
        if find_arithmetic(self.arithmetic).has_streams:
            return list(self.config.prefixes)
        shortest = self.config.length >> self.config.bits - LEAST_BITS
        return [length for length in self.config.prefixes if length >= shortest]

    def _lost(self, prefix: int, length: int) -> int:
        """What a layer of ``length`` has as d in the shorter run of ``prefix``."""
        if find_arithmetic(self.arithmetic).has_streams:
            return (length // min(length, prefix)).bit_length() - 1
        return (self.config.length // prefix).bit_length() - 1

    @contextmanager
    def prefix(self, length: int) -> Iterator[None]:
        """Within it, all is of the shorter run of ``length``, one of ``prefixes``.

        With integers in the place of streams it has as many bits less as the streams have halvings.
        """
        for layer in self.steps:
            layer.lost = self._lost(length, layer.full_sums.length)
        try:
            yield
        finally:
            for layer in self.steps:
                layer.lost = 0

    def quantise(self, images: Tensor) -> Tensor:
        """Pixels in [0, 1] to the integers 0 … 2^n that the run at work reads of them."""
        first = self.steps[0]
        integers = to_unipolar(images.detach().cpu().numpy(), first.bits)
        integers >>= first.bits - first.sums.bits
        return torch.from_numpy(integers).to(images.device, torch.float32)

    def run(self, images: Tensor) -> list[Tensor]:
        """Integers that every layer stores, and the accumulators of the last: its scores."""
        return self._walk(self.quantise(images), lambda layer, x, added: layer(x, added))

    def _walk(
        self,
        inputs: Tensor,
        step: Callable[[ScLayer, Tensor, Tensor | None], Tensor],
        count: int | None = None,
    ) -> list[Tensor]:
        """What ``step`` makes of the first ``count`` layers, what they read and shortcuts add."""
        layers = self.steps[:count]
        check_images(inputs.shape, self.in_shape)
        return walk(
            [layer.source for layer in layers],
            inputs,
            lambda index, x, added: step(layers[index], x, added),
        )

    @torch.no_grad()
    def calibrate_noise(self, images: Tensor) -> None:
        """Measure every layer's stochastic errors on a batch; training then adds noise like them.

        Sums of real numbers are quicker than exact ones, the more so the longer the streams are.
        Evaluation stays exact. :class:`BitrainError` with OR groups: how far these saturate depends
        on the image and is no noise.
        """
        if self.config.or_lanes > 1:
            raise BitrainError(
                f"or_lanes = {self.config.or_lanes}: noise on real sums does not model how OR "
                "groups saturate; train with exact sums (noise_epochs: 0, mode: exact)"
            )

        def measure(layer: ScLayer, activations: Tensor, added: Tensor | None) -> Tensor:
            exact = layer.accumulate(activations, added)
            error = exact - layer.accumulate(activations, added, real=True)
            moments = error.mean((0, 2, 3)), error.std((0, 2, 3))
            layer.noise[layer.lost] = Noise(*(each[:, None, None].float() for each in moments))
            return layer.finish(exact)

        self.use_exact()
        for length in self.prefixes:
            with self.prefix(length):
                self._walk(self.quantise(images.to(self.steps[0].weight.device)), measure)

    def use_exact(self) -> None:
        """Train through exact sums again."""
        for layer in self.steps:
            layer.noise = {}

    def forward(self, images: Tensor) -> Tensor:
        """Scores (batch, classes) in the unit of the float network's, for images in [0, 1]."""
        scores = self.run(images)[-1].flatten(1)
        return scores.float() * self.steps[-1].product_scale

    def activation(self, images: Tensor, index: int) -> Tensor:
        """What layer ``index`` stores, in the unit of the float network."""
        layer = self.steps[index]
        stored = self._walk(
            self.quantise(images), lambda layer, x, added: layer(x, added), index + 1
        )[-1]
        unit = layer.out_scale / layer.one if layer.source.relu else layer.product_scale
        return stored.float() * unit

    @torch.no_grad()
    def float_activation(self, images: Tensor, index: int) -> Tensor:
        """What layer ``index`` of the float network that was converted gives."""
        return self._walk(
            images, lambda layer, x, added: layer.source.forward(x, added), index + 1
        )[-1]

    def float_scores(self, images: Tensor) -> Tensor:
        """Scores (batch, classes) of the float network that was converted."""
        return self.float_activation(images, len(self.steps) - 1).flatten(1)

    def to_network(self, name: str, metadata: dict[str, Any] | None = None) -> Network:
        """The network as it is written to a file."""
        activation_bank, weight_bank = self.config.banks()
        flattens = self.in_shape != self.steps[0].source.in_shape
        return Network(
            name=name,
            activation_bank=activation_bank,
            weight_bank=weight_bank,
            or_lanes=self.config.or_lanes,
            layers=tuple(layer.to_layer() for layer in self.steps),
            image_shape=self.in_shape if flattens else None,
            metadata=metadata or {},
        )


def _words(
    chain: Sequence[FloatLayer], in_shape: Shape, size: Literal[1, 2, 4, 8]
) -> Iterator[dict[str, Any]]:
    """How the inputs of each layer are put into words, as :class:`ScLayer` takes it."""
    stored = [in_shape, *(layer.out_shape for layer in chain)]
    for layer, parts in zip(chain, parts_read(chain), strict=True):
        if size == 1:
            yield {}
            continue
        maps = [stored[part + 1] for part in parts]
        window, flattened = Shape(*layer.weight.shape[1:]), None
        if layer.kind == "linear":
            window = flattened = maps[-1]._replace(channels=sum(each.channels for each in maps))
        yield {"word": best_word(window, size, layer.dilation), "flattened": flattened}


def convert(
    model: nn.Module,
    in_shape: Sequence[int],
    images: np.ndarray | Tensor,
    config: ScConfig,
    arithmetic: str = "stochastic",
    **reading: Unpack[Options],
) -> ScModel:
    """Fold, normalise and quantise a trained module; the module itself is left alone.

    in_shape: of one image, as the module reads it. images: training images (batch, *in_shape) in
    [0, 1], ``config.calibration_images`` of which calibrate the scales, and show whether the layers
    compute what the module does. Raises :class:`BitrainError` naming an operation that the
    accelerator cannot run, and the way out, or one whose layers do not give what it gives.
    """
    batch = calibration_batch(images, in_shape, config.calibration_images)
    to_unipolar(batch.numpy(), config.bits)  # refuses what is beyond [0, 1], NaN too
    read = read_model(model, in_shape, batch, **reading)
    sc_model = calibrated(read.chain, batch.reshape(-1, *read.in_shape), config, arithmetic)
    sc_model.origins = read.origins
    return sc_model


def calibrated(
    chain: list[FloatLayer], images: Tensor, config: ScConfig, arithmetic: str = "stochastic"
) -> ScModel:
    """A chain in an arithmetic, its scales chosen for that.

    images: (batch, channels, rows, columns) in [0, 1].
    """
    sc_model = ScModel(chain, config, arithmetic, Shape(*images.shape[1:]))
    runs = []
    for length in sc_model.prefixes:
        with sc_model.prefix(length):
            lost = [layer.lost for layer in sc_model.steps]
            runs.append(Run(lost, sc_model.quantise(images)))
    steps, upscale = sc_model.steps, config.upscale
    calibrate(steps, images, runs, normalise=config.normalise, upscale=upscale)
    return sc_model.eval()
