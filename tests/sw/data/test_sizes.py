"""Files that declare or unpack more than any data set has, refused before memory is taken."""

import gzip
import io
import resource
import struct
import tarfile
import zipfile

import numpy as np
import pytest
from image_trees import encode

from bitrain.data import load_dataset
from bitrain.spec import BitrainError

MEMORY = 1 << 29
"""Bytes that a refusal may add to what this process has taken at most."""


@pytest.fixture(autouse=True)
def peak():
    """Memory stays bounded."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10 < MEMORY


def refusal(name: str, path) -> str:
    with pytest.raises(BitrainError) as error:
        load_dataset(name, path)
    return str(error.value)


def zeros(count: int) -> bytes:
    """Gzip of so many MiB of zeros, one member after the other."""
    return gzip.compress(bytes(1 << 20)) * count


@pytest.fixture
def idx(tmp_path):
    """MNIST whose training images are the bytes given."""

    def write(content: bytes):
        for part in "train", "t10k":
            for kind in "images-idx3", "labels-idx1":
                path = tmp_path / f"{part}-{kind}-ubyte.gz"
                path.write_bytes(gzip.compress(struct.pack(">II", 0x801, 0)))
        (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(content)
        return tmp_path

    return write


def test_a_gz_of_zeros(idx):
    assert "magic number 0, expected 2051" in refusal("mnist", idx(zeros(3000)))


def test_an_idx_with_more_behind_it(idx):
    header = gzip.compress(struct.pack(">IIII", 0x803, 1, 28, 28))
    assert "785 bytes of data, expected 784" in refusal("mnist", idx(header + zeros(2000)))


def test_an_idx_that_declares_a_terabyte(idx):
    content = gzip.compress(struct.pack(">IIII", 0x803, 1 << 20, 1 << 10, 1 << 10))
    assert "1,099,511,627,776 bytes, expected at most" in refusal("mnist", idx(content))


@pytest.mark.parametrize("kind", ["member", "array"])
def test_an_npz_that_declares_a_terabyte(tmp_path, kind):
    path, array = tmp_path / "mine.npz", io.BytesIO()
    shape = (1 << 20, 1 << 10, 1 << 10)
    np.lib.format.write_array_header_1_0(
        array, {"descr": "|u1", "fortran_order": False, "shape": shape}
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("train_images.npy", array.getvalue())
        if kind == "member":
            archive.infolist()[0].file_size = 1 << 40
    message = refusal("images", path)
    assert str(path) in message and ("bytes, expected at most" in message or "cannot be" in message)


def test_a_tar_whose_member_is_huge(tmp_path):
    path = tmp_path / "pets.tar.gz"
    head = tarfile.TarInfo("train/a/1.png")
    head.size = 3 << 30
    path.write_bytes(gzip.compress(head.tobuf()) + zeros(3000))
    assert "train/a/1.png: 3,221,225,472 bytes, expected at most" in refusal("images", path)


def test_a_zip_whose_member_is_huge(tmp_path):
    path = tmp_path / "pets.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in "train", "test":
            archive.writestr(f"{part}/a/1.png", bytes(100 << 20))
    assert "1.png: 104,857,600 bytes, expected at most" in refusal("images", path)


def test_a_picture_of_many_pixels(tmp_path):
    for part in "train", "test":
        (tmp_path / part / "a").mkdir(parents=True)
        (tmp_path / part / "a" / "1.png").write_bytes(encode(np.zeros((9000, 9000), np.uint8)))
    message = refusal("images", tmp_path)
    assert "1.png: 9000 x 9000: 243,000,000 bytes, expected at most" in message


def test_a_pickle_that_remembers_too_much(tmp_path):
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    for name in [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch", "batches.meta"]:
        (folder / name).write_bytes(b"\x80\x02}r\xff\xff\xff\x1f.")
    assert "it puts object 536870911 of so few bytes" in refusal("cifar10", folder)
