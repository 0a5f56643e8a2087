"""Where torch computes."""

import pytest
import torch

from bitrain.nn import best_device


@pytest.mark.parametrize(
    ("available", "rank", "device"),
    [(False, None, "cpu"), (False, "1", "cpu"), (True, None, "cuda"), (True, "2", "cuda:2")],
)
def test_the_processs_own_gpu_where_there_is_one(monkeypatch, available, rank, device):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    if rank is not None:
        monkeypatch.setenv("LOCAL_RANK", rank)
    assert best_device() == torch.device(device)
