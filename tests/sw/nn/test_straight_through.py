"""Exact values forward, real gradients backward."""

import pytest
import torch

from bitrain.nn.straight_through import round_through, straight_through


def test_value_of_one_and_gradient_of_the_other():
    weight = torch.tensor([1.0, 2.0], requires_grad=True)
    exact = torch.tensor([10.0, 20.0], dtype=torch.float64)
    found = straight_through(weight * 3, exact)
    assert torch.equal(found, exact) and found.dtype == torch.float64
    (found * torch.tensor([1.0, 5.0])).sum().backward()
    assert weight.grad is not None and weight.grad.tolist() == [3.0, 15.0]


def test_shapes_must_be_the_same():
    with pytest.raises(AssertionError):
        straight_through(torch.zeros(2), torch.zeros(1))


def test_halves_are_rounded_up():
    numbers = torch.tensor([-1.5, -0.5, 0.49, 0.5, 2.5], requires_grad=True)
    found = round_through(numbers)
    assert found.tolist() == [-1, 0, 0, 1, 3]
    found.sum().backward()
    assert numbers.grad is not None and numbers.grad.tolist() == [1] * 5
