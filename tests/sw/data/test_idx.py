"""IDX files: what is read, and what is said of files that are wrong."""

import gzip
import struct

import numpy as np
import pytest

from bitrain.data import load_dataset
from bitrain.spec import BitrainError

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


def idx(array: np.ndarray) -> bytes:
    header = struct.pack(f">{array.ndim + 1}I", 0x800 | array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()


@pytest.fixture
def arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    counts = {"train": 7, "t10k": 3}
    arrays = {}
    for split, count in counts.items():
        arrays[f"{split}-images-idx3-ubyte"] = rng.integers(0, 256, (count, 28, 28))
        arrays[f"{split}-labels-idx1-ubyte"] = rng.integers(0, 10, count)
    return arrays


@pytest.fixture
def folder(tmp_path, arrays):
    for name, array in arrays.items():
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(idx(array)))
    return tmp_path


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("nested", [True, False])
def test_read(tmp_path, arrays, name, compressed, nested) -> None:
    target = tmp_path / name if nested else tmp_path
    target.mkdir(exist_ok=True)
    for file, array in arrays.items():
        content = idx(array)
        path = target / (f"{file}.gz" if compressed else file)
        path.write_bytes(gzip.compress(content) if compressed else content)
    data = load_dataset(name, str(tmp_path))
    assert data.name == name and data.num_classes == 10 and data.in_shape == (1, 28, 28)
    wanted = arrays[IMAGES].astype(np.float32)[:, None] / 255
    np.testing.assert_allclose(data.train_images, wanted, rtol=1e-6)
    np.testing.assert_array_equal(data.train_labels, arrays[LABELS])
    assert data.test_images.shape == (3, 1, 28, 28)


def refuses(folder, message: str) -> None:
    with pytest.raises(BitrainError) as error:
        load_dataset("mnist", folder)
    assert str(error.value) == message


def test_missing_file(folder) -> None:
    (folder / f"{LABELS}.gz").unlink()
    refuses(folder, f"{folder}: no {LABELS}.gz (or {LABELS}); put the four IDX files there")


def test_not_gzip(folder) -> None:
    path = folder / f"{IMAGES}.gz"
    path.write_bytes(b"<html>not found</html>")
    refuses(folder, f"{path}: cannot be read (Not a gzipped file (b'<h')); get the file again")


def test_broken_gzip(folder) -> None:
    path = folder / f"{IMAGES}.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(BitrainError, match=r"ubyte.gz: cannot be read \(.*\); get the file again$"):
        load_dataset("mnist", folder)


@pytest.mark.parametrize(("content", "found"), [(idx(np.zeros(3)), "2049"), (b"", "nothing")])
def test_wrong_magic_number(folder, content, found) -> None:
    path = folder / f"{IMAGES}.gz"
    path.write_bytes(gzip.compress(content))
    refuses(folder, f"{path}: magic number {found}, expected 2051; get the original IDX file")


def test_header_cut_short(folder, arrays) -> None:
    path = folder / f"{IMAGES}.gz"
    path.write_bytes(gzip.compress(idx(arrays[IMAGES])[:14]))
    refuses(folder, f"{path}: the header is cut short; get the file again")


@pytest.mark.parametrize("change", [-1, 1])
def test_wrong_length(folder, arrays, change) -> None:
    path = folder / f"{IMAGES}.gz"
    content = idx(arrays[IMAGES])
    path.write_bytes(gzip.compress(content[:change] if change < 0 else content + b"0"))
    refuses(
        folder,
        f"{path}: {7 * 28 * 28 + change} bytes of data, expected 5488 for 7 x 28 x 28; the file is "
        "cut short or spoilt, get it again",
    )


def test_wrong_size(folder) -> None:
    path = folder / f"{IMAGES}.gz"
    path.write_bytes(gzip.compress(idx(np.zeros((7, 8, 8)))))
    refuses(folder, f"{path}: images of 8 x 8 x 1, expected 28 x 28 x 1 (height, width, channels)")


def test_counts_differ(folder) -> None:
    path = folder / f"{LABELS}.gz"
    path.write_bytes(gzip.compress(idx(np.zeros(6))))
    refuses(
        folder,
        f"{path}: 6 labels, expected 7, one for each image of {folder / IMAGES}.gz; get both from "
        "the same source",
    )


def test_label_out_of_range(folder) -> None:
    path = folder / f"{LABELS}.gz"
    path.write_bytes(gzip.compress(idx(np.full(7, 10))))
    refuses(folder, f"{path}: label 10, expected 0 … 9, a number for each class")


def test_original_files(shared_data) -> None:
    data = load_dataset("mnist", shared_data)
    assert data.train_images.shape == (60000, 1, 28, 28)
    assert data.test_images.shape == (10000, 1, 28, 28)
    assert data.train_labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert data.test_labels[:5].tolist() == [7, 2, 1, 0, 4]
    # The mean and the deviation that everybody normalises with.
    assert data.train_images.mean() == pytest.approx(0.1307, abs=5e-5)
    assert data.note == "MNIST handwritten digits, IDX files"
