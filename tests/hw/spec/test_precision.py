"""Networks of fewer bits, against the reference that makes its own of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import of_lengths, padded_network, random_images, random_network, residual_network
from strategies import networks

from bitrain import golden
from bitrain.spec import BitrainError, Network, all_precisions, with_precision


def check(network: Network, images: np.ndarray) -> None:
    for shorter in all_precisions(network).values():
        lost = network.bits - shorter.bits
        found = golden.run_reference(network, images, "bitserial", bits=shorter.bits)
        stored = golden.run_shorter(network, shorter, images, "bitserial")
        for ours, theirs in zip(stored, found, strict=True):
            np.testing.assert_array_equal(ours, theirs)
            assert not (ours % (1 << lost)).any()


@settings(deadline=None, max_examples=30)
@given(network=networks(shortcut=True), seed=st.integers(0, 1000))
def test_runs_are_the_references(network, seed):
    check(network, random_images(network, 1, seed))


@pytest.mark.parametrize("build", [random_network, residual_network, padded_network])
@pytest.mark.parametrize("bits", [3, 5])
def test_layers_of_different_lengths(build, bits):
    """Biases of short streams are coarse already, and lose no more than they have."""
    network = of_lengths(build(1, bits=bits))
    check(network, random_images(network, 2))


def test_bits_that_there_are_not():
    network = random_network(0, bits=3)
    assert with_precision(network, 3) is network
    for bits in (1, 4):
        with pytest.raises(BitrainError, match=f"{bits} bits: expected 2 to 3"):
            with_precision(network, bits)


def test_lengths_of_runs():
    assert list(all_precisions(random_network(0, bits=5))) == [32, 16, 8, 4]
    assert list(all_precisions(random_network(0, bits=5, length=2))) == [2, 1]
