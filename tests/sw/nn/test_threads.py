"""Torch's number of threads."""

import pytest
import torch

from bitrain.nn import torch_threads


def test_threads_are_kept() -> None:
    with torch_threads():
        torch.set_num_threads(2)
    assert torch.get_num_threads() == 1
    with torch_threads(2):
        assert torch.get_num_threads() == 2
    assert torch.get_num_threads() == 1


def test_they_are_kept_where_something_fails() -> None:
    with pytest.raises(KeyError), torch_threads(2):
        raise KeyError
    assert torch.get_num_threads() == 1
