"""A network file in real numbers: what it would give without streams and without rounding."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from bitrain.frontend import FloatLayer
from bitrain.frontend.float_layer import FloatShortcut, walk
from bitrain.golden import run
from bitrain.spec import Layer, Network


class Reals(NamedTuple):
    """Layers in real numbers."""

    chain: list[FloatLayer]
    scales: list[float]
    """What one step of what each layer stores, or one product bit of its scores, stands for."""


def real_chain(network: Network) -> Reals:
    """The network's own weights and biases as real numbers, its activations not rounded.

    With s' the value of full scale after a layer and s of what it reads (both 1, but where a
    shortcut adds maps of scale s_a: there s' = s_a · 2^shift / gain),

        W_o = s' / 2^(n + shift + upscale_o) · L w_o / (2^n s)
        b_o = s' / 2^(n + shift + upscale_o) · (bias_o - half_o)

    of signed magnitudes w, with half_o = 2^(shift + upscale_o - 1), which rounds, or 0 where that
    is less than 1. Activations saturate at s', as those of the network do. Sums of the last layer
    are product bits, or, with a shortcut, s_a / (2^n gain) of them.
    """
    one, chain, units = network.one, list[FloatLayer](), [1 / network.one]
    for layer, parts in zip(network.layers, network.reads, strict=True):
        unit = _unit(layer, units)
        right = layer.shift + layer.upscale.astype(np.int64) if layer.relu else np.zeros(1)
        half = np.where(layer.relu & (right >= 1), 2.0 ** (right - 1), 0)
        bit = torch.from_numpy(unit / 2.0**right).expand(layer.out_channels)
        read = torch.from_numpy(_read_units(network, layer, parts, units))
        weight = torch.from_numpy(layer.weight.astype(np.float64)) / one * layer.stream_length
        weight = weight * bit[:, None, None, None] / (one * _of_groups(read, layer))
        bias = torch.from_numpy(layer.bias - half) * bit
        padding = torch.from_numpy(layer.padding_value.astype(np.float64)) * read
        chain.append(
            FloatLayer(
                name=layer.name,
                kind=layer.kind,
                in_shape=layer.in_shape,
                weight=weight.float(),
                bias=bias.float(),
                groups=layer.groups,
                stride=layer.stride,
                padding=layer.padding,
                padding_after=layer.padding_after,
                padding_value=padding.float() if padding.any() else None,
                dilation=layer.dilation,
                relu=layer.relu,
                ceiling=unit * one if layer.relu else None,
                pool=layer.pool,
                shortcut=_shortcut(network, layer),
                source=layer.source,
                concat_after=layer.concat_after,
            )
        )
        units.append(unit)
    return Reals(chain, units[1:])


def _unit(layer: Layer, units: Sequence[float]) -> float:
    """What a step of what the layer stores stands for, units being those of what was before."""
    if layer.shortcut is None:
        return units[0] if layer.relu else 1.0
    added = units[layer.shortcut.source + 1] / layer.shortcut.gain
    return added * 2.0**layer.shift if layer.relu else added


def _read_units(
    network: Network, layer: Layer, parts: Sequence[int], units: Sequence[float]
) -> np.ndarray:
    """What a step of each input channel stands for, (in,); joined maps have their own."""
    if len(parts) == 1:
        return np.full(layer.in_shape.channels, units[parts[0] + 1])
    area = layer.in_shape.plane
    return np.concatenate(
        [np.full(network.added_shape(part).size // area, units[part + 1]) for part in parts]
    )


def _of_groups(channels: Tensor, layer: Layer) -> Tensor:
    """Numbers of input channels, for the weights that read them: (out, in / groups, 1, 1)."""
    grouped = channels.reshape(layer.groups, 1, layer.group_inputs)
    return grouped.expand(-1, layer.group_channels, -1).flatten(0, 1)[:, :, None, None]


def _shortcut(network: Network, layer: Layer) -> FloatShortcut | None:
    if (given := layer.shortcut) is None:
        return None
    channels = network.added_shape(given.source).channels
    after = layer.out_channels - given.before - channels
    return FloatShortcut(given.source, given.stride, given.before, after)


@torch.no_grad()
def fitted(network: Network, chain: list[FloatLayer], images: np.ndarray) -> Reals:
    """Layers of the float model that a network was made of, with the scales of least error.

    images: integers 0 … 2^n. The file does not say what a step of a layer stands for in the model:
    it is the u of least Σ_c Var(f_c - u s_c), of what the model gives (f) and the network stores
    (s) in channel c, whatever the offsets of the channels are.
    """
    units = []
    for wanted, stored in zip(
        walk_float(chain, torch.from_numpy(images).float() / network.one),
        run(network, images),
        strict=True,
    ):
        s = torch.from_numpy(stored).double()
        f = wanted.reshape(s.shape).double()
        f, s = (each - each.mean((0, 2, 3), keepdim=True) for each in (f, s))
        power = s.square().sum()
        units.append(float((f * s).sum() / power) if power else 1.0)
    return Reals(chain, units)


def walk_float(chain: Sequence[FloatLayer], images: Tensor) -> list[Tensor]:
    """What each layer of a chain gives for images (batch, channels, rows, columns)."""
    return walk(chain, images, lambda index, read, added: chain[index].forward(read, added))
