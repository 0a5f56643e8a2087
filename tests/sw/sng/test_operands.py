"""Sampled windows are windows of the padded maps, and their exact sums are exact."""

import numpy as np
import pytest
from networks import padded_network, random_images, random_network, worded

from bitrain import golden
from bitrain.sng.operands import sample_operands


@pytest.mark.parametrize("seed", range(3))
def test_windows_of_every_geometry(seed) -> None:
    """Dilation, uneven margins and what stands around a map; lanes of inputs in words."""
    for network in (padded_network(seed), worded(padded_network(seed), 4)):
        images = random_images(network, 3, seed)
        outputs = golden.run(network, images)
        inputs = golden.layer_inputs(network, images, outputs)
        sampled = sample_operands(network, images, np.random.default_rng(seed), windows=6)
        for layer, maps, operands in zip(network.layers, inputs, sampled, strict=True):
            bare = {"relu": False, "shift": 0, "upscale": None, "pool": None, "shortcut": None}
            sums = type(layer).model_validate(dict(layer) | bare)
            whole = golden.run(network.model_copy(update={"layers": (sums,)}), maps)[-1]
            found = golden.run(operands.neurons, operands.windows)[-1].reshape(6, -1)
            places = whole.transpose(0, 2, 3, 1).reshape(-1, layer.out_channels)
            for row in found:
                if layer.groups == 1:
                    assert (places == row).all(1).any(), layer.name


@pytest.mark.parametrize("seed", range(3))
def test_operands(seed) -> None:
    network = random_network(seed, length=8)
    images = random_images(network, 4, seed)
    outputs = golden.run(network, images)
    inputs = golden.layer_inputs(network, images, outputs)
    sampled = sample_operands(network, images, np.random.default_rng(seed), windows=8)
    for layer, maps, operands in zip(network.layers, inputs, sampled, strict=True):
        (kh, kw), (ph, pw), (_, height, width) = layer.kernel, layer.padding, layer.conv_shape
        (sh, sw), pads = layer.stride, ((0, 0), (0, 0), (ph, ph), (pw, pw))
        padded = np.pad(maps, pads)
        places = {
            padded[i, :, y * sh : y * sh + kh, x * sw : x * sw + kw].tobytes()
            for i, y, x in np.ndindex(len(images), height, width)
        }
        windows = operands.windows[:, :, 0, 0].astype(np.int64)
        assert windows.shape == (8, layer.num_inputs)
        assert all(window.astype(padded.dtype).tobytes() in places for window in windows)
        exact = layer.bias + windows @ layer.weight_matrix.T * (8 / network.one**2)
        np.testing.assert_allclose(operands.exact, exact)
        assert operands.step.shape == (layer.out_channels,)
    first = network.layers[0]
    np.testing.assert_array_equal(sampled[0].step, 2.0 ** (first.shift + first.upscale))
    best = np.sort(outputs[-1].reshape(len(images), -1))[:, -2:]
    assert sampled[-1].step[0] == max(1, (best[:, 1] - best[:, 0]).mean())
