"""Mean errors of channels, taken off in their biases.

M. Nagel et al., *Data-Free Quantization Through Weight Equalization and Bias Correction*,
arXiv:1906.04721. It costs nothing: a bias is there anyway.
"""

import numpy as np
import torch
from pydantic import ValidationError

from bitrain import golden
from bitrain.frontend.float_layer import joined
from bitrain.spec import Layer, Network

from .reals import Reals


@torch.no_grad()
def with_offsets(network: Network, reals: Reals, images: np.ndarray) -> Network:
    """``network`` whose accumulators are right on average, channel by channel.

    images: integers 0 … 2^n (images, channels, rows, columns), that the averages are of. Layer by
    layer, with those before it corrected,

        bias_o += round(mean(A'_o - A_o))

    of accumulators A and what they should be, A'_o = f_o 2^(shift + upscale_o) / u + half_o, with f
    the real layer's sums and u what a step stands for (product bits of scores: A' = f / u). Layers
    in stream mode stay as they are, and so do those whose sums would go beyond the contract.
    """
    wanted = [torch.from_numpy(images).float() / network.one]
    stored, layers = list[np.ndarray](), list(network.layers)
    for index, (layer, parts) in enumerate(zip(network.layers, network.reads, strict=True)):
        real = reals.chain[index]
        added = wanted[real.shortcut.source + 1] if real.shortcut else None
        sums = real.accumulate(joined(wanted, parts), added)
        wanted.append(real.finish(sums))
        reads = _read(layer, parts, images, stored)
        if layer.neuron == "counter":
            found, _ = golden.layer_sums(network, layer, reads, (*stored, images))
            target = sums.numpy().reshape(found.shape).mean((0, 2, 3)) / reals.scales[index]
            if layer.relu:
                right = layer.shift + layer.upscale.astype(np.int64)
                half = np.where(right >= 1, 2.0 ** (right - 1), 0)
                target = target * 2.0**right + half
            layers[index] = _biased(layer, np.rint(target - found.mean((0, 2, 3))))
        stored.append(golden.run_layer(network, layers[index], reads, (*stored, images)))
    return Network.model_validate(dict(network) | {"layers": tuple(layers)})


def _read(
    layer: Layer, parts: tuple[int, ...], images: np.ndarray, stored: list[np.ndarray]
) -> np.ndarray:
    maps = [images if part < 0 else stored[part] for part in parts]
    return np.concatenate(maps, 1).reshape(len(images), *layer.in_shape)


def _biased(layer: Layer, bias: np.ndarray) -> Layer:
    try:
        return Layer.model_validate(dict(layer) | {"bias": bias.astype(np.int64)})
    except ValidationError:
        return layer
