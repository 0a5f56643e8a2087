"""Data sets by name."""

import pytest

from bitrain.data import list_datasets, load_dataset
from bitrain.spec import BitrainError


def test_names() -> None:
    assert list_datasets() == ["digits", "fashion_mnist", "mnist"]


def test_unknown_name() -> None:
    with pytest.raises(BitrainError) as error:
        load_dataset("cifar")
    assert str(error.value) == (
        "data set 'cifar' is unknown; choose one of ['digits', 'fashion_mnist', 'mnist']"
    )
