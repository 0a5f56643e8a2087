"""Files of tensors that notice damage."""

import random
from zipfile import BadZipFile

import pytest
import torch

from bitrain.train.sealed import load_sealed, save_sealed

STATE = {"weight": torch.arange(600.0), "losses": [1.5, 2.5]}


def flipped(content: bytes, bit: int) -> bytes:
    damaged = bytearray(content)
    damaged[bit // 8] ^= 1 << bit % 8
    return bytes(damaged)


def test_every_damaged_bit_is_noticed(tmp_path):
    path = tmp_path / "state.pt"
    save_sealed(STATE, path)
    content = path.read_bytes()
    noticed = 0
    for bit in random.Random(0).sample(range(8 * len(content)), 500):
        path.write_bytes(flipped(content, bit))
        try:
            assert torch.equal(load_sealed(path)["weight"], STATE["weight"])
        except (BadZipFile, RuntimeError):
            noticed += 1
    assert noticed > 495  # but for the seal's own length


def test_torch_reads_them(tmp_path):
    path = tmp_path / "state.pt"
    save_sealed(STATE, path)
    for found in load_sealed(path), torch.load(path, weights_only=True):
        assert torch.equal(found["weight"], STATE["weight"])
        assert found["losses"] == STATE["losses"]


def test_without_a_seal(tmp_path):
    """What older versions wrote; the archive's own checksums hold for what is in it."""
    path = tmp_path / "state.pt"
    torch.save(STATE, path)
    assert torch.equal(load_sealed(path)["weight"], STATE["weight"])
    content = path.read_bytes()
    weights = content.index(STATE["weight"].numpy().tobytes())
    path.write_bytes(flipped(content, 8 * weights + 77))
    with pytest.raises(BadZipFile):
        load_sealed(path)
