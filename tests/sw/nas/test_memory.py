"""Bytes of tensors alive at one time."""

import torch
from torch import nn

from bitrain.nas.memory import peak_memory

FLOAT = 4


def test_what_is_freed_does_not_count():
    def compute():
        total = torch.zeros(1000)
        for _ in range(5):
            total = total + 1  # the old one goes when the new one is there
        return total.view(10, 100)[:5]  # no memory of its own

    assert peak_memory(compute) == 2 * 1000 * FLOAT


def test_training_keeps_what_the_backward_pass_needs():
    layers = nn.Sequential(*(nn.Sequential(nn.Linear(8, 8), nn.ReLU()) for _ in range(10)))
    inputs = torch.rand(1000, 8)

    def train():
        layers(inputs).sum().backward()

    def look():
        with torch.no_grad():
            layers(inputs)

    one = 1000 * 8 * FLOAT
    assert 10 * one <= peak_memory(train) < 14 * one
    assert peak_memory(look) <= 4 * one
