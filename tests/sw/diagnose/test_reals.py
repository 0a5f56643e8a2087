"""A network file in real numbers."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import dense_network, projected_network, random_images, streamed
from strategies import networks

from bitrain import golden
from bitrain.diagnose.reals import fitted, real_chain, walk_float
from bitrain.frontend.float_layer import joined
from bitrain.nn import ScConfig, convert
from bitrain.spec import Network, to_unipolar


def own_errors(network: Network, images: np.ndarray) -> None:
    """Each real layer of what is really stored, and exact products of the same."""
    reals = real_chain(network)
    stored = golden.run(network, images)
    units = [1 / network.one, *reals.scales]
    maps = [
        torch.from_numpy(part) * unit for part, unit in zip([images, *stored], units, strict=True)
    ]
    reads = golden.layer_inputs(network, images, stored)
    for index, layer in enumerate(network.layers):
        real = reals.chain[index]
        added = maps[real.shortcut.source + 1].float() if real.shortcut else None
        read = joined(maps[: index + 1], network.reads[index]).float()
        wanted = real.forward(read, added).numpy() / units[index + 1]
        exact = golden.run_layer(network, layer, reads[index], (*stored, images), "binary")
        if layer.relu:
            assert np.abs(wanted.clip(0, network.one).reshape(exact.shape) - exact).max() <= 1.001
        else:
            exact = exact * (layer.stream_length / network.one**2)
            wanted = wanted.reshape(exact.shape)
            assert np.allclose(wanted, exact, rtol=1e-4, atol=1e-4 * np.abs(exact).max())


@settings(deadline=None, max_examples=60)
@given(network=networks(), seed=st.integers(0, 1000))
def test_real_layers_are_exact_products_not_rounded(network, seed):
    own_errors(network, random_images(network, 3, seed))


@pytest.mark.parametrize("build", [dense_network, projected_network])
def test_maps_behind_each_other_and_added_have_their_scales(build):
    network = build(3)
    own_errors(network, random_images(network, 4))


def test_stream_mode_is_taken_for_what_it_estimates():
    network = streamed(projected_network(1))
    own_errors(network, random_images(network, 2))


@pytest.mark.parametrize("seed", range(4))
def test_of_many_bits_it_is_the_float_model(make_case, seed):
    case = make_case(seed)
    sc = convert(case.model, case.in_shape, case.images, ScConfig(bits=9))
    network = sc.to_network("many")
    images = torch.from_numpy(case.images)
    wanted = sc.float_scores(images)
    found = walk_float(real_chain(network).chain, images)[-1].flatten(1)
    found = found * sc.steps[-1].product_scale
    assert (found - wanted).square().mean() < 1e-3 * wanted.var()


def test_steps_of_a_float_model_are_fitted(make_case):
    case = make_case(1)
    sc = convert(case.model, case.in_shape, case.images, ScConfig(bits=8))
    network = sc.to_network("fitted")
    chain = [layer.source for layer in sc.steps]
    units = fitted(network, chain, to_unipolar(case.images, network.bits)).scales
    wanted = [layer.out_scale / network.one for layer in sc.steps[:-1]]
    assert units == pytest.approx([*wanted, sc.steps[-1].product_scale], rel=0.02)
