"""Exact sums on every path against bits written out; gradients without a real-valued forward."""

import numpy as np
import pytest
import torch
from convolutions import lane_bits
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import banks
from torch import Tensor
from torch.nn import functional as F

from bitrain.nn.sums import BinarySums, ExactSums, Geometry, StochasticSums, _exact_dtype
from bitrain.spec import BitrainError, Lfsr, SngBank, VanDerCorput, Word, input_slots

BITS = 5


def stochastic(bits: int = BITS, num_lanes: int = 5, length: int = 16) -> StochasticSums:
    first = SngBank.wired(Lfsr(width=bits), num_lanes, "rotated")
    second = SngBank.wired(VanDerCorput(width=bits), num_lanes, "rotated")
    return StochasticSums(first, second, length)


def draw(bits: int = BITS, images: int = 2, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Activations (images, 3, 6, 5) and weights (4, 3, 3, 2), whole numbers."""
    generator, one = torch.Generator().manual_seed(seed), 1 << bits
    activations = torch.randint(one + 1, (images, 3, 6, 5), generator=generator)
    weight = torch.randint(-one, one + 1, (4, 3, 3, 2), generator=generator)
    return activations.float(), weight.float()


def bit_by_bit(
    sums: StochasticSums, activations: Tensor, weight: Tensor, slots: np.ndarray | None = None
) -> Tensor:
    """What one convolution per cycle and input channel of 0/1 numbers gives, in float64."""
    slots = np.arange(weight[0].numel()) if slots is None else slots
    activation_bank, weight_bank = sums.streams.activation_bank, sums.streams.weight_bank
    rows, columns = weight.shape[2:]
    windows = F.unfold(activations.double(), (rows, columns), padding=(1, 0), stride=(1, 2))
    matrix = weight.flatten(1).double()
    numbers = windows.numpy().swapaxes(1, 2), matrix.abs().numpy()
    x = lane_bits(activation_bank, slots, numbers[0], sums.length).swapaxes(1, 2)
    y = lane_bits(weight_bank, slots, numbers[1], sums.length)
    total = torch.zeros(len(activations), len(weight), windows.shape[2], dtype=torch.float64)
    for t in range(sums.length):
        a = torch.from_numpy(x[..., t]).double()
        w = torch.from_numpy(y[..., t]).double() * matrix.sign()
        total += w @ a
    across = (activations.shape[3] - columns) // 2 + 1
    return total.reshape(len(activations), len(weight), -1, across)


@settings(deadline=None, max_examples=25)
@given(
    data=st.data(), bits=st.integers(2, 8), num_lanes=st.integers(1, 25), seed=st.integers(0, 99)
)
def test_packed_streams_and_matrix_products_are_the_bits_written_out(data, bits, num_lanes, seed):
    length = 1 << data.draw(st.integers(0, bits))
    sums = StochasticSums(
        data.draw(banks(bits, num_lanes)), data.draw(banks(bits, num_lanes)), length
    )
    activations, weight = draw(bits, seed=seed)
    wanted = bit_by_bit(sums, activations, weight)
    geometry = (1, 2), (1, 0)
    assert torch.equal(sums(activations, weight, Geometry(*geometry)).double(), wanted)
    assert torch.equal(sums.multiply(activations, weight, Geometry(*geometry)).double(), wanted)


@pytest.mark.parametrize("along", ["channels", "columns"])
@pytest.mark.parametrize("size", [2, 4, 8])
def test_inputs_in_words(size, along):
    sums, (activations, weight) = stochastic(), draw()
    slots = input_slots(Word(size=size, along=along).slots((3, 3, 2)))
    wanted = bit_by_bit(sums, activations, weight, slots)
    geometry = Geometry((1, 2), (1, 0), slots=slots)
    assert torch.equal(sums(activations, weight, geometry).double(), wanted)
    assert torch.equal(sums.multiply(activations, weight, geometry).double(), wanted)
    other_lanes = (slots % 5 != np.arange(18) % 5).any()
    assert torch.equal(bit_by_bit(sums, activations, weight), wanted) != other_lanes


@pytest.mark.parametrize("bits_at_once", [1, 100, 10_000])
def test_matrix_products_in_chunks(bits_at_once, monkeypatch):
    sums, (activations, weight) = stochastic(), draw(images=3)
    whole = sums.multiply(activations, weight, Geometry())
    monkeypatch.setattr("bitrain.nn.sums.BITS_AT_ONCE", bits_at_once)
    assert torch.equal(sums.multiply(activations, weight, Geometry()), whole)


@pytest.mark.parametrize("groups", [2, 3, 6])
@pytest.mark.parametrize("sums", [stochastic(), BinarySums(BITS, 16)])
def test_groups_are_convolutions_of_their_own(sums, groups):
    """On every path, values and gradients; input k of each group uses lane k mod N."""
    generator = torch.Generator().manual_seed(groups)
    activations = torch.randint(33, (2, 6, 5, 5), generator=generator).float()
    weight = torch.randint(-32, 33, (12, 6 // groups, 3, 2), generator=generator).float()
    geometry = (1, 2), (1, 0)

    def grouped(activations: Tensor, weight: Tensor) -> Tensor:
        return sums(activations, weight, Geometry(*geometry, groups=groups))

    def one_by_one(activations: Tensor, weight: Tensor) -> Tensor:
        pairs = zip(activations.chunk(groups, 1), weight.chunk(groups), strict=True)
        return torch.cat([sums(*pair, Geometry(*geometry)) for pair in pairs], 1)

    wanted = one_by_one(activations, weight)
    assert torch.equal(grouped(activations, weight), wanted)
    if isinstance(sums, StochasticSums):
        found = sums.multiply(activations, weight, Geometry(*geometry, groups=groups))
        assert torch.equal(found.to(wanted.dtype), wanted)
    pairs = (gradients(function, activations, weight) for function in (grouped, one_by_one))
    for ours, real in zip(*pairs, strict=True):
        torch.testing.assert_close(ours, real)


def test_binary_sums_are_the_convolution_of_the_integers():
    activations, weight = draw()
    found = BinarySums(BITS, 16)(activations, weight, Geometry((1, 2), (1, 0)))
    wanted = F.conv2d(activations.double(), weight.double(), None, (1, 2), (1, 0)) * 16 / 4**BITS
    assert torch.equal(found.double(), wanted)


def test_sums_that_no_accumulator_holds():
    with pytest.raises(BitrainError, match="biases are too large for its weights"):
        _exact_dtype(1 << 53)


@pytest.mark.parametrize("length", [8, 256])
def test_type_is_the_least_that_is_exact(length):
    """In float32 sums of 2^24 and their neighbours would be the same."""
    stream_sums, binary = stochastic(8, 2, length), BinarySums(8, length)
    assert stream_sums.dtype((1 << 24) // length - 1) == torch.float32
    assert stream_sums.dtype((1 << 24) // length) == torch.float64
    assert stream_sums.dtype(1, (1 << 24) - length) == torch.float64
    assert binary.dtype(255) == torch.float32
    assert binary.dtype(256) == torch.float64
    assert binary.dtype(1, length << 8) == torch.float64


def test_large_binary_sums_are_exact():
    """300 products of 2^8 - 1 and 2^8 - 1: odd, and beyond what float32 holds."""
    activations = torch.full((1, 301, 1, 1), 255.0)
    found = BinarySums(8, 256)(activations, activations)
    assert found.dtype == torch.float64
    assert found.item() == 301 * 255 * 255 / 256


# --- gradients ---------------------------------------------------------------------------------


def gradients(function, activations: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    activations, weight = activations.clone().requires_grad_(), weight.clone().requires_grad_()
    out = function(activations, weight)
    upstream = torch.randn(out.shape, generator=torch.Generator().manual_seed(1)).to(out.dtype)
    first, second = torch.autograd.grad(out, (activations, weight), upstream)
    return first, second


@pytest.mark.parametrize("sums", [stochastic(), BinarySums(BITS, 16)], ids=["stochastic", "binary"])
def test_gradients_are_the_real_layers(sums: ExactSums):
    geometry = (1, 2), (1, 0)
    found = gradients(lambda a, w: sums(a, w, Geometry(*geometry)), *draw())
    scale = sums.length / 4**BITS
    wanted = gradients(lambda a, w: F.conv2d(a, w, None, *geometry) * scale, *draw())
    for ours, real in zip(found, wanted, strict=True):
        assert real.abs().max() > 0
        torch.testing.assert_close(ours, real, rtol=1e-5, atol=1e-5)


def test_only_the_gradients_asked_for():
    activations, weight = draw()
    weight.requires_grad_()
    stochastic()(activations, weight).sum().backward()
    assert weight.grad is not None and activations.grad is None


def test_autocast_keeps_sums_exact_and_takes_gradients_in_its_type():
    activations, weight = draw()
    for sums in stochastic(), BinarySums(BITS, 16):
        wanted = sums(activations, weight)
        exact = gradients(sums, activations, weight)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert torch.equal(sums(activations, weight), wanted)
            rough = gradients(sums, activations, weight)
        for ours, real in zip(rough, exact, strict=True):
            assert ours.dtype == torch.float32
            assert not torch.equal(ours, real), "not in bfloat16"
            assert (ours - real).norm() < 0.02 * real.norm()
