"""Images for a network's test bench."""

import numpy as np
import pytest
from networks import random_network

from bitrain import golden
from bitrain.accelerator import compile_network
from bitrain.flow.networks import (
    RANDOM,
    bench_vectors,
    dataset_of,
    example_vectors,
    read_vectors,
)
from bitrain.program import AcceleratorConfig
from bitrain.spec import BitrainError, Exit, Network, with_prefix

NETWORK = random_network(1, bits=3, in_shape=(1, 8, 8), classes=10)


def test_random_images_need_no_data_set() -> None:
    found = example_vectors(NETWORK, 50, RANDOM)
    assert found.shape == (50, 1, 8, 8) and set(np.unique(found)) == set(range(9))
    np.testing.assert_array_equal(found, example_vectors(NETWORK, 50, RANDOM))


def test_images_of_a_data_set_are_evenly_spaced() -> None:
    found = example_vectors(NETWORK, 3, "digits")
    assert found.shape == (3, 1, 8, 8) and found.max() == 8
    with pytest.raises(BitrainError, match="361 images asked for, the test split has 360"):
        example_vectors(NETWORK, 361, "digits")


@pytest.mark.parametrize("count", [1, 3, 8])
def test_a_bench_has_images_that_stop_everywhere(count) -> None:
    """At an exit where nearly all stop, one or more goes on."""
    short, vectors = with_prefix(NETWORK, 4), example_vectors(NETWORK, 256, RANDOM)
    margins, margin = golden.margins(golden.predict(short, vectors)), 1
    assert (margins[:8] >= margin).all() and (margins < margin).any()
    known = NETWORK.model_copy(update={"exits": (Exit(length=4, margin=margin),)})
    engines = compile_network(known, AcceleratorConfig(early_termination=True))
    chosen = bench_vectors(engines, count, RANDOM)
    assert len(chosen) == count
    np.testing.assert_array_equal(chosen[:1], vectors[:1])
    stops = golden.margins(golden.predict(short, chosen)) >= margin
    assert len(set(stops)) == min(2, count)
    engines = compile_network(NETWORK, AcceleratorConfig())
    np.testing.assert_array_equal(bench_vectors(engines, count, RANDOM), vectors[:count])


def test_data_set_of_a_network() -> None:
    with pytest.raises(BitrainError, match="network 'random1' does not say its data set; give"):
        dataset_of(NETWORK)
    known = Network.model_validate(dict(NETWORK) | {"metadata": {"data": "digits"}})
    assert dataset_of(known).num_classes == 10
    other = random_network(1, bits=3, in_shape=(1, 7, 7), classes=10)
    with pytest.raises(BitrainError, match="data set 'digits': images of shape"):
        dataset_of(other, "digits")
    fewer = random_network(1, bits=3, in_shape=(1, 8, 8), classes=5)
    with pytest.raises(BitrainError, match="gives 5 scores, data set 'digits' has 10 classes"):
        dataset_of(fewer, "digits")
    assert dataset_of(fewer, "digits", labelled=False).num_classes == 10


def test_where_data_came_from(tmp_path) -> None:
    """A network file remembers it; nothing is downloaded that was not asked for."""
    images, labels = np.full((20, 8, 8), 200, np.uint8), np.arange(20) % 10
    np.savez(tmp_path / "set.npz", images=images, labels=labels)
    source = {"data_dir": str(tmp_path / "set.npz"), "split": 0.5, "resize": [8, 8]}
    known = NETWORK.model_copy(update={"metadata": {"data": "images", "source": source}})
    assert len(dataset_of(known).test_labels) == 10
    assert len(dataset_of(known, "images").test_labels) == 10
    with pytest.raises(BitrainError, match="no test part"):
        other = {"data": "digits", "source": source}
        dataset_of(NETWORK.model_copy(update={"metadata": other}), "images", tmp_path)
    (tmp_path / "set.npz").rename(tmp_path / "moved.npz")
    with pytest.raises(
        BitrainError, match=r"trained on images in .*set\.npz, which is not there; "
    ):
        dataset_of(known)
    assert len(dataset_of(known, data_dir=tmp_path / "moved.npz").test_labels) == 10
    far = NETWORK.model_copy(update={"metadata": {"data": "mnist"}})
    with pytest.raises(BitrainError, match="--data-dir with its files, or --data mnist to have it"):
        dataset_of(far)


def test_vectors(tmp_path) -> None:
    path = tmp_path / "images.npy"
    np.save(path, np.arange(128).reshape(2, 1, 8, 8) % 9)
    assert read_vectors(path, NETWORK).max() == 8
    for array, message in (
        (np.full((2, 1, 8, 8), 9), r"numbers 9 … 9, expected 0 … 8: 2\^n times the pixels"),
        (np.zeros((2, 1, 8, 8)), "expected an array of whole numbers 0 … 8"),
        (np.zeros((2, 8, 8), int), "images of shape"),
    ):
        np.save(path, array)
        with pytest.raises(BitrainError, match=message):
            read_vectors(path, NETWORK)
    path.write_bytes(b"x")
    with pytest.raises(BitrainError, match=r"not a \.npy file of numbers; write it with np\.save"):
        read_vectors(path, NETWORK)
